"""Doorbell: each closing of the contact is one call; a broken line is told once and heals."""

from __future__ import annotations

from edge.access.doorbell import Doorbell
from edge.access.gpio import GpioContact
from edge.config.contacts import ContactSettings
from tests.access.test_barrier import FakeChip


class House:
    """A doorbell with its chip, and who heard it."""

    def __init__(self) -> None:
        self.chip = FakeChip()
        self.rung = 0
        self.faults = 0
        contact = GpioContact(ContactSettings(line=5), self.chip, calls=True)
        self.bell = Doorbell("gate", contact, self._ring, self._fault)

    def _ring(self) -> None:
        self.rung += 1

    def _fault(self) -> None:
        self.faults += 1


def test_contact_that_closes_calls_once() -> None:
    """A bouncing relay gives several edges at once."""
    house = House()
    house.chip.calls = [5, 5, 5]
    assert house.bell.listen(0.1)
    assert house.bell.listen(0.1)
    assert house.rung == 1


def test_broken_line_is_told_once_and_heals() -> None:
    """A USB relay card fell out: the camera goes on without the loop."""
    house = House()
    house.chip.unplugged = True
    assert [house.bell.listen(0.1) for _ in range(3)] == [False] * 3
    assert (house.faults, house.rung) == (1, 0)
    house.chip.unplugged = False
    house.chip.calls = [5]
    assert house.bell.listen(0.1)
    assert house.rung == 1


def test_stopped_doorbell_lets_go_of_its_line() -> None:
    """The next start wants it."""
    house = House()
    house.bell.listen(0.1)
    house.bell.stop()
    house.bell.run()
    assert house.chip.released == 1

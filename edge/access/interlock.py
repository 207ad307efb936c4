"""What a barrier's contacts say before, during and after a command. No thread, no waiting.

The loop says that a vehicle stands there, `closed` that the barrier is down. Without a contact nothing is known,
and nothing hangs on it; a contact that cannot be read is a fault, never a "yes".
"""

from __future__ import annotations

from dataclasses import dataclass

from edge.access.gpio import Contact

NO_VEHICLE = "no vehicle stands at the barrier"


@dataclass(frozen=True, slots=True)
class Interlock:
    """The contacts of one barrier; None: there is none."""

    loop: Contact | None = None
    closed: Contact | None = None

    def objection(self, *, gone: bool) -> str:
        """Return why no command may be given now; empty when it may.

        Args:
            gone: the camera has seen the vehicle leave; what the loop says is newer.

        Raises:
            BarrierFault: a contact cannot be read.
        """
        if self.loop is not None and not self.loop.active():
            return NO_VEHICLE
        if self.loop is None and gone:
            return "the vehicle has left"
        if self.closed is not None and not self.closed.active():
            return "the barrier is open already"
        return ""

    def down(self) -> bool | None:
        """Tell whether the barrier is down; None when nothing tells.

        Raises:
            BarrierFault: the contact cannot be read.
        """
        return None if self.closed is None else self.closed.active()

    def close(self) -> None:
        """Let go of the contacts."""
        for contact in (self.loop, self.closed):
            if contact is not None:
                contact.close()


@dataclass(slots=True)
class HoldGuard:
    """Notices a barrier that stays open: a car stands under it, somebody lifts it, or its drive is broken."""

    after_s: float
    _since_s: float | None = None
    _told: bool = False

    def see(self, down: bool | None, now_s: float) -> bool | None:
        """Return True when the barrier has just counted as held open, False when it is down again, else None."""
        if down is None or down:
            ended, self._since_s, self._told = self._told, None, False
            return False if ended else None
        self._since_s = now_s if self._since_s is None else self._since_s
        if self._told or now_s - self._since_s < self.after_s:
            return None
        self._told = True
        return True

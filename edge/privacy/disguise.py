"""In which form an event leaves: plate in clear, as a pseudonym or cut short, its picture kept, blurred or dropped.

The one place on the way out: every sink gets its events through a `Disguise`,
and the web page asks the same one. Whatever could give the plate away goes
with it: rivals, masked form, additions, picture and its address.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from edge.config.privacy import DisclosureSettings, PrivacySettings, TopicSettings
from edge.errors import ConfigError, SinkUnavailable, StorageError
from edge.protocols import Sink
from edge.tracking.grammar import canonical
from edge.types import EventType, Evidence, GateEvent, Verdict

PRIVACY = "privacy"  # name of the addition that tells a consumer in which form the plate came
WITHHELD = "withheld"  # stands for an addition that held the plate
Form = Literal["clear", "pseudonym", "truncated"]


@dataclass(frozen=True, slots=True)
class Disguise:
    """How plates and pictures look to one reader; the default shows everything."""

    form: Form = "clear"
    pictures: Literal["kept", "blurred", "dropped"] = "kept"
    in_clear: frozenset[EventType] = frozenset()
    keep_characters: int = 3
    pseudonym: Callable[[str], str] = str  # canonical plate -> pseudonym; raises StorageError, ConfigError
    blur: Callable[[bytes], bytes | None] = lambda jpeg: None  # None: it cannot be, and is dropped

    @property
    def clear(self) -> bool:
        """Tell whether plates are shown as they are."""
        return self.form == "clear"

    @property
    def teaches(self) -> bool:
        """Tell whether a picture is seen with its plate, as a label for training needs them."""
        return self.clear and self.pictures == "kept"

    def text(self, plate: str) -> str:
        """Return what stands for `plate`.

        Raises:
            StorageError, ConfigError: the key of the pseudonyms cannot be used.
        """
        if not plate or self.clear:
            return plate
        return self.pseudonym(canonical(plate)) if self.form == "pseudonym" else plate[: self.keep_characters]

    def event(self, event: GateEvent) -> GateEvent:
        """Return `event` as this reader may see it; the identifier and the sequence stay.

        Raises:
            StorageError, ConfigError: the key of the pseudonyms cannot be used.
        """
        if event.type is EventType.GAP or event.type in self.in_clear:
            return event
        shown = replace(event, evidence=self._evidence(event.evidence))
        if self.clear:
            return shown
        details = (*self._details(event), (PRIVACY, self.form))
        return replace(shown, plate=None if event.plate is None else self._plate(event.plate), details=details)

    def _plate(self, plate: Verdict) -> Verdict:
        text = self.text(plate.text)
        rivals: tuple[tuple[str, float], ...] = ((text, plate.probability),)  # cut short, rivals look like the answer
        if self.form == "pseudonym":
            rivals = tuple((self.text(rival), probability) for rival, probability in plate.alternatives)
        return replace(plate, text=text, alternatives=rivals, masked="", basis=None)

    def _evidence(self, evidence: Evidence) -> Evidence:
        if self.pictures == "kept":
            return evidence
        if self.pictures == "dropped" or evidence.crop_jpeg is None:
            return Evidence()
        return Evidence(crop_jpeg=self.blur(evidence.crop_jpeg))

    def _details(self, event: GateEvent) -> list[tuple[str, str | int | float | bool | None]]:
        plate = event.plate
        known = {plate.text, *(text for text, _ in plate.alternatives)} - {""} if plate else set()
        shown: list[tuple[str, str | int | float | bool | None]] = []
        for name, value in event.details:
            if isinstance(value, str) and names_a_plate(name):
                shown.append((name, self.text(value)))
            elif isinstance(value, str) and any(text in canonical(value) for text in known):
                shown.append((name, WITHHELD))
            else:
                shown.append((name, value))
        return shown


class DisguisedSink:
    """A sink that sees its events in disguise. Implements `Sink`."""

    def __init__(self, sink: Sink, disguise: Disguise) -> None:
        self._sink = sink
        self._disguise = disguise

    @property
    def name(self) -> str:
        return self._sink.name

    def write(self, batch: Sequence[GateEvent]) -> None:
        try:
            disguised = [self._disguise.event(event) for event in batch]
        except (StorageError, ConfigError) as error:  # never in clear because the key is gone: events wait
            raise SinkUnavailable(f"{self.name}: {error}") from error
        self._sink.write(disguised)

    def interrupt(self) -> None:
        self._sink.interrupt()

    def close(self) -> None:
        self._sink.close()


def names_a_plate(detail: str) -> bool:
    """Tell whether an addition of this name holds a plate: `plate`, or anything that ends with `_plate`."""
    return detail == "plate" or detail.endswith("_plate")


def disguises(
    chosen: PrivacySettings, pseudonym: Callable[[str], str], blur: Callable[[bytes], bytes | None]
) -> Mapping[str, Disguise]:
    """Return sink -> disguise. A sink that is not named here gets no events: its builder has to decide."""
    ways = {"mqtt": chosen.mqtt, "webhook": chosen.webhook, "history": chosen.web}
    shown = {sink: _disguise(way, chosen.keep_characters, pseudonym, blur) for sink, way in ways.items()}
    return shown | {"parking": Disguise()}  # pairs entries with exits, here


def _disguise(
    chosen: DisclosureSettings,
    keep_characters: int,
    pseudonym: Callable[[str], str],
    blur: Callable[[bytes], bytes | None],
) -> Disguise:
    pictures = chosen.pictures
    if pictures == "as-plates":
        pictures = "kept" if chosen.plates == "clear" else "dropped"
    in_clear = frozenset(map(EventType, chosen.in_clear)) if isinstance(chosen, TopicSettings) else frozenset()
    return Disguise(chosen.plates, pictures, in_clear, keep_characters, pseudonym, blur)

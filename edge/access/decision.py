"""What the site decides about a vehicle, and why. Pure logic: time and lists are passed in.

The barrier opens only for a plate that is listed, valid here and now, read well
enough, going the right way, and clearly likelier than every other listed plate.
Everything doubtful goes to a person.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import tzinfo
from enum import Enum

from edge.access.lists import Entry, ListKind, PlateLists
from edge.access.matching import Match, matches
from edge.config.access import AccessLaneSettings
from edge.types import Direction, GateEvent, Verdict

CLEARLY = 10.0  # the best listed plate must be this many times likelier than the next one
WORTH_ASKING = 0.02  # a listed plate that is this likely, but not likely enough, is a matter for a person


class Decision(str, Enum):
    """What happens to the vehicle."""

    OPEN = "open"
    REFUSE = "refuse"
    MANUAL_ASSIST = "manual_assist"  # a person should look
    RECORD_ONLY = "record_only"


@dataclass(frozen=True, slots=True)
class Ruling:
    """A decision with everything that explains it."""

    decision: Decision
    rule: str  # short name of the rule that decided, e.g. allow-list
    reason: str  # for people; holds no plate
    probability: float  # that the vehicle carries the listed plate; of the text where none is listed
    lists_version: str
    watched: tuple[Entry, ...] = ()  # entries of watch lists that it matches
    listed: bool = False  # it is rather on a list of the site than not, whatever follows from that


def rule(event: GateEvent, lane: AccessLaneSettings | None, lists: PlateLists, zone: tzinfo) -> Ruling:
    """Return what the lane's rules say about `event`, a passage that is still going on.

    Args:
        event: its plate, direction, lane and moment count.
        lane: rules of its lane; None: nothing is decided there, only watch lists apply.
        lists: in force.
        zone: of the site's clock, for weekdays and hours.
    """
    verdict = event.plate
    if verdict is None or not verdict.text:
        decision = Decision.MANUAL_ASSIST if lane else Decision.RECORD_ONLY
        return Ruling(decision, "unread", "the plate could not be read", 0.0, lists.version)
    case = _Case(event, verdict, matches(lists, verdict), lists.version, zone)
    if lane is None:
        ruling = case.ruled(Decision.RECORD_ONLY, "no-barrier", "nothing is decided in this lane")
    else:
        ruling = _by_lane(case, lane)
    watched = case.watched(lane.deny_probability if lane else 0.5)
    return replace(ruling, watched=watched, listed=any(m.probability >= 0.5 for m in case.found))


@dataclass(frozen=True, slots=True)
class _Case:
    """One vehicle before the judge."""

    event: GateEvent
    verdict: Verdict
    found: tuple[Match, ...]
    lists_version: str
    zone: tzinfo

    def ruled(self, decision: Decision, name: str, reason: str, match: Match | None = None) -> Ruling:
        """Return a ruling with the probability of `match`, or of the text as read."""
        probability = self.verdict.probability if match is None else match.probability
        return Ruling(decision, name, reason, probability, self.lists_version)

    def valid(self, match: Match, kind: ListKind, *, without_clock: bool) -> bool:
        """Tell whether an entry of `kind` applies here and now; `without_clock` is the answer while UTC is not set."""
        for entry in match.entries:
            if entry.kind is not kind:
                continue
            if entry.needs_clock and not self.event.clock_synchronised:
                if without_clock:
                    return True
            elif entry.applies(self.event.lane, self.event.captured_at, self.zone):
                return True
        return False

    def watched(self, least: float) -> tuple[Entry, ...]:
        """Return the watch entries that the vehicle matches with at least that probability."""
        hits = [m for m in self.found if m.probability >= least and self.valid(m, ListKind.WATCH, without_clock=True)]
        return tuple(e for m in hits for e in m.entries if e.kind is ListKind.WATCH)


def _by_lane(case: _Case, lane: AccessLaneSettings) -> Ruling:
    denied = next((m for m in case.found if case.valid(m, ListKind.DENY, without_clock=True)), None)
    if denied is not None and denied.probability >= lane.deny_probability:
        return case.ruled(Decision.REFUSE, "deny-list", "the plate is on the deny list", denied)
    direction = case.event.direction
    if lane.direction not in ("any", direction.value):
        if direction is Direction.UNKNOWN:
            return case.ruled(Decision.MANUAL_ASSIST, "direction", "the direction is not known")
        return case.ruled(Decision.RECORD_ONLY, "direction", f"this lane opens for {lane.direction} only")
    best = next((m for m in case.found if any(e.kind is ListKind.ALLOW for e in m.entries)), None)
    if best is None or best.probability < WORTH_ASKING:
        return _unlisted(case, lane)
    return _listed(case, lane, best)


def _unlisted(case: _Case, lane: AccessLaneSettings) -> Ruling:
    decision = Decision(lane.unknown)
    if decision is Decision.OPEN and case.verdict.probability < lane.open_probability:
        return case.ruled(Decision.MANUAL_ASSIST, "unsure", "the plate is not read surely enough")
    return case.ruled(decision, "not-listed", "the plate is on no list")


def _listed(case: _Case, lane: AccessLaneSettings, best: Match) -> Ruling:
    if not case.valid(best, ListKind.ALLOW, without_clock=False):
        if not case.event.clock_synchronised and any(e.needs_clock for e in best.entries):
            reason = "the clock is not set, so validity cannot be checked"
            return case.ruled(Decision.MANUAL_ASSIST, "clock", reason, best)
        return case.ruled(Decision.REFUSE, "not-valid", "listed, but not valid in this lane at this time", best)
    if not best.read or best.probability < lane.open_probability:
        return case.ruled(Decision.MANUAL_ASSIST, "unsure", "listed, but not read surely enough", best)
    rival = max((m.probability for m in case.found if m.key != best.key), default=0.0)
    if best.probability < CLEARLY * rival:
        return case.ruled(Decision.MANUAL_ASSIST, "ambiguous", "two listed plates are about equally likely", best)
    return case.ruled(Decision.OPEN, "allow-list", "the plate is on the allow list", best)

"""For how long what is kept: the class of an event, and from which moment on each class is too old. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from edge.config.privacy import KeepSettings
from edge.protocols import KeepClass
from edge.types import EventType, GateEvent

LISTED = "listed"  # name of the addition that tells whether the vehicle is on a list of the site


def keep_class(event: GateEvent) -> KeepClass:
    """Return why `event` is kept; a vehicle of which nothing is known is on no list."""
    if event.type is EventType.WATCH_HIT:
        return KeepClass.WATCH
    if event.type is EventType.SESSION_CLOSED:
        return KeepClass.SESSION
    return KeepClass.LISTED if dict(event.details).get(LISTED) is True else KeepClass.UNLISTED


def oldest_kept(keep: KeepSettings, now: datetime) -> Mapping[KeepClass, datetime]:
    """Return the moment before which each class is forgotten."""
    days = {
        KeepClass.LISTED: keep.listed_days,
        KeepClass.UNLISTED: keep.unlisted_days,
        KeepClass.SESSION: keep.session_days,
        KeepClass.WATCH: keep.watch_days,
        KeepClass.LABEL: keep.label_days,
    }
    return {kept_as: now - timedelta(days=count) for kept_as, count in days.items()}

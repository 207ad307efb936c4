"""Where plates are kept: the one list of stores. Whoever adds a store that holds plates adds it here."""

from __future__ import annotations

from edge.config.settings import Settings
from edge.privacy.history_data import HistoryData
from edge.privacy.labels_data import LabelsData
from edge.privacy.lists_data import ListsData
from edge.privacy.outbox_data import OutboxData
from edge.privacy.parking_data import ParkingData
from edge.protocols import PersonalData


def stores_of_passages(settings: Settings) -> tuple[PersonalData, ...]:
    """Return what the gate wrote down by itself, in the order in which events travel."""
    kept = settings.web.history
    return (
        OutboxData(settings.outbox.path),
        ParkingData(settings.parking.path),
        HistoryData(kept.path),
        LabelsData(kept.labels),
    )


def stores(settings: Settings) -> tuple[PersonalData, ...]:
    """Return all stores, those that the site fills by hand included."""
    return (*stores_of_passages(settings), ListsData(settings.access.lists))

"""One metric: what it is called, what it means, and what a person does about it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Kind = Literal["counter", "gauge", "histogram", "info"]


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric: `meaning` is its help text, `action` what a person does when it looks wrong."""

    name: str
    kind: Kind
    labels: tuple[str, ...]
    meaning: str
    action: str
    values: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # label -> all values it can have
    buckets: tuple[float, ...] = ()

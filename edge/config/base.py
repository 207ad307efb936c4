"""What all sections of the settings share: frozen, no unknown keys, documented fields."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Fraction = Annotated[float, Field(ge=0.0, le=1.0)]
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$")]
Port = Annotated[int, Field(ge=1, le=65535)]
PointFraction = tuple[Fraction, Fraction]  # x, y as shares of the picture's width and height


class Section(BaseModel):
    """A part of the settings. Every field has a description: the reference is generated from them."""

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True)

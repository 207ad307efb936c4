"""Settings of contacts: inputs of the gate computer that loops, buttons and barriers switch."""

from __future__ import annotations

from pydantic import Field

from edge.config.base import Section


class ContactSettings(Section):
    """One input line of a GPIO chip."""

    chip: str = Field("/dev/gpiochip0", description="Character device of the chip.")
    line: int = Field(ge=0, le=1023, description="Number of the line.")
    active_low: bool = Field(False, description="The contact pulls the line low when it closes.")
    debounce_ms: int = Field(30, ge=0, le=5_000, description="A change shorter than this is bounce.")

"""The web page for the person at the gate: see, search, aim, try."""

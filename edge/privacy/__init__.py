"""Personal data: what leaves the gate in which form, how long it stays, and how it is found and erased."""

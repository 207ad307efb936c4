"""anpr-edge: reads number plates at a gate and publishes one event per passage."""

__version__ = "0.1.0"

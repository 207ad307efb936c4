"""The settings of one process: what may be set (sections) and how a file becomes settings (load)."""

from edge.config.load import effective, load, mask_url, parse
from edge.config.settings import Settings

__all__ = ["Settings", "effective", "load", "mask_url", "parse"]

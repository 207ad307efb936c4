"""Kinds of video addresses, and how to show one without its secrets.

Functions on text; only `is_known_host` asks the network.
"""

from __future__ import annotations

import socket
from urllib.parse import urlsplit

from edge.logs import masked

_GSTREAMER = "gst:"


def shown(url: str) -> str:
    """Return `url` with user, password and secret parameters replaced by ***: the form for logs and errors."""
    return masked(url)


def is_rtsp(url: str) -> bool:
    return url.lower().startswith(("rtsp://", "rtsps://"))


def is_gstreamer(url: str) -> bool:
    return url.lower().startswith(_GSTREAMER)


def gstreamer_pipeline(url: str) -> str:
    """Return the pipeline of a gst: address."""
    return url[len(_GSTREAMER) :].strip()


def is_usb(url: str) -> bool:
    return url.startswith("/dev/video")


def is_file(url: str) -> bool:
    """Tell whether `url` is a recorded file: it has an end and can be read at any pace."""
    scheme, separator, _ = url.partition("://")
    if separator:
        return scheme.lower() == "file"
    return not is_usb(url) and not is_gstreamer(url)


def is_known_host(url: str) -> bool:
    """Tell whether the host of `url` has an address; True where it names none. May wait for the name server."""
    try:
        host = urlsplit(url).hostname
        return not host or bool(socket.getaddrinfo(host, None))
    except (OSError, ValueError):
        return False

"""Starts and stops the RTSP server of tests, and says why where it cannot."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from functools import cache
from pathlib import Path

import pytest

from tests.servers.mosquitto import free_port

_PYTHON = "/usr/bin/python3"
_SERVER = Path(__file__).with_name("rtsp_server.py")


@cache
def missing() -> str | None:
    """Return what keeps the server from running, or None."""
    if not Path(_PYTHON).exists():
        return f"{_PYTHON} is missing"
    code = (
        "import gi; gi.require_version('GstRtspServer', '1.0'); from gi.repository import Gst, GstRtspServer; "
        "Gst.init(None); assert all(map(Gst.ElementFactory.find, ('qtdemux', 'h264parse', 'h265parse', 'rtph264pay')))"
    )
    done = subprocess.run([_PYTHON, "-c", code], capture_output=True, check=False)
    packages = "gir1.2-gst-rtsp-server-1.0 python3-gi gstreamer1.0-plugins-good gstreamer1.0-plugins-bad"
    return None if done.returncode == 0 else f"install {packages}"


needs_rtsp = pytest.mark.skipif(missing() is not None, reason=str(missing()))


class RtspServer:
    """A camera as a process of its own, so that it can be killed.

    Args:
        streams: path in the URL -> file it plays.
        port: to listen on; by default a free one. Give the same to let a dead camera come back.
        user, password: when given, asked of every viewer.
        digest: ask for them by digest instead of basic authentication.
    """

    def __init__(
        self,
        streams: Mapping[str, Path],
        *,
        port: int | None = None,
        user: str = "",
        password: str = "",
        digest: bool = False,
    ) -> None:
        self.port = port or free_port()
        login = ["--user", user, "--password", password] if user else []
        self._command = [_PYTHON, str(_SERVER), str(self.port), *(f"{k}={v}" for k, v in streams.items()), *login]
        self._command += ["--digest"] if digest else []
        self._process: subprocess.Popen[str] | None = None

    def url(self, path: str, login: str = "") -> str:
        return f"rtsp://{login}{'@' if login else ''}127.0.0.1:{self.port}/{path}"

    def start(self) -> None:
        self._process = subprocess.Popen(self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line.startswith("ready"), f"the RTSP server did not start: {line!r}"

    def tell(self, command: str) -> None:
        """Send "mute" or "unmute" and wait until it is done."""
        assert self._process is not None and self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(command + "\n")
        self._process.stdin.flush()
        assert self._process.stdout.readline().strip() == "ok"

    def kill(self) -> None:
        """End it as a power cut does."""
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None

    def __enter__(self) -> RtspServer:
        self.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.kill()

"""A cheap camera: endless JPEG pictures over HTTP (multipart/x-mixed-replace), with basic authentication."""

from __future__ import annotations

import base64
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import cv2

from tests.clips import picture


class MjpegServer:
    """Serves /video; /page is a web page, as one gets for a wrong path on many cameras.

    Args:
        login: name:password that every viewer must give.
        fps: pictures a second.
        frames: after so many the connection is closed.
    """

    def __init__(self, *, login: str = "", fps: float = 20.0, frames: int = 1_000_000) -> None:
        stop = self._stop = threading.Event()
        wanted = "Basic " + base64.b64encode(login.encode()).decode() if login else None

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                if wanted and self.headers.get("Authorization") != wanted:
                    self.send_response(401)
                    self.send_header("WWW-Authenticate", 'Basic realm="camera"')
                    self.end_headers()
                elif self.path == "/video":
                    self._stream()
                elif self.path == "/page":
                    self.send_response(200)
                    self.send_header("Content-Type", "text/html")
                    self.end_headers()
                    self.wfile.write(b"<html><body>Welcome to your camera</body></html>" * 40)
                else:
                    self.send_error(404)

            def _stream(self) -> None:
                self.send_response(200)
                self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
                self.end_headers()
                index = 0
                while index < frames and not stop.wait(1 / fps):
                    jpeg = cv2.imencode(".jpg", picture(index))[1].tobytes()
                    head = f"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {len(jpeg)}\r\n\r\n"
                    try:
                        self.wfile.write(head.encode() + jpeg + b"\r\n")
                    except OSError:
                        return
                    index += 1

            def log_message(self, format: str, *args: object) -> None:
                """Say nothing: the tests' output is for the tests."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    def url(self, path: str, login: str = "") -> str:
        return f"http://{login}{'@' if login else ''}127.0.0.1:{self._server.server_port}/{path}"

    def __enter__(self) -> MjpegServer:
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._stop.set()
        self._server.shutdown()
        self._server.server_close()

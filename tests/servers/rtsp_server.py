"""A camera made of GStreamer's RTSP server. Runs under the system's Python, which has the GObject bindings.

Usage: rtsp_server.py PORT PATH=FILE... [--user NAME --password SECRET] [--digest]
Commands on standard input, one a line, answered with "ok": "mute" (connected, but no more packets), "unmute".
Prints "ready PORT" once it listens.
"""

import argparse
import sys
import threading

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstRtsp", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtsp, GstRtspServer  # noqa: E402

DEMUX = {".mp4": "qtdemux ! ", ".mkv": "matroskademux ! ", ".h264": "", ".h265": ""}
valves = []


class Camera(GstRtspServer.RTSPMediaFactory):
    """Serves one file per viewer, muted by a valve."""

    def __init__(self, path):
        super().__init__()
        suffix = path[path.rindex(".") :]
        kind = "h265" if "265" in path else "h264"
        self.set_launch(
            f"( filesrc location={path} ! {DEMUX[suffix]}{kind}parse config-interval=-1 ! "
            f"valve name=valve ! rtp{kind}pay name=pay0 pt=96 )"
        )
        self.connect("media-configure", self._configured)

    def _configured(self, _factory, media):
        valves.append(media.get_element().get_by_name("valve"))


def protect(server, factories, user, password, digest):
    auth = GstRtspServer.RTSPAuth()
    token = GstRtspServer.RTSPToken()
    token.set_string("media.factory.role", "viewer")
    if digest:
        auth.set_supported_methods(GstRtsp.RTSPAuthMethod.DIGEST)
        auth.add_digest(user, password, token)
    else:
        auth.add_basic(GstRtspServer.RTSPAuth.make_basic(user, password), token)
    server.set_auth(auth)
    for factory in factories:
        permissions = GstRtspServer.RTSPPermissions()
        permissions.add_permission_for_role("viewer", "media.factory.access", True)
        permissions.add_permission_for_role("viewer", "media.factory.construct", True)
        factory.set_permissions(permissions)


def obey():
    for line in sys.stdin:
        for valve in valves:
            valve.set_property("drop", line.strip() == "mute")
        print("ok", flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("port")
    parser.add_argument("streams", nargs="+")
    parser.add_argument("--user")
    parser.add_argument("--password", default="")
    parser.add_argument("--digest", action="store_true")
    args = parser.parse_args()
    Gst.init(None)
    server = GstRtspServer.RTSPServer()
    server.set_address("127.0.0.1")
    server.set_service(args.port)
    factories = []
    for stream in args.streams:
        path, _, file = stream.partition("=")
        factories.append(Camera(file))
        server.get_mount_points().add_factory(f"/{path}", factories[-1])
    if args.user:
        protect(server, factories, args.user, args.password, args.digest)
    if server.attach(None) == 0:
        sys.exit("the port is in use")
    threading.Thread(target=obey, daemon=True).start()
    print("ready", server.get_bound_port(), flush=True)
    GLib.MainLoop().run()


if __name__ == "__main__":
    main()

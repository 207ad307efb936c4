"""A whole page on a fake gate: real server, real history, temporary files."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from edge.access.operations import Kind, Operation
from edge.access.parking import Parking
from edge.access.store import ListStore
from edge.clock import EventIds, SystemClock, seeded_ids
from edge.config import Settings, load
from edge.config.camera import TriggerSettings
from edge.config.parking import ParkingSettings, ZoneSettings
from edge.privacy.disguise import Disguise, DisguisedSink
from edge.sinks.history import History
from edge.sinks.web.app import Parts
from edge.sinks.web.auth import hash_password
from edge.sinks.web.server import WebServer
from edge.types import Direction, GateEvent
from tests.web.fake_gate import FakeGate, a_verdict

PASSWORD = "correct horse battery"
HASH = hash_password(PASSWORD)
PLATES = ("AB12CDE", "WX67KLM", "MTK4471", "K88GTR", "BXY123", "LR21OPA", "GZ70FUN", "DE19VAN")
USERS = "".join(
    f"    - name: {name}\n      role: {role}\n      password_hash: '{HASH}'\n"
    for name, role in (("vera", "viewer"), ("otto", "operator"), ("anna", "admin"))
)
CONFIG = """\
# The gate in the north. Keep this comment.
site:
  name: north-gate
cameras:
  - name: entry-cam   # above the barrier
    lane: lane-in
    url: rtsp://10.0.0.2/1
  - name: exit-cam
    lane: lane-out
    url: rtsp://10.0.0.3/1
web:
  port: 8080
  upload_max_mb: 2
  try_timeout_s: {try_timeout_s}
  max_viewers: 60
  history:
    path: {folder}/history.db
    labels: {folder}/labels
"""
LISTS = """\
plate,list,holder,valid_from,valid_to,weekdays,hours,lanes,note
AB12CDE,allow,Anna Meier,2026-01-01,2026-12-31,mon-fri,06:00-22:00,lane-in,
KL55QRS,deny,,,,,,,lost pass
WX67KLM,allow,Bread & Butter Ltd,,,,,,
ZZ99ZZZ,watch,,,,,,,
"""
# Stands in for `anpr-edge read --json` and `replay --json`: prints what those print, for what the file's end says.
READER = Path(__file__).parent / "fake_reader.py"


class Site:
    """What a test needs of a running page."""

    def __init__(self, gate: FakeGate, settings: Settings, parts: Parts, server: WebServer, config: Path) -> None:
        self.gate = gate
        self.settings = settings
        self.parts = parts
        self.server = server
        self.config = config
        self.url = server.url


@contextmanager
def serve(
    folder: Path,
    *,
    users: bool = False,
    passages: int = 14,
    try_timeout_s: float = 20,
    web: Mapping[str, object] | None = None,
    disguise: Disguise = Disguise(),
    trigger_token: str = "",
    call: Callable[[str, str], None] = lambda camera, source: None,
    lists: str = LISTS,
) -> Iterator[Site]:
    """Serve the page on a free loop-back port; with `users`, vera, otto and anna may log in.

    `web` replaces single settings of the page. With `trigger_token` others may `call` the entry camera.
    """
    config = folder / "config.yaml"
    config.write_text(
        CONFIG.format(folder=folder, try_timeout_s=try_timeout_s) + (f"  users:\n{USERS}" if users else "")
    )
    gate = FakeGate()
    gate.come_up()
    settings = load(config, {})
    if trigger_token:
        trigger = TriggerSettings.model_validate({"token": trigger_token})
        cameras = (settings.cameras[0].model_copy(update={"trigger": trigger}), *settings.cameras[1:])
        settings = settings.model_copy(update={"cameras": cameras})
    store = ListStore(folder / "lists.csv", ZoneInfo("UTC"))
    store.replace(lists, "office")
    local = settings.model_copy(update={"web": settings.web.model_copy(update={"port": 0, **(web or {})})})
    history = History(settings.web.history.path, gate.clock, keep_events=1000, account_of=gate.accounts.get)
    DisguisedSink(history, disguise).write([_passage(gate, k) for k in range(passages)])
    for camera in gate.board.lanes:
        gate.show(camera, 1)
    reader = (sys.executable, str(READER))
    parts = Parts(
        local,
        gate.board,
        gate.metrics,
        history,
        SystemClock(),
        config,
        (*reader, "read"),
        (*reader, "replay"),
        parking=car_park(folder),
        disguise=disguise,
        call=call,
        lists=store,
    )
    server = WebServer(parts, nice=0)  # test machines are busy with other tests
    thread = threading.Thread(target=server.run, name="web", daemon=True)
    thread.start()
    try:
        yield Site(gate, local, parts, server, config)
    finally:
        server.stop()
        thread.join(60)
        assert not thread.is_alive()


def _passage(gate: FakeGate, k: int) -> GateEvent:
    gate.clock.advance_to(gate.clock.monotonic_s() + 97)
    for camera in gate.board.lanes:
        gate.board.beat(f"vision-{camera}")
    if k % 9 == 5:
        return gate.an_event("entry-cam", None)
    return gate.drive_by(
        ("entry-cam", "exit-cam")[k % 3 == 1], PLATES[k % len(PLATES)], (0.998, 0.97, 0.86, 0.9991, 0.74)[k % 5]
    )


@contextmanager
def moving(gate: FakeGate, cameras: Sequence[str] = ("entry-cam", "exit-cam"), fps: float = 15.0) -> Iterator[None]:
    """Show a new picture on each camera, `fps` times a second, until the block ends."""
    stop = threading.Event()

    def run() -> None:
        sequence = 2
        while not stop.wait(1 / fps):
            sequence += 1
            gate.clock.advance_to(gate.clock.monotonic_s() + 1 / fps)
            for camera in cameras:
                gate.show(camera, sequence, width_px=110 + sequence % 60)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def car_park(folder: Path) -> Parking:
    """A yard of 40 spaces: seven cars inside, one of them for two days, and one exit without a stay."""
    zones = (ZoneSettings(name="yard", capacity=40, lanes=("lane-in", "lane-out")),)
    now = SystemClock().utc()
    parking = Parking(ParkingSettings(enabled=True, path=folder / "parking.db", zones=zones), now)
    ids = seeded_ids(9)
    hours_in = (50.0, 7.2, 4.9, 3.3, 1.7, 0.6, 0.1)
    for plate, hours in zip(PLATES, hours_in, strict=False):
        parking.add([_passed(ids, now - timedelta(hours=hours), Direction.ENTRY, plate)])
    parking.add([_passed(ids, now - timedelta(hours=6), Direction.ENTRY, "DE19VAN")])
    parking.add([_passed(ids, now - timedelta(hours=5), Direction.EXIT, "DE19VAN")])
    parking.add([_passed(ids, now - timedelta(hours=2), Direction.EXIT, "HX11GHO")])
    return parking


def _passed(ids: EventIds, at: datetime, direction: Direction, plate: str) -> Operation:
    lane = "lane-in" if direction is Direction.ENTRY else "lane-out"
    return Operation(ids.new(at), Kind.PASSAGE, at, lane, direction, a_verdict(plate, 0.97), ids.new(at), "open")

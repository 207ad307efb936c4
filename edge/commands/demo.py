"""`anpr-edge demo`: the daemon on a recorded clip, a broker and a subscriber, all on this machine.

The broker is amqtt in this process, on loop-back only: for a first look. The
daemon is a process of its own, started exactly as a service manager would.
"""

from __future__ import annotations

import asyncio
import json
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import typer

from edge import output_files
from edge.errors import EdgeError

_EPILOG = """
Examples:

  anpr-edge demo

  anpr-edge demo gate.mp4 --out out/gate.mp4

Exit codes: 0 shown, 1 the video, the broker or the daemon failed, 78 the annotated video has no such name.
"""
_PATIENCE_S = 60.0  # beyond the clip's own length: a daemon that takes longer is broken


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command("demo", epilog=_EPILOG)(demo)


@dataclass
class _Arrivals:
    """What the subscriber got. Filled by paho's thread, read when the daemon has ended."""

    events: list[dict[str, Any]] = field(default_factory=list)
    began_s: float = field(default_factory=time.monotonic)

    def take(self, payload: bytes | bytearray) -> None:
        event = json.loads(payload)
        if not str(event.get("schema", "")).startswith("anpr-edge/event/"):
            return
        self.events.append(event)
        plate = event["plate"] or {"text": "-", "probability": 0.0, "reads": 0}
        typer.echo(
            f"{time.monotonic() - self.began_s:6.1f} s  {event['type']:<20} {event['lane']} "
            f"{event['direction']:<8} {plate['text']:<10} p={plate['probability']:.3f} from {plate['reads']} looks"
        )


def demo(
    video: Annotated[Path, typer.Argument(help="A recording of a gate.")] = Path("assets/clips/gate-entry.mp4"),
    out: Annotated[Path, typer.Option(help="Where the annotated video goes.")] = Path("out/demo.mp4"),
) -> None:
    """Play VIDEO to the daemon in real time and show each event as it arrives over MQTT."""
    from edge.replay.annotated import check_target

    if not video.is_file():
        raise EdgeError(f"{video}: no such file. Run this in the repository, or name a video")
    check_target("--out", out, [video])
    output_files.ready(out)
    with tempfile.TemporaryDirectory(prefix="anpr-edge-demo-") as folder, _broker() as port:
        arrivals = _Arrivals()
        config = _write_config(Path(folder), video, port)
        typer.echo(
            f"broker  mqtt://127.0.0.1:{port}\ndaemon  anpr-edge run -c {config}\ncamera  {video}, in real time\n"
        )
        with _subscriber(port, arrivals):
            status = _run_daemon(config)
    if status != 0:
        raise EdgeError(f"the daemon ended with {status}; its messages stand above")
    _annotate(video, out)
    _conclude(arrivals, out)


def _write_config(folder: Path, video: Path, port: int) -> Path:
    config = folder / "config.yaml"
    settings = {
        "site": {"name": "demo"},
        "cameras": [{"name": "gate-1", "lane": "lane-1", "url": str(video.resolve())}],
        "outbox": {"path": str(folder / "outbox.db")},
        "mqtt": {"host": "127.0.0.1", "port": port, "protocol": "3.1.1"},
        "metrics": {"port": _free_port()},
        "log": {"level": "warning"},
    }
    config.write_text(json.dumps(settings, indent=2), encoding="utf-8")  # JSON is YAML
    return config


def _run_daemon(config: Path) -> int:
    daemon = subprocess.Popen([sys.executable, "-m", "edge", "run", "-c", str(config)])
    try:
        return daemon.wait(_PATIENCE_S + 120.0)
    except subprocess.TimeoutExpired:
        raise EdgeError("the daemon did not end with the clip") from None
    finally:
        if daemon.poll() is None:
            daemon.send_signal(signal.SIGTERM)
            daemon.wait(_PATIENCE_S)


def _annotate(video: Path, out: Path) -> None:
    command = [sys.executable, "-m", "edge", "replay", str(video), "--annotated", str(out), "--quiet"]
    status = subprocess.run(command, check=False).returncode
    if status != 0:
        raise EdgeError(f"the annotated video was not made (exit code {status}); the reason stands above")


def _conclude(arrivals: _Arrivals, out: Path) -> None:
    finals = [e for e in arrivals.events if e["type"] == "passage.final"]
    typer.echo(f"\n{len(arrivals.events)} events over MQTT, {len(finals)} passage(s):")
    for event in finals:
        typer.echo(
            f"  {event['plate']['text']}  {event['direction']}  lane {event['lane']}, sequence {event['sequence']}"
        )
    typer.echo(f"annotated video: {out}")


@contextmanager
def _subscriber(port: int, arrivals: _Arrivals) -> Iterator[None]:
    from paho.mqtt.client import Client, MQTTMessage
    from paho.mqtt.enums import CallbackAPIVersion

    subscribed = threading.Event()
    client = Client(CallbackAPIVersion.VERSION2, client_id="anpr-edge-demo-subscriber")
    client.on_connect = lambda c, *_: c.subscribe("anpr/#", qos=1)
    client.on_subscribe = lambda *_: subscribed.set()

    def on_message(_client: Client, _userdata: object, message: MQTTMessage) -> None:
        if message.topic.endswith("/events"):
            arrivals.take(message.payload)

    client.on_message = on_message
    client.connect("127.0.0.1", port)
    client.loop_start()
    if not subscribed.wait(10.0):
        raise EdgeError("the demonstration's broker did not answer within 10 s")
    arrivals.began_s = time.monotonic()
    try:
        yield
    finally:
        client.disconnect()
        client.loop_stop()


@contextmanager
def _broker() -> Iterator[int]:
    """Run an MQTT broker on a free loop-back port, in a thread with its own event loop."""
    try:
        from amqtt.broker import Broker
    except ImportError as error:
        raise EdgeError("the demonstration needs the package amqtt; pip install '.[demo]'") from error
    port = _free_port()
    listener = {"default": {"type": "tcp", "bind": f"127.0.0.1:{port}", "max_connections": 8}}
    plugins = {"amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": True}}
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="demo-broker", daemon=True)
    thread.start()

    async def start() -> Any:
        broker = Broker({"listeners": listener, "plugins": plugins})
        await broker.start()
        return broker

    broker = asyncio.run_coroutine_threadsafe(start(), loop).result(10.0)
    try:
        yield port
    finally:
        asyncio.run_coroutine_threadsafe(broker.shutdown(), loop).result(10.0)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(5.0)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
    return port

"""What leaves the gate: no sink, no log-in page and no picture tells a plate that the settings withhold."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import httpx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.board import Vehicle
from edge.clock import SystemClock
from edge.config import parse
from edge.config.delivery import WebhookSettings
from edge.errors import ConfigError, SinkUnavailable
from edge.pipeline.evidence import blur, mosaic
from edge.privacy.disguise import Disguise, DisguisedSink, disguises
from edge.privacy.key import PseudonymKey, pseudonym
from edge.sinks.fit import fit
from edge.sinks.history import History, Query
from edge.sinks.mqtt import MqttSink
from edge.sinks.outbox import Outbox
from edge.sinks.web.picture import message, shown
from edge.sinks.webhook import WebhookSink
from edge.sinks.wire import encode
from edge.types import CHARSET, EventType, Evidence, GateEvent, Verdict
from tests.servers.mosquitto import Mosquitto, Subscriber, needs_mosquitto
from tests.servers.receiver import Receiver
from tests.sinks.events import START, a_gate_event
from tests.sinks.test_mqtt import mqtt_settings, running
from tests.web.fake_gate import FakeGate, a_crop
from tests.web.site import serve

KEY = bytes(range(32))
PLATE, RIVAL = "MTK4471", "MTK4411"


def under_key(plate: str) -> str:
    return pseudonym(KEY, plate)


def a_telling_event(**changes: Any) -> GateEvent:
    """An event that tells the plate wherever an event can."""
    verdict = Verdict(PLATE, 0.9, ((PLATE, 0.9), (RIVAL, 0.05)), "MTK44?1", 5, "GB", 30.0)
    details = (
        ("rule", "allow-list"),
        ("reason", "mtk 4471 is listed"),
        ("entry_plate", PLATE),
        ("plate", RIVAL),
        ("duration_s", 4471),
    )
    evidence = Evidence(a_crop(PLATE), f"https://gate/pictures/{PLATE}.jpg")
    return replace(a_gate_event(), **({"plate": verdict, "details": details, "evidence": evidence} | changes))


def tells(payload: bytes) -> bool:
    """Grep the payload as a stranger would: any part of four characters of either text."""
    seen = payload.upper()
    parts = {text[k : k + 4].encode() for text in (PLATE, RIVAL) for k in range(len(text) - 3)} - {b"4471"}
    return any(part in seen for part in parts) or b"/9J/" in seen or b"HTTPS:" in seen


def test_by_default_everything_is_shown() -> None:
    """Old consumers see what they always saw, and the grep below can find something."""
    event = a_telling_event()
    assert encode(Disguise().event(event), START) == encode(event, START)
    assert tells(encode(event, START))


@pytest.mark.parametrize("kind", [t for t in EventType if t is not EventType.GAP])
@pytest.mark.parametrize("form", ["pseudonym", "truncated"])
def test_nothing_beside_the_plate_tells_it(form: Any, kind: EventType) -> None:
    """Rivals, masked form, additions, picture and its address go with the plate."""
    disguised = Disguise(form, "dropped", pseudonym=under_key).event(a_telling_event(type=kind))
    payload = encode(disguised, START)
    assert not tells(payload)
    document = json.loads(payload)
    assert document["details"]["privacy"] == form
    assert document["details"]["reason"] == "withheld"
    assert document["details"]["duration_s"] == 4471


def test_pseudonyms_still_pair_and_count() -> None:
    """Entry and exit of one car: the same text, also where one of them was only the second choice."""
    disguise = Disguise("pseudonym", "dropped", pseudonym=under_key)
    entry = disguise.event(a_telling_event()).plate
    other = disguise.event(a_gate_event(RIVAL)).plate
    assert entry is not None and other is not None
    assert entry.text == under_key(PLATE)
    assert entry.alternatives == ((under_key(PLATE), 0.9), (under_key(RIVAL), 0.05))
    assert other.text == entry.alternatives[1][0]


def test_truncated_keeps_only_the_beginning() -> None:
    plate = Disguise("truncated", "dropped", keep_characters=2).event(a_telling_event()).plate
    assert plate is not None
    assert (plate.text, plate.alternatives, plate.masked) == ("MT", (("MT", 0.9),), "")


def test_disguised_events_keep_number_and_name(tmp_path: Path) -> None:
    """Completeness is proved by them."""
    event = a_telling_event(sequence=7)
    disguised = Disguise("pseudonym", "dropped", pseudonym=under_key).event(event)
    assert (disguised.event_id, disguised.sequence, disguised.passage_id) == (event.event_id, 7, event.passage_id)


def test_named_types_stay_in_clear() -> None:
    """The police want the plate that they search for, and no other."""
    disguise = Disguise("pseudonym", "dropped", frozenset({EventType.WATCH_HIT}), pseudonym=under_key)
    hit = a_telling_event(type=EventType.WATCH_HIT)
    assert disguise.event(hit) == hit
    assert not tells(encode(disguise.event(a_telling_event()), START))


@given(st.text(CHARSET, min_size=4, max_size=8), st.lists(st.text(CHARSET, min_size=4, max_size=8), max_size=3))
@settings(max_examples=200, deadline=None)
def test_no_plate_whatever_gets_through(plate: str, rivals: list[str]) -> None:
    """Not only the ones thought of here."""
    alternatives = tuple((text, 0.1) for text in [plate, *rivals])
    details = (("reason", f"seen {plate} or {' '.join(rivals)}"), ("exit_plate", plate))
    verdict = Verdict(plate, 0.9, alternatives, plate, 3, None, 20.0)
    event = replace(a_gate_event(), plate=verdict, details=details)
    disguised = Disguise("pseudonym", "dropped", pseudonym=under_key).event(event)
    assert disguised.plate is not None
    said = json.dumps([disguised.plate.alternatives, disguised.plate.text, disguised.plate.masked, disguised.details])
    for text in [plate, *rivals]:
        assert text not in said.replace(under_key(text), "") or text in "".join(under_key(t) for t in [plate, *rivals])


def test_blurred_picture_holds_fewer_tiles_than_a_plate_has_characters() -> None:
    """What is averaged cannot be sharpened: the picture is its own mosaic, up to the noise of JPEG."""
    blurred = blur(a_crop(PLATE))
    assert blurred is not None
    picture = np.asarray(cv2.imdecode(np.frombuffer(blurred, np.uint8), cv2.IMREAD_COLOR), np.uint8)
    assert np.abs(picture.astype(int) - mosaic(picture)).mean() < 2.0
    sharp = np.asarray(cv2.imdecode(np.frombuffer(a_crop(PLATE), np.uint8), cv2.IMREAD_COLOR), np.uint8)
    assert np.abs(sharp.astype(int) - mosaic(sharp)).mean() > 20.0
    assert blur(b"no picture") is None


def test_blurred_pictures_of_two_plates_look_alike() -> None:
    """The same car with another plate: what remains are shades of grey."""
    tiles = [cv2.imdecode(np.frombuffer(blur(a_crop(p)) or b"", np.uint8), 0)[24, 12::25] for p in (PLATE, "WX67KLM")]
    assert all(len(np.unique(row // 8)) <= 8 for row in tiles)


@pytest.mark.parametrize("section", ["mqtt", "webhook", "web"])
def test_plate_cut_short_beside_its_picture_is_refused(section: str) -> None:
    """A setting that looks private and is not."""
    with pytest.raises(ConfigError, match="the picture shows the plate"):
        parse(
            {
                "cameras": [{"name": "a", "url": "x"}],
                "privacy": {section: {"plates": "truncated", "pictures": "kept"}},
            }
        )


def test_sharing_plates_over_the_broker_beside_pseudonyms_is_refused() -> None:
    """The share topic would tell what the events hide."""
    with pytest.raises(ConfigError, match=r"parking\.share sends plates in clear"):
        parse(
            {
                "cameras": [{"name": "a", "url": "x"}],
                "parking": {"enabled": True, "share": True},
                "privacy": {"mqtt": {"plates": "pseudonym"}},
            }
        )


def test_settings_become_disguises() -> None:
    chosen = parse(
        {
            "cameras": [{"name": "a", "url": "x"}],
            "privacy": {
                "mqtt": {"plates": "pseudonym", "in_clear": ["watch.hit"]},
                "webhook": {"plates": "truncated", "pictures": "blurred"},
                "keep_characters": 2,
            },
        }
    ).privacy
    found = disguises(chosen, under_key, blur)
    assert (found["mqtt"].form, found["mqtt"].pictures, found["mqtt"].in_clear) == (
        "pseudonym",
        "dropped",
        {EventType.WATCH_HIT},
    )
    assert (found["webhook"].pictures, found["webhook"].keep_characters) == ("blurred", 2)
    assert (found["history"].clear, found["history"].pictures) == (True, "kept")
    assert chosen.needs_key


def test_without_its_key_a_sink_waits_and_never_sends_in_clear(tmp_path: Path) -> None:
    """The outbox keeps the events; the reason names the file."""
    disguise = Disguise("pseudonym", "dropped", pseudonym=PseudonymKey(tmp_path / "gone.key").pseudonym)
    with Receiver() as receiver:
        hook = WebhookSink(WebhookSettings(enabled=True, url=receiver.url, secret="s"))  # type: ignore[arg-type]
        with pytest.raises(SinkUnavailable, match=r"gone\.key: cannot be read"):
            DisguisedSink(hook, disguise).write([a_telling_event()])
        hook.close()
        assert receiver.requests == []


@needs_mosquitto
def test_broker_and_web_server_never_see_the_plate(tmp_path: Path) -> None:
    """From the outbox, which needs it, through the real sinks to real servers."""
    hidden = Disguise("pseudonym", "blurred", pseudonym=under_key, blur=blur)
    with (
        Mosquitto(tmp_path / "broker") as broker,
        Subscriber(broker.port) as backend,
        Receiver() as receiver,
        Outbox(tmp_path / "outbox.db", SystemClock()) as outbox,
    ):
        mqtt = DisguisedSink(MqttSink(mqtt_settings(broker.port), "site-1"), hidden)
        hook = DisguisedSink(
            WebhookSink(WebhookSettings(enabled=True, url=receiver.url, secret="s")),  # type: ignore[arg-type]
            hidden,
        )
        with running(outbox, mqtt), running(outbox, hook):
            stored = outbox.append([a_telling_event()])
            backend.wait_for_ids({stored[0].event_id})
            backend.wait_for(lambda _: len(receiver.requests) == 1, "the webhook")
    bodies = [payload for topic, payload, _ in backend.messages if topic.endswith("/events")] + [
        receiver.requests[0][1]
    ]
    for body in bodies:
        assert not tells(body.replace(b"/9j/", b""))  # every JPEG begins like that
        picture = json.loads(body)["evidence"]["crop_jpeg_base64"]
        assert base64.b64decode(picture) == blur(a_crop(PLATE))
        assert json.loads(body)["plate"]["text"] == under_key(PLATE)


def test_picture_that_shrinks_for_the_broker_is_the_blurred_one() -> None:
    """`fit` comes after the disguise, never before it."""
    hidden = Disguise("pseudonym", "blurred", pseudonym=under_key, blur=blur)
    asked: list[bytes] = []

    def shrink(jpeg: bytes, size: int) -> bytes | None:
        asked.append(jpeg)
        return None

    fit(hidden.event(a_telling_event()), START, 1_000, shrink)
    assert asked == [blur(a_crop(PLATE))]


def test_history_on_disk_holds_no_plate(tmp_path: Path) -> None:
    """Raw bytes of the files; the person at the gate still finds the car by its plate."""
    gate = FakeGate()
    history = History(tmp_path / "h" / "history.db", gate.clock, keep_events=100)
    hidden = Disguise("pseudonym", "dropped", pseudonym=under_key)
    DisguisedSink(history, hidden).write([a_telling_event()])
    assert not any(tells(file.read_bytes()) for file in (tmp_path / "h").iterdir())
    assert len(history.search(Query(plate=hidden.text(PLATE)))) == 1


@pytest.fixture
def hidden_page(tmp_path: Path) -> Callable[[], Any]:
    return lambda: serve(tmp_path, disguise=Disguise("pseudonym", "dropped", pseudonym=under_key))


def test_page_finds_a_car_by_its_plate_and_shows_its_pseudonym(hidden_page: Callable[[], Any], tmp_path: Path) -> None:
    """Search, details, export and a correction: the plate is typed in and never shown or stored."""
    with hidden_page() as site, httpx.Client(base_url=site.url, timeout=60) as http:
        http.headers["X-CSRF-Token"] = http.get("/api/me").json()["csrf"]
        found = http.get("/api/events", params={"plate": "mtk 4471"})
        event = found.json()["events"][0]
        assert event["plate"]["text"] == under_key(PLATE)
        corrected = http.put(f"/api/events/{event['event_id']}/correction", json={"text": RIVAL})
        export = http.get("/api/export")
        assert corrected.json()["correction"]["text"] == under_key(RIVAL)
        assert not any(tells(answer.content) for answer in (found, corrected, export))
    assert not (tmp_path / "labels").exists()  # a pseudonym teaches nothing
    assert not any(tells(f.read_bytes()) for f in tmp_path.glob("history.db*"))


def test_live_picture_blurs_the_plates_that_are_followed() -> None:
    """Neither drawn over the picture nor to be read in it."""
    gate = FakeGate()
    gate.show("entry-cam", 1, PLATE, width_px=240)
    sight = gate.board.sight("entry-cam")
    assert sight is not None
    hidden = Disguise("pseudonym", "dropped", pseudonym=under_key)
    vehicle: Vehicle = sight.vehicles[0]
    box = vehicle.track.box
    before = sight.frame.bgr()[int(box.y1) : int(box.y2), int(box.x1) : int(box.x2)].copy()
    after = shown(sight, hidden)[int(box.y1) : int(box.y2), int(box.x1) : int(box.x2)]
    assert before.std() > 3 * after.std()
    assert (sight.frame.bgr()[int(box.y1) : int(box.y2), int(box.x1) : int(box.x2)] == before).all()
    document = json.loads(message(sight, 960, hidden))
    del document["jpeg"]
    assert not tells(json.dumps(document).encode())
    assert document["vehicles"][0]["text"] == under_key(PLATE)

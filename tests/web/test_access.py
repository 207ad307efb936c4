"""Who may do what: passwords, roles, tokens, hosts, and the brake on guessing. All over real HTTP."""

from __future__ import annotations

import ssl
from pathlib import Path

import httpx
import pytest

from edge.clock import VirtualClock
from edge.config import parse
from edge.errors import ConfigError, SinkUnavailable
from edge.sinks.web.auth import Brake, Person, Sessions, hash_password
from edge.sinks.web.server import WebServer
from tests.web.conftest import log_in
from tests.web.fake_gate import START
from tests.web.site import PASSWORD, Site, serve

CAMERAS = [{"name": "a", "url": "x.mp4"}]
USER = {"name": "anna", "role": "admin", "password_hash": hash_password(PASSWORD)}
DRAWING: dict[str, object] = {"region": [], "direction": "growth", "approaching": "entry", "line": None}
EVERY_GET = ("/api/me", "/api/status", "/api/cameras", "/api/events", "/api/export", "/api/live")


def problems(web: dict[str, object]) -> str:
    with pytest.raises(ConfigError) as caught:
        parse({"cameras": CAMERAS, "web": web}, {})
    return str(caught.value)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.7", "gate.example"])
def test_other_machines_are_not_let_in_without_a_password(host: str) -> None:
    """The page shows who drives where, and an admin can blind a camera with it."""
    assert "no users" in problems({"host": host})
    assert "no users" in problems({"behind_proxy": True})
    parse({"cameras": CAMERAS, "web": {"host": host, "users": [USER]}}, {})


def test_settings_of_users_are_checked() -> None:
    """A password in clear in the settings would be one that somebody else reads."""
    assert "anpr-edge web password" in problems({"users": [USER | {"password_hash": PASSWORD}]})
    assert "two users are named 'anna'" in problems({"users": [USER, USER]})
    assert "both or neither" in problems({"certificate": "x.pem"})


@pytest.mark.parametrize("path", EVERY_GET)
def test_strangers_learn_nothing(guarded: Site, path: str) -> None:
    """Everything but the empty page needs a log-in."""
    answer = httpx.get(guarded.url + path)
    assert answer.status_code == 401
    assert answer.json() == {"problem": "you are not logged in", "fix": answer.json()["fix"]}


def test_log_in_opens_a_session_that_scripts_cannot_read(guarded: Site) -> None:
    """HttpOnly against scripts, SameSite against other sites; logging out ends it on the server."""
    answer = httpx.post(guarded.url + "/api/login", json={"name": "vera", "password": PASSWORD})
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie and "SameSite=strict" in cookie and "Secure" not in cookie
    assert answer.json()["role"] == "viewer"

    with log_in(guarded, "vera") as vera:
        token = vera.cookies["anpr_session"]
        assert vera.get("/api/events").status_code == 200
        assert vera.post("/api/logout").status_code == 204
        stolen = httpx.get(guarded.url + "/api/events", cookies={"anpr_session": token})
        assert stolen.status_code == 401


@pytest.mark.parametrize(("name", "password"), [("vera", "wrong password"), ("nobody", PASSWORD), ("VERA", PASSWORD)])
def test_a_wrong_name_and_a_wrong_password_look_alike(guarded: Site, name: str, password: str) -> None:
    """Else a stranger learns who works here."""
    answer = httpx.post(guarded.url + "/api/login", json={"name": name, "password": password})
    assert (answer.status_code, answer.json()["problem"]) == (401, "name or password is wrong")


def test_guessing_is_slowed_down_and_counted(guarded: Site) -> None:
    """Five attempts, then one every half minute; even the right password waits."""
    codes = [
        httpx.post(guarded.url + "/api/login", json={"name": "anna", "password": f"guess number {k}"}).status_code
        for k in range(7)
    ]
    right = httpx.post(guarded.url + "/api/login", json={"name": "anna", "password": PASSWORD})
    assert codes == [401] * 5 + [429] * 2
    assert right.status_code == 429
    assert 1 <= int(right.headers["retry-after"]) <= 31
    assert b'anpr_web_logins_total{outcome="throttled"} 3.0' in guarded.gate.metrics.exposition()


def test_brake_lets_one_more_through_after_its_pause() -> None:
    """Worked by hand: two at once, then one each ten seconds, never more than two saved up."""
    clock = VirtualClock(START)
    brake = Brake(clock, burst=2, every_s=10)
    assert [brake.wait_s("a"), brake.wait_s("a"), brake.wait_s("a")] == [0, 0, 10]
    assert brake.wait_s("b") == 0
    clock.advance_to(10)
    assert brake.wait_s("a") == 0
    clock.advance_to(1000)
    assert [brake.wait_s("a"), brake.wait_s("a"), brake.wait_s("a")] == [0, 0, 10]


def test_sessions_end() -> None:
    """A browser left open over night is nobody's any more."""
    clock = VirtualClock(START)
    sessions = Sessions(clock, hours=1)
    token, session = sessions.open(Person("anna", "admin"))
    clock.advance_to(3599)
    assert sessions.find(token) == session
    clock.advance_to(3600)
    assert sessions.find(token) is None


@pytest.mark.parametrize(
    ("name", "draw", "correct", "try_"), [("vera", 403, 403, 403), ("otto", 403, 404, 415), ("anna", 200, 404, 415)]
)
def test_each_role_may_do_what_it_may(guarded: Site, name: str, draw: int, correct: int, try_: int) -> None:
    """Viewers see, operators correct and try, admins aim."""
    unknown = "/api/events/00000000-0000-0000-0000-000000000000/correction"
    with log_in(guarded, name) as http:
        assert http.get("/api/events").status_code == 200
        assert http.put("/api/cameras/entry-cam/drawing", json=DRAWING).status_code == draw
        assert http.put(unknown, json={"text": "AB12CDE"}).status_code == correct
        assert http.post("/api/try", content=b"neither").status_code == try_


@pytest.mark.parametrize("token", [None, "", "guess"])
def test_changes_need_the_token_of_the_page(guarded: Site, token: str | None) -> None:
    """The cookie alone comes along with what another site sends."""
    with log_in(guarded, "anna") as anna:
        headers = {} if token is None else {"X-CSRF-Token": token}
        cookies = {"anpr_session": anna.cookies["anpr_session"]}
        answer = httpx.put(
            guarded.url + "/api/cameras/entry-cam/drawing", json=DRAWING, headers=headers, cookies=cookies
        )
    assert answer.status_code == 403
    assert "X-CSRF-Token" in answer.json()["problem"]


def test_other_sites_are_refused(site: Site, client: httpx.Client) -> None:
    """Also on loop-back, where nobody logs in: a web page on the internet can send requests to 127.0.0.1."""
    sent = client.put("/api/cameras/entry-cam/drawing", json=DRAWING, headers={"Origin": "https://evil.example"})
    assert (sent.status_code, sent.json()["problem"]) == (403, "another web site sent this")
    rebound = client.get("/api/events", headers={"Host": "evil.example"})
    assert rebound.status_code == 421
    bare = httpx.put(site.url + "/api/cameras/entry-cam/drawing", json=DRAWING)
    assert bare.status_code == 401


def test_every_answer_carries_the_security_headers(client: httpx.Client) -> None:
    """Also refusals and files."""
    for path in ("/", "/static/app.js", "/api/status", "/api/nothing", "/nothing"):
        headers = client.get(path).headers
        assert "default-src 'none'" in headers["content-security-policy"]
        assert "unsafe" not in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        assert "server" not in headers


@pytest.mark.parametrize("path", ["/static/../app.py", "/static/%2e%2e/app.py", "/static/..%2fauth.py", "//etc/passwd"])
def test_files_outside_the_page_are_out_of_reach(client: httpx.Client, path: str) -> None:
    """Only what is in static is served."""
    assert client.get(path).status_code in (404, 400)


def test_the_page_speaks_tls_with_certificate_files(tmp_path: Path) -> None:
    """Then the cookie is for https only."""
    from tests.web.certificate import make

    certificate, key = make(tmp_path)
    with serve(tmp_path, users=True, web={"certificate": certificate, "key": key}) as served:
        assert served.url.startswith("https://")
        with httpx.Client(base_url=served.url, verify=ssl.create_default_context(cafile=certificate)) as http:
            answer = http.post("/api/login", json={"name": "vera", "password": PASSWORD})
            assert answer.status_code == 200
            assert "Secure" in answer.headers["set-cookie"]


def test_a_damaged_certificate_is_an_instruction(tmp_path: Path) -> None:
    """Not a traceback at midnight."""
    bad = tmp_path / "bad.pem"
    bad.write_text("not a certificate")
    with (
        pytest.raises(ConfigError, match=r"web\.certificate: cannot be used"),
        serve(tmp_path, users=True, web={"certificate": bad, "key": bad}),
    ):
        pass


def test_a_taken_port_is_an_instruction(site: Site) -> None:
    """Two daemons on one machine."""
    taken = int(site.url.rpartition(":")[2])
    web = site.settings.web.model_copy(update={"port": taken})
    from dataclasses import replace

    parts = replace(site.parts, settings=site.settings.model_copy(update={"web": web}))
    with pytest.raises(SinkUnavailable, match=r"web\.port: cannot listen .*Fix: "):
        WebServer(parts)

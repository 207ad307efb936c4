"""Settings: every problem is reported at once, with its place and a fix, and config.yaml is the reference."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge.config import effective, load, parse
from edge.config.reference import sample
from edge.errors import ConfigError

ROOT = Path(__file__).parents[1]
CAMERA = {"name": "gate-1", "url": "rtsp://10.0.0.9/stream"}


def test_sample_is_generated_from_the_settings() -> None:
    """A reference that is written by hand goes stale; `python -m edge.config.reference` writes it again."""
    assert (ROOT / "config.yaml").read_text(encoding="utf-8") == sample()


def test_sample_is_valid_and_holds_the_defaults() -> None:
    """A newcomer runs it unchanged: every key must be accepted and equal its default."""
    settings = load(ROOT / "config.yaml")
    camera = settings.cameras[0]
    assert settings == parse({"cameras": [{"name": camera.name, "url": camera.url.get_secret_value()}]})


def test_all_problems_are_reported_at_once_with_place_and_fix() -> None:
    """The technician is on a ladder: one round, not five."""
    with pytest.raises(ConfigError) as caught:
        parse(
            {
                "cameras": [
                    {**CAMERA, "max_fps": "fast", "gatte": 1},
                    {**CAMERA, "name": "gate-2", "threshold": 1.5},
                    {"name": "gate-2"},
                ],
                "mqtt": {"port": 0},
                "models": {"detector": {"model": "/nowhere/plates.onnx"}},
            },
            files=True,
        )
    by_place = {p.at.removeprefix("settings: "): p for p in caught.value.problems}
    assert set(by_place) == {
        "cameras[0].max_fps",
        "cameras[0].gatte",
        "cameras[1].threshold",
        "cameras[2].url",
        "cameras[2].name",
        "mqtt.port",
        "models.detector.model",
    }
    assert by_place["cameras[0].gatte"].fix == "did you mean 'gate'?"
    assert by_place["cameras[1].threshold"].fix == "give at most 1.0"
    assert all(p.fix for p in by_place.values())


def test_files_that_are_missing_matter_to_the_daemon_only() -> None:
    """Who looks at a gate's settings on another computer has none of its files."""
    named = {"cameras": [CAMERA], "mqtt": {"tls": {"enabled": True, "ca_file": "/nowhere/ca.pem"}}}
    assert parse(named).mqtt.tls.ca_file == Path("/nowhere/ca.pem")
    with pytest.raises(ConfigError, match=r"mqtt\.tls\.ca_file: /nowhere/ca\.pem: there is no such file"):
        parse(named, files=True)


def test_two_cameras_with_one_name_are_refused() -> None:
    """Events and metrics are told apart by the camera's name."""
    with pytest.raises(ConfigError, match="two cameras are named 'gate-1'"):
        parse({"cameras": [CAMERA, CAMERA]})


def test_passwords_come_from_the_file_beside_the_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As under systemd: `anpr-edge check` must judge what the service will see."""
    monkeypatch.delenv("GATE_PASSWORD", raising=False)
    monkeypatch.setenv("OTHER_PASSWORD", "of this process")
    (tmp_path / "environment").write_text('# secrets\nGATE_PASSWORD="s3cret"\nOTHER_PASSWORD=of the file\n')
    config = tmp_path / "config.yaml"
    config.write_text(
        "cameras:\n- {name: a, url: 'rtsp://u:${GATE_PASSWORD}@h/1'}\n- {name: b, url: 'rtsp://u:${OTHER_PASSWORD}@h/1'}\n"
    )
    urls = [c.url.get_secret_value() for c in load(config).cameras]
    assert urls == ["rtsp://u:s3cret@h/1", "rtsp://u:of this process@h/1"]
    with pytest.raises(ConfigError, match="GATE_PASSWORD"):
        load(config, {})


def test_missing_environment_variable_is_named() -> None:
    """An empty password that nobody noticed is found at the gate, at night."""
    url = "rtsp://admin:${GATE_PASSWORD}@10.0.0.9/stream"
    with pytest.raises(ConfigError, match="GATE_PASSWORD is not set"):
        parse({"cameras": [{**CAMERA, "url": url}]}, {})
    settings = parse({"cameras": [{**CAMERA, "url": url}]}, {"GATE_PASSWORD": "s3cret"})
    assert settings.cameras[0].url.get_secret_value() == "rtsp://admin:s3cret@10.0.0.9/stream"


def test_secrets_are_masked_in_what_check_prints() -> None:
    """The output of `check` ends up in tickets."""
    settings = parse(
        {"cameras": [{**CAMERA, "url": "rtsp://admin:s3cret@10.0.0.9/stream"}], "mqtt": {"password": "hunter2"}}
    )
    shown = repr(effective(settings))
    assert "s3cret" not in shown
    assert "hunter2" not in shown
    assert "rtsp://***@10.0.0.9/stream" in shown


@pytest.mark.parametrize(
    ("text", "expected"),
    [("cameras: [", "is not valid YAML"), ("", "holds no settings"), ("- 1", "holds no settings")],
)
def test_file_that_is_no_settings_is_named_with_the_place(tmp_path: Path, text: str, expected: str) -> None:
    """A half-copied file must say which file, where, and what to do."""
    path = tmp_path / "config.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match=expected) as caught:
        load(path)
    assert str(path) in str(caught.value)


def test_missing_file_is_said(tmp_path: Path) -> None:
    """The commonest mistake of all."""
    with pytest.raises(ConfigError, match="cannot be read: No such file"):
        load(tmp_path / "none.yaml")


@pytest.mark.parametrize(
    "url", ["https://gate/{event_id}/{plate}", "https://gate/picture", "ftp://gate/{event_id}", "{"]
)
def test_address_of_pictures_that_could_not_work_is_refused(url: str) -> None:
    """Found when settings are read, not by whoever follows the link."""
    with pytest.raises(ConfigError, match=r"evidence\.url"):
        parse({"cameras": [CAMERA], "evidence": {"url": url}})

"""The installer, run into a scratch folder, and the unit that it installs."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sysconfig
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
UNIT = ROOT / "systemd" / "anpr-edge.service"
DROP_INS = sorted((ROOT / "systemd" / "drop-ins").glob("*.conf"))
WORST_EXPOSURE = 2.0  # of 10, as systemd-analyze counts

needs_systemd = pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="install systemd")


def install(root: Path, *arguments: str, script: str = "install") -> subprocess.CompletedProcess[str]:
    """Run scripts/install, or another script, into `root`; packages are taken from this environment."""
    environment = {**os.environ, "DESTDIR": str(root), "PIP_NO_DEPS": "1"}
    return subprocess.run(
        [ROOT / "scripts" / script, *arguments], env=environment, capture_output=True, text=True, check=False
    )


def files_below(root: Path) -> set[str]:
    return {str(p.relative_to(root)) for p in root.rglob("*")}


def test_dry_run_tells_and_does_nothing(tmp_path: Path) -> None:
    """An administrator reads before running something as root."""
    done = install(tmp_path, "--dry-run", "--with", "usb,gpio")

    assert done.returncode == 0, done.stderr
    assert files_below(tmp_path) == set()
    lines = done.stdout.splitlines()
    assert lines
    assert all(line.startswith("would run: ") for line in lines)
    for told in ("anpr-edge.service.d/gpio.conf", "pip", "config.yaml", "venv"):
        assert told in done.stdout


def test_uninstall_tells_what_it_would_remove(tmp_path: Path) -> None:
    """Nothing is removed by asking; settings and events stay unless somebody says purge."""
    helped = install(tmp_path, "--help", script="uninstall")
    assert helped.returncode == 0 and "--purge" in helped.stdout
    assert install(tmp_path, "--everything", script="uninstall").returncode == 2
    kept = install(tmp_path, "--dry-run", script="uninstall")
    assert kept.returncode == 0 and "would run: rm" in kept.stdout and "/var/lib/anpr-edge" not in kept.stdout
    assert "/var/lib/anpr-edge" in install(tmp_path, "--dry-run", "--purge", script="uninstall").stdout


def test_help_and_wrong_usage(tmp_path: Path) -> None:
    """Wrong words change nothing and name the right ones."""
    helped = install(tmp_path, "--help")
    assert helped.returncode == 0
    assert "--uninstall" in helped.stdout
    assert "set -euo" not in helped.stdout
    for arguments, says in ((["--wiht"], "see scripts/install --help"), (["--with", "toaster"], "usb gpio nvidia")):
        done = install(tmp_path, *arguments)
        assert done.returncode == 2
        assert says in done.stderr
    assert files_below(tmp_path) == set()


@pytest.mark.slow
def test_install_update_uninstall_and_purge(tmp_path: Path) -> None:
    """The whole life of an installation; settings and events survive everything but the purge."""
    first = install(tmp_path, "--with", "usb")
    assert first.returncode == 0, first.stderr
    assert "systemctl enable --now anpr-edge" in first.stderr
    program, settings = tmp_path / "opt/anpr-edge", tmp_path / "etc/anpr-edge"
    assert (program / "share/anpr-edge/models").is_dir()
    assert (tmp_path / "usr/local/bin/anpr-edge").readlink() == Path("/opt/anpr-edge/bin/anpr-edge")
    assert (tmp_path / "etc/systemd/system/anpr-edge.service.d/usb.conf").exists()
    assert (settings / "environment").stat().st_mode & 0o777 == 0o640
    assert (settings / "config.yaml").stat().st_mode & 0o777 == 0o640
    assert (
        settings.stat().st_mode & 0o7777 == 0o1770
    )  # the service saves drawings there, and replaces nothing of root's

    site_packages = next(program.glob("lib/python3.*/site-packages"))
    (site_packages / "borrowed.pth").write_text(sysconfig.get_path("purelib"))  # what PIP_NO_DEPS left out
    environment = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}
    command = [str(program / "bin/anpr-edge"), "version"]
    shown = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert shown.returncode == 0, shown.stderr
    assert re.search(r"\d+\.\d+\.\d+", shown.stdout)

    (settings / "config.yaml").write_text("mine")
    (tmp_path / "var/lib/anpr-edge/outbox.db").write_text("events")
    (program / "share/anpr-edge/models/of-yesterday.onnx").write_text("old")
    again = install(tmp_path)
    assert again.returncode == 0, again.stderr
    assert (settings / "config.yaml").read_text() == "mine"
    assert not (program / "share/anpr-edge/models/of-yesterday.onnx").exists()
    assert (tmp_path / "etc/systemd/system/anpr-edge.service.d/usb.conf").exists()  # chosen earlier, kept

    gone = install(tmp_path, script="uninstall")
    assert gone.returncode == 0, gone.stderr
    assert not program.exists()
    assert not (tmp_path / "usr/local/bin/anpr-edge").is_symlink()
    assert not (tmp_path / "etc/systemd/system/anpr-edge.service").exists()
    assert (settings / "config.yaml").read_text() == "mine"
    assert (tmp_path / "var/lib/anpr-edge/outbox.db").read_text() == "events"

    assert install(tmp_path, "--purge", script="uninstall").returncode == 0
    assert not settings.exists()
    assert not (tmp_path / "var/lib/anpr-edge").exists()


@needs_systemd
@pytest.mark.parametrize(
    "drop_ins", [[], *[[d] for d in DROP_INS], DROP_INS], ids=lambda d: "+".join(p.stem for p in d)
)
def test_the_service_is_exposed_little(tmp_path: Path, drop_ins: list[Path]) -> None:
    """By systemd's own measure, also with the devices that an installation may need."""
    shutil.copy(UNIT, tmp_path)
    folder = tmp_path / f"{UNIT.name}.d"
    folder.mkdir()
    for path in drop_ins:
        shutil.copy(path, folder)
    command = ["systemd-analyze", "security", "--offline=true", "--no-pager", str(tmp_path / UNIT.name)]
    report = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    exposure = re.search(r"exposure level for anpr-edge.service: ([\d.]+)", report)

    assert exposure is not None, report
    assert float(exposure[1]) <= WORST_EXPOSURE


@needs_systemd
def test_systemd_understands_every_line(tmp_path: Path) -> None:
    """A misspelt protection is only a warning in the journal, and no protection."""
    program = tmp_path / "anpr-edge"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    unit = tmp_path / UNIT.name
    unit.write_text(UNIT.read_text().replace("/opt/anpr-edge/bin/anpr-edge", str(program)))
    (tmp_path / f"{UNIT.name}.d").mkdir()
    for path in DROP_INS:
        shutil.copy(path, tmp_path / f"{UNIT.name}.d")
    done = subprocess.run(["systemd-analyze", "verify", str(unit)], capture_output=True, text=True, check=False)

    assert [line for line in done.stderr.splitlines() if "anpr-edge" in line] == []


def test_unit_and_installer_agree() -> None:
    """Paths and names that stand in both must be the same."""
    unit, script = UNIT.read_text(), (ROOT / "scripts/install").read_text()
    program = re.search(r"^program=(.+)$", script, re.M)
    settings = re.search(r"^settings=(.+)$", script, re.M)
    state = re.search(r"^state=(.+)$", script, re.M)

    assert program and settings and state
    assert f"ExecStart={program[1]}/bin/anpr-edge run -c {settings[1]}/config.yaml" in unit
    assert f"EnvironmentFile=-{settings[1]}/environment" in unit
    assert f"WorkingDirectory={state[1]}" in unit
    assert "User=anpr-edge" in unit


def test_time_to_stop_is_enough_for_the_daemon() -> None:
    """systemd must not kill what is still delivering."""
    from edge.runtime import STOP_WITHIN_S

    limit = re.search(r"^TimeoutStopSec=(\d+)$", UNIT.read_text(), re.M)
    assert limit is not None
    assert STOP_WITHIN_S < float(limit[1]) <= 20


def test_the_service_may_save_what_a_technician_draws() -> None:
    """Aim saves to the settings file: strict protection of the file system must leave a hole for it, and no other."""
    unit = UNIT.read_text()
    settings = re.search(r"^settings=(.+)$", (ROOT / "scripts/install").read_text(), re.M)
    assert settings is not None
    assert re.findall(r"^ReadWritePaths=(.+)$", unit, re.M) == [f"-{settings[1]}"]
    assert "ConfigurationDirectory" not in unit  # would set the mode back and keep it read-only


def test_installed_settings_are_valid() -> None:
    """What the installer puts in place must need no repair, only the reader's own values."""
    from edge.config import load

    settings = load(ROOT / "systemd" / "config.yaml", {"GATE_PASSWORD": "s3cret"})
    assert str(settings.outbox.path).startswith("/var/lib/anpr-edge/")

"""The installer, run into a scratch folder, the unit that it installs, and the set-up of a working copy."""

from __future__ import annotations

import configparser
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
    for arguments, says in (
        (["--wiht"], "see scripts/install --help"),
        (["--with", "toaster"], "usb gpio nvidia"),
        (["--extras", "gpu,toaster"], "gpu paddle aws gpio"),
    ):
        done = install(tmp_path, *arguments)
        assert done.returncode == 2
        assert says in done.stderr
    assert files_below(tmp_path) == set()


def program(path: Path, text: str) -> Path:
    """Write a shell script that stands for a program, and return its path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


# What pip is told, and what the program then asks for, are written down; nothing is fetched.
PIP_THAT_RECORDS = """
echo "$*" >>{calls}
for last; do :; done
cp "${{last%%\\[*}}/setup.cfg" {asked} 2>/dev/null || true
"""


def install_beside(root: Path, present: list[str], *arguments: str) -> tuple[list[str], set[str]]:
    """Install over an environment that holds `present`; return what pip was told and what the program asks for."""
    environment = root / "opt/anpr-edge"
    for name in present:
        (environment / f"lib/python3.11/site-packages/{name.replace('-', '_')}-4.10.0.dist-info").mkdir(parents=True)
    calls, asked = root / "calls", root / "asked"
    program(environment / "bin/python", PIP_THAT_RECORDS.format(calls=calls, asked=asked))
    done = install(root, *arguments)
    assert done.returncode == 0, done.stderr
    parser = configparser.ConfigParser()
    parser.read(asked)
    told = [line.partition(" -q ")[2] for line in calls.read_text().splitlines() if " -m pip " in f" {line}"]
    return told, {line.split()[0] for line in parser["options"]["install_requires"].splitlines() if line}


CPU, GPU = "onnxruntime", "onnxruntime-gpu"
HEADLESS, WITH_WINDOWS = "opencv-contrib-python-headless", "opencv-contrib-python"


@pytest.mark.parametrize(
    ("extras", "present", "wanted", "removed"),
    [
        ("", [], {CPU, HEADLESS}, []),
        ("aws,gpio", [CPU, HEADLESS], {CPU, HEADLESS}, []),
        ("gpu", [], {GPU, HEADLESS}, []),
        ("gpu", [CPU, HEADLESS], {GPU, HEADLESS}, [f"uninstall -y {CPU} {GPU}"]),
        ("gpu", [CPU, GPU, HEADLESS], {GPU, HEADLESS}, [f"uninstall -y {CPU} {GPU}"]),
        ("", [GPU, HEADLESS], {GPU, HEADLESS}, []),  # an update keeps what was chosen
        ("paddle", [], {CPU, WITH_WINDOWS}, []),
        ("paddle", [CPU, HEADLESS], {CPU, WITH_WINDOWS}, [f"uninstall -y {HEADLESS} {WITH_WINDOWS}"]),
        ("aws", ["paddleocr", CPU, WITH_WINDOWS], {CPU, WITH_WINDOWS}, []),
        ("aws, gpu, paddle", [], {GPU, WITH_WINDOWS}, []),
    ],
)
def test_one_onnxruntime_and_one_cv2(
    tmp_path: Path, extras: str, present: list[str], wanted: set[str], removed: list[str]
) -> None:
    """Two distributions with the same files break each other; the one that is asked for must be the only one."""
    told, asked = install_beside(tmp_path, present, *(["--extras", extras] if extras else []))

    assert asked & {CPU, GPU, HEADLESS, WITH_WINDOWS} == wanted
    assert told[:-1] == removed
    assert told[-1].startswith("install --upgrade /")
    assert "".join(told[-1].partition("[")[1:]) == (f"[{extras.replace(' ', '')}]" if extras else "")


def test_what_the_installer_replaces_is_in_the_package() -> None:
    """A renamed requirement would be replaced by nothing."""
    parser = configparser.ConfigParser()
    parser.read(ROOT / "setup.cfg")
    lines = parser["options"]["install_requires"].splitlines()
    assert [line.split()[0] for line in lines if line.startswith(("onnx", "opencv"))] == [HEADLESS, CPU]
    assert parser["options.extras_require"]["gpu"].split()[0] == GPU
    script = (ROOT / "scripts/install").read_text()
    known = re.search(r'^known_extras="(.+)"$', script, re.M)
    assert known and set(known[1].split()) <= set(parser["options.extras_require"])


def test_an_environment_without_pip_is_made_again(tmp_path: Path) -> None:
    """After an upgrade of the distribution its Python looks for packages where none are."""
    program(tmp_path / "opt/anpr-edge/bin/python", "exit 1")
    done = install(tmp_path, "--dry-run")
    assert re.search(r"would run: \S+ -m venv --clear \S+/opt/anpr-edge$", done.stdout, re.M)


@pytest.mark.slow
def test_install_update_uninstall_and_purge(tmp_path: Path) -> None:
    """The whole life of an installation; settings and events survive everything but the purge."""
    first = install(tmp_path, "--with", "usb")
    assert first.returncode == 0, first.stderr
    assert "systemctl enable --now anpr-edge" in first.stderr
    installed, settings = tmp_path / "opt/anpr-edge", tmp_path / "etc/anpr-edge"
    assert (installed / "share/anpr-edge/models").is_dir()
    assert (tmp_path / "usr/local/bin/anpr-edge").readlink() == Path("/opt/anpr-edge/bin/anpr-edge")
    assert (tmp_path / "etc/systemd/system/anpr-edge.service.d/usb.conf").exists()
    assert (settings / "environment").stat().st_mode & 0o777 == 0o640
    assert (settings / "config.yaml").stat().st_mode & 0o777 == 0o640
    assert (
        settings.stat().st_mode & 0o7777 == 0o1770
    )  # the service saves drawings there, and replaces nothing of root's

    site_packages = next(installed.glob("lib/python3.*/site-packages"))
    (site_packages / "borrowed.pth").write_text(sysconfig.get_path("purelib"))  # what PIP_NO_DEPS left out
    environment = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}
    command = [str(installed / "bin/anpr-edge"), "version"]
    shown = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert shown.returncode == 0, shown.stderr
    assert re.search(r"\d+\.\d+\.\d+", shown.stdout)

    (settings / "config.yaml").write_text("mine")
    (tmp_path / "var/lib/anpr-edge/outbox.db").write_text("events")
    (installed / "share/anpr-edge/models/of-yesterday.onnx").write_text("old")
    again = install(tmp_path)
    assert again.returncode == 0, again.stderr
    assert (settings / "config.yaml").read_text() == "mine"
    assert not (installed / "share/anpr-edge/models/of-yesterday.onnx").exists()
    assert (tmp_path / "etc/systemd/system/anpr-edge.service.d/usb.conf").exists()  # chosen earlier, kept

    gone = install(tmp_path, script="uninstall")
    assert gone.returncode == 0, gone.stderr
    assert not installed.exists()
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


# A Python of Debian: venv starts and then fails, leaving a folder behind, until ensurepip is there.
DEBIANS_PYTHON = """
here="{folder}"
case "$*" in
    -) cat >/dev/null ;;
    "-c import ensurepip") [ -e "$here/ensurepip" ] ;;
    "-c import pip") [ -e "$here/ensurepip" ] ;;
    -c*) echo python3.11-venv ;;
    "-m venv"*)
        mkdir -p .venv/bin; cp "$0" .venv/bin/python
        [ -e "$here/ensurepip" ] || {{ echo "ensurepip is not available" >&2; exit 1; }} ;;
    "-m pip"*) echo "$*" >>"$here/pip" ;;
esac
"""


def set_up(folder: Path, *, root: bool = False, python: str = DEBIANS_PYTHON) -> subprocess.CompletedProcess[str]:
    """Run scripts/setup in a copy below `folder`, on a Debian that is imitated; only root may install packages."""
    copy, commands = folder / "copy", folder / "commands"
    (copy / "scripts").mkdir(parents=True, exist_ok=True)
    shutil.copy(ROOT / "scripts/setup", copy / "scripts")
    shutil.copy(ROOT / "setup.cfg", copy)
    program(commands / "id", f"echo {0 if root else 1000}")
    program(commands / "sudo", "exit 1")
    program(
        commands / "apt-get",
        f'echo "$*" >>{folder}/apt; case "$1" in install) touch {folder}/ensurepip ;; esac',
    )
    environment = {
        "PATH": f"{commands}:/usr/bin:/bin",
        "PYTHON": str(program(folder / "python", python.format(folder=folder))),
    }
    return subprocess.run([copy / "scripts/setup"], env=environment, capture_output=True, text=True, check=False)


def test_set_up_says_what_to_type_and_goes_on_afterwards(tmp_path: Path) -> None:
    """Half an environment, left by the first try, must not be taken for a whole one by the second."""
    first = set_up(tmp_path)
    assert first.returncode == 1
    assert "sudo apt-get install python3.11-venv" in first.stderr
    assert not (tmp_path / "apt").exists() and not (tmp_path / "copy/.venv").exists()

    program(tmp_path / "copy/.venv/bin/python", "exit 1")  # as an earlier version of the script left it
    (tmp_path / "ensurepip").touch()  # the package is installed
    second = set_up(tmp_path)
    assert second.returncode == 0, second.stderr
    assert "install -e ." in (tmp_path / "pip").read_text()


def test_set_up_installs_venv_where_it_may(tmp_path: Path) -> None:
    """One command from a bare Debian to a car at the gate."""
    done = set_up(tmp_path, root=True)
    assert done.returncode == 0, done.stderr
    assert re.search(r"^install .*python3.11-venv$", (tmp_path / "apt").read_text(), re.M)

    (tmp_path / "pip").unlink()
    assert set_up(tmp_path, root=True).returncode == 0
    assert not (tmp_path / "pip").exists()  # all is there: nothing is done again


def test_set_up_leaves_nothing_of_an_environment_that_failed(tmp_path: Path) -> None:
    """A folder that looks like an environment would mislead the next one who looks."""
    (tmp_path / "ensurepip").touch()
    failed = set_up(tmp_path, python=DEBIANS_PYTHON.replace('[ -e "$here/ensurepip" ] || {{', "{{"))
    assert failed.returncode == 1
    assert "then run this again" in failed.stderr
    assert not (tmp_path / "copy/.venv").exists()

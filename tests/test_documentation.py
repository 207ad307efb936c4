"""The pages: every link leads somewhere, every alarm has its urgency, every command in them exists."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml
from typer.main import get_command

from edge.cli import app

ROOT = Path(__file__).parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "deploy").rglob("*.md")])


def anchors(page: Path) -> set[str]:
    """Return the anchors that GitHub makes of the page's headings."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.M)
    return {re.sub(r"[^\w\- ]", "", h.lower()).replace(" ", "-") for h in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_every_link_leads_somewhere(page: Path) -> None:
    """At night, at the gate, a dead link is one more problem."""
    dead = []
    for link in re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8")):
        if re.match(r"[a-z]+:", link):
            continue
        name, _, anchor = link.partition("#")
        target = (page.parent / name).resolve() if name else page
        if not target.exists() or (anchor and target.suffix == ".md" and anchor not in anchors(target)):
            dead.append(link)
    assert dead == []


def test_operations_says_how_urgent_each_alarm_is() -> None:
    """An alarm that is in no column is looked at by nobody."""
    groups = yaml.safe_load((ROOT / "deploy/prometheus/anpr-rules.yml").read_text())["groups"]
    alarms = {rule["alert"] for group in groups for rule in group["rules"] if "alert" in rule}
    page = (ROOT / "docs/operations.md").read_text()
    assert alarms == set(re.findall(r"\bAnpr[A-Z]\w+", page[page.index("## Alarms") :]))


def test_commands_in_the_pages_exist() -> None:
    """Whoever copies a line must not meet `No such command`."""
    known = {*get_command(app).commands, "scenes"}  # the last one comes with the training package
    named: set[str] = set()
    for page in PAGES:
        named |= set(re.findall(r"(?:^|`|sudo |bin/)anpr-edge ([a-z][a-z-]+)\b(?! {2})", page.read_text(), re.M))
    assert named - known == set()

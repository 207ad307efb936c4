"""The page in a real browser: what people see and do, at phone and desktop size, light and dark, by keyboard."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect, sync_playwright

from edge.config import load
from edge.protocols import SourceState
from edge.types import EventType, Evidence
from tests.web.fake_gate import a_frame
from tests.web.site import PASSWORD, Site, moving, serve

CHROMIUM = "/usr/bin/chromium"
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
SKY = """(() => {
    const canvas = document.querySelector("canvas");
    const [red, green, blue] = canvas.getContext("2d").getImageData(canvas.width / 2, 5, 1, 1).data;
    return red + green + blue;
})()"""
SCRIPT_BYTES = """performance.getEntriesByType("resource").filter((r) => r.name.includes("/static/"))
    .reduce((sum, r) => sum + r.decodedBodySize, 0)"""
SIZES = {"phone": (390, 844), "desktop": (1440, 900)}
PAGES = ("live", "events", "aim", "try", "site")
SHOTS = os.environ.get("ANPR_SCREENSHOTS")  # a folder: keep what the browser shows, to look at

expect.set_options(timeout=30_000)  # test machines may be busy
pytestmark = pytest.mark.skipif(not Path(CHROMIUM).exists(), reason="needs chromium: apt install chromium")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as play:
        chromium = play.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield chromium
        chromium.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A window that fails the test when a script fails or something is fetched from elsewhere."""
    yield from a_window(browser, SIZES["desktop"], "light")


def a_window(browser: Browser, size: tuple[int, int], theme: Any) -> Iterator[Page]:
    faults: list[str] = []
    context = browser.new_context(viewport={"width": size[0], "height": size[1]}, color_scheme=theme, timezone_id="UTC")
    window = context.new_page()
    window.set_default_timeout(60_000)
    window.set_default_navigation_timeout(60_000)
    window.on("pageerror", lambda error: faults.append(str(error)))
    window.on(
        "console",
        lambda m: faults.append(m.text) if m.type == "error" and "Failed to load resource" not in m.text else None,
    )
    window.on(
        "request",
        lambda r: faults.append(r.url) if not re.match(r"(https?://127\.0\.0\.1|blob:|data:)", r.url) else None,
    )
    yield window
    context.close()
    assert faults == []


def shown(page: Page, name: str) -> None:
    if SHOTS:
        Path(SHOTS).mkdir(parents=True, exist_ok=True)
        page.screenshot(path=Path(SHOTS) / f"{name}.png")


def settled(page: Page, site: Site, path: str) -> None:
    """Open one part of the page and wait until it shows what it has."""
    page.goto(f"{site.url}/{path}")
    signs = {
        "live": ".car",
        "events": ".car",
        "aim": ".scales > li",
        "try": ".drop",
        "site": ".funnel",
    }
    page.wait_for_selector(signs[path])
    page.wait_for_selector("#health .icon")


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("size", SIZES)
def test_every_page_is_accessible_and_fits(browser: Browser, site: Site, size: str, theme: str) -> None:
    """No violation that axe-core knows (contrast included), nothing beyond the window's edge."""
    for page in a_window(browser, SIZES[size], theme):
        for path in PAGES:
            settled(page, site, path)
            if path == "live":
                expect(page.locator(".veil:not([hidden])")).to_have_count(0)
            result = Axe().run(page)
            shown(page, f"{path}-{size}-{theme}")
            faults = [(v["id"], v["nodes"][0]["html"][:150]) for v in result.response["violations"]]
            assert faults == [], path
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), path


def test_live_shows_pictures_and_new_cars_as_they_come(page: Page, site: Site) -> None:
    """Two cameras, each with its plate; a car that passes appears at the top without a reload."""
    settled(page, site, "live")
    with moving(site.gate):
        expect(page.get_by_role("img", name="entry-cam: AB12CDE")).to_be_visible()
        expect(page.get_by_role("img", name="exit-cam: AB12CDE")).to_be_visible()
        assert page.evaluate(SKY) > 200  # the sky of the drawn street
        event = site.gate.drive_by("entry-cam", "JU57NOW")
        site.parts.history.write([event])
        expect(page.locator(".cars li").first).to_contain_text("JU57NOW")
        expect(page.locator(".camera").first.locator(".decided")).to_contain_text("JU57NOW")


def test_a_lost_camera_is_seen_at_once(page: Page, tmp_path: Path) -> None:
    """Header and card say it, with the reason."""
    with serve(tmp_path) as site:
        settled(page, site, "live")
        expect(page.locator("#health")).to_have_text("Ready")
        site.gate.board.camera_changed("exit-cam", SourceState.STALLED, "no packet for 5 s")
        expect(page.locator("#health")).to_have_text("1 problem")
        card = page.get_by_role("region", name="Camera exit-cam")
        expect(card).to_contain_text("no packet for 5 s")
        shown(page, "live-lost")


def test_a_gate_computer_that_does_not_answer_is_no_live_picture(page: Page, tmp_path: Path) -> None:
    """A frozen picture that looks live would let a car wait for ever."""
    with serve(tmp_path) as site:
        settled(page, site, "live")
        site.server.stop()
        expect(page.locator("#health")).to_have_text("No connection")
        card = page.get_by_role("region", name="Camera entry-cam")
        expect(card).to_contain_text("The gate computer does not answer")
        expect(card.locator(".pill")).to_have_text("not live")
        shown(page, "live-no-connection")


def test_figures_are_kept_fresh_without_taking_away_what_is_read(page: Page, tmp_path: Path) -> None:
    """What somebody unfolded stays unfolded while the numbers change."""
    with serve(tmp_path) as site:
        settled(page, site, "site")
        funnel = page.locator("section", has_text="From picture to plate: entry-cam")
        funnel.locator("summary").click()
        page.get_by_role("heading", name="Health").click()  # the keyboard leaves it
        page.evaluate("document.activeElement.blur()")
        before = funnel.locator(".funnel .number").first.inner_text()
        site.gate.drive_by("entry-cam")
        expect(funnel.locator(".funnel .number").first).not_to_have_text(before)
        expect(funnel.get_by_role("row", name="detect")).to_be_visible()
        expect(page.locator(".tiles")).to_contain_text("vehicles")


def test_a_phone_hides_lane_and_time_until_they_are_wanted(browser: Browser, site: Site) -> None:
    """The last cars come first on a small screen."""
    for page in a_window(browser, SIZES["phone"], "dark"):
        settled(page, site, "events")
        expect(page.locator("#f-lane")).to_be_hidden()
        page.get_by_role("button", name="Lane and time").click()
        page.locator("#f-lane").select_option("lane-out")
        shown(page, "events-phone-unfolded")
        page.get_by_role("button", name="Search").click()
        expect(page.locator(".car", has_text="lane-in")).to_have_count(0)
        expect(page.locator(".car").first).to_contain_text("lane-out")


def test_events_are_found_in_spite_of_a_misread(page: Page, site: Site) -> None:
    """By keyboard: plate, enter, first hit, enter, details, escape."""
    settled(page, site, "events")
    page.get_by_label("Plate").fill("mtk447i")
    page.keyboard.press("Enter")
    expect(page.locator(".car .plate").first).to_have_text("MTK4471")
    expect(page.locator(".car")).to_have_count(2)
    page.locator(".car").first.focus()
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("MTK4471")
    expect(dialog).to_contain_text("Right with")
    assert [(v["id"], v["nodes"][0]["html"][:150]) for v in Axe().run(page).response["violations"]] == []
    shown(page, "details")
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    with page.expect_download() as download:
        page.get_by_role("link", name="CSV").click()
    lines = Path(download.value.path()).read_text().splitlines()
    assert len(lines) == 3 and "MTK4471" in lines[1]


def test_decisions_and_other_kinds_of_event_are_named(page: Page, tmp_path: Path) -> None:
    """A refusal, a hit on the watch list and a gap look different from a plain passage."""
    with serve(tmp_path) as site:
        refused = replace(
            site.gate.an_event(plate="RE1FUSE", minutes=1), decision="refuse", details=(("rule", "deny"),)
        )
        hit = replace(site.gate.an_event(plate="WA1TCH", minutes=2), type=EventType.WATCH_HIT)
        gap = replace(site.gate.an_event(plate="X", minutes=3), type=EventType.GAP, plate=None, evidence=Evidence())
        site.parts.history.write([refused, hit, gap])
        settled(page, site, "events")
        rows = page.locator(".car")
        expect(rows.nth(0)).to_contain_text("events were lost here")
        expect(rows.nth(0).locator(".plate")).to_have_count(0)
        expect(rows.nth(1)).to_contain_text("on the watch list")
        expect(rows.nth(2).locator("strong.bad")).to_have_text("refused")
        shown(page, "events-kinds")
        rows.nth(2).click()
        expect(page.get_by_role("dialog")).to_contain_text("deny")
        shown(page, "details-refused")


def test_an_answer_is_explained_in_one_click(page: Page, tmp_path: Path) -> None:
    """Every look with what it said and how much it counted; for a car that was not read, the reason."""
    with serve(tmp_path) as site:
        settled(page, site, "events")
        page.locator(".car").first.click()
        page.get_by_role("button", name="Why this answer?").click()
        dialog = page.get_by_role("dialog")
        expect(dialog.locator(".looks tbody tr")).to_have_count(12)
        expect(dialog.locator(".looks tbody")).to_contain_text("blurred")
        expect(dialog.locator(".looks tbody")).to_contain_text("disagrees")
        expect(dialog.locator(".said .bad")).to_have_count(3)  # characters that single looks were unsure of
        assert [(v["id"], v["nodes"][0]["html"][:150]) for v in Axe().run(page).response["violations"]] == []
        shown(page, "explained")
        page.keyboard.press("Escape")
        page.locator(".car", has_text="no plate").first.click()
        page.get_by_role("button", name="Why was it not read?").click()
        expect(page.get_by_role("dialog")).to_contain_text("Never read: seen in 9 pictures")


def test_a_wrong_plate_is_corrected(page: Page, tmp_path: Path) -> None:
    """The list shows the corrected text; the picture is kept for training."""
    with serve(tmp_path) as site:
        settled(page, site, "events")
        page.locator(".car").first.click()
        page.get_by_label("The plate really is").fill("lr21 oqa")
        page.get_by_role("button", name="Correct").click()
        expect(page.get_by_role("dialog")).to_contain_text("Corrected by this machine")
        page.get_by_role("button", name="Close").click()
        expect(page.locator(".car .plate").first).to_have_text("LR21OQA")
        assert "LR21OQA" in (site.settings.web.history.labels / "labels.csv").read_text()


def test_an_attendant_puts_the_car_park_right(page: Page, tmp_path: Path) -> None:
    """A car that left unseen, a plate that was misread, a count that drifted; each survives the next refresh."""
    with serve(tmp_path) as site:
        settled(page, site, "site")
        inside = page.locator("section", has=page.get_by_role("heading", name="Inside"))
        expect(inside.locator(".stays li")).to_have_count(7)
        expect(inside).to_contain_text("1 for too long")
        shown(page, "site-parking")
        longest = inside.locator("li", has_text="AB12CDE")
        longest.get_by_text("Has left").click()
        longest.get_by_role("button", name="End").click()
        expect(inside.locator(".stays li")).to_have_count(6)
        wrong = inside.locator("li", has_text="MTK4471")
        wrong.get_by_text("Correct").first.click()
        wrong.get_by_label("The plate really is").fill("hx11gho")
        wrong.get_by_role("button", name="Correct").click()
        expect(page.get_by_text("Every exit has found its entry.")).to_be_visible()
        spaces = page.locator("section", has=page.get_by_role("heading", name="Free spaces"))
        spaces.get_by_text("Set the count").click()
        spaces.get_by_label("Cars inside now").fill("40")
        spaces.get_by_role("button", name="Set", exact=True).click()
        expect(spaces).to_contain_text("full")
        assert [s.corrected for s in site.parts.parking.state(site.gate.clock.utc()).ended[:2]] == [True, True]


def test_a_technician_draws_region_and_line_with_the_mouse(page: Page, tmp_path: Path) -> None:
    """Click the corners, draw the line, drag one end, save: the settings file holds it."""
    with serve(tmp_path) as site, moving(site.gate, fps=5):
        settled(page, site, "aim")
        expect(page.locator(".verdict")).to_contain_text("Nearly")  # five pictures a second are few
        draw(page, [(0.1, 0.9), (0.2, 0.4), (0.8, 0.4), (0.9, 0.9)])
        page.get_by_role("radio", name="Line").check()
        draw(page, [(0.1, 0.7), (0.9, 0.7)])
        drag(page, (0.9, 0.7), (0.95, 0.6))
        shown(page, "aim-drawn")
        page.get_by_role("button", name="Save").click()
        expect(page.locator("#toast")).to_contain_text("Saved")
        camera = load(site.config, {}).cameras[0]
    assert [tuple(round(v, 1) for v in p) for p in camera.region] == [(0.1, 0.9), (0.2, 0.4), (0.8, 0.4), (0.9, 0.9)]
    assert camera.gate.direction == "line" and camera.gate.line is not None
    assert camera.gate.line[1] == pytest.approx((0.95, 0.6), abs=0.01)


def test_a_technician_draws_with_a_finger_and_the_keyboard(browser: Browser, tmp_path: Path) -> None:
    """On a phone on the ladder; and a corner moved by arrow keys."""
    context = browser.new_context(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    page = context.new_page()
    with serve(tmp_path) as site:
        settled(page, site, "aim")
        page.locator(".layer").scroll_into_view_if_needed()
        for x, y in ((0.2, 0.8), (0.5, 0.3), (0.8, 0.8)):
            box = box_of(page)
            page.touchscreen.tap(box["x"] + x * box["width"], box["y"] + y * box["height"])
        corner = page.get_by_role("button", name=re.compile("Region corner 2"))
        before = json.loads(page.evaluate("JSON.stringify(document.querySelectorAll('.handle')[1].style.left)"))
        corner.focus()
        for _ in range(3):
            page.keyboard.press("ArrowRight")
        after = json.loads(page.evaluate("JSON.stringify(document.querySelectorAll('.handle')[1].style.left)"))
        assert float(after.rstrip("%")) == pytest.approx(float(before.rstrip("%")) + 3, abs=0.01)
        shown(page, "aim-phone-drawn")
        page.get_by_role("button", name="Save").click()
        expect(page.locator("#toast")).to_contain_text("Saved")
        assert len(load(site.config, {}).cameras[0].region) == 3
    context.close()


def test_a_region_of_two_points_cannot_be_saved(page: Page, tmp_path: Path) -> None:
    """The page says what is missing before the daemon has to."""
    with serve(tmp_path) as site:
        settled(page, site, "aim")
        draw(page, [(0.1, 0.9), (0.2, 0.4)])
        expect(page.locator(".hint.problem")).to_have_text("A region needs at least three points.")
        expect(page.get_by_role("button", name="Save")).to_be_disabled()
        page.get_by_role("button", name="Clear").click()


def test_a_walk_test_ends_in_a_report(page: Page, tmp_path: Path) -> None:
    """The technician hands over a file that shows the camera was right."""
    with serve(tmp_path) as site, moving(site.gate):
        settled(page, site, "aim")
        page.get_by_role("button", name="Start").click()
        expect(page.get_by_text(re.compile(r"^([5-9]|\d\d+) pictures with a plate"))).to_be_visible()
        page.get_by_role("button", name="Stop").click()
        with page.expect_download() as download:
            page.get_by_role("link", name="Keep the report").click()
        report = json.loads(Path(download.value.path()).read_text())
    assert report["camera"] == "entry-cam" and report["pictures"] >= 5 and report["vehicles"] == 1
    assert report["verdict_percent"]["green"] == 100
    assert 110 <= report["figures"]["width"]["lowest"] <= report["figures"]["width"]["highest"] <= 170


def test_a_picture_is_tried(page: Page, site: Site) -> None:
    """Drop a photo, see the plate."""
    settled(page, site, "try")
    street = a_frame("x", 1, 0.0, "AB12CDE", site.gate.board.sight("entry-cam").vehicles[0].track.box)  # type: ignore[union-attr]
    photo = cv2.imencode(".jpg", cv2.resize(street.bgr(), (640, 360)))[1].tobytes()
    page.set_input_files("#file", {"name": "photo.jpg", "mimeType": "image/jpeg", "buffer": photo})
    expect(page.locator(".found .plate")).to_have_text("AB12CDE")
    expect(page.get_by_role("status").filter(has_text="1 plate in photo.jpg")).to_be_visible()
    page.set_input_files("#file", {"name": "notes.txt", "mimeType": "text/plain", "buffer": b"hello"})
    expect(page.get_by_text("neither a picture nor a video")).to_be_visible()


def test_people_log_in_see_what_they_may_and_log_out(page: Page, tmp_path: Path) -> None:
    """A viewer cannot correct or try; after logging out nothing is left on the screen."""
    with serve(tmp_path, users=True) as site:
        page.goto(site.url + "/events")
        expect(page.get_by_label("Password")).to_be_visible()
        expect(page.get_by_role("navigation", name="Pages")).to_be_hidden()
        shown(page, "login")
        assert [v["id"] for v in Axe().run(page).response["violations"]] == []
        page.get_by_label("Name").fill("vera")
        page.get_by_label("Password").fill("wrong password")
        page.keyboard.press("Enter")
        expect(page.get_by_role("alert")).to_contain_text("name or password is wrong")
        page.get_by_label("Password").fill(PASSWORD)
        page.keyboard.press("Enter")
        expect(page.locator("#who")).to_have_text("vera · viewer")
        expect(page.get_by_role("link", name="Try")).to_be_hidden()
        page.locator(".car").first.click()
        expect(page.get_by_role("dialog")).to_be_visible()
        expect(page.get_by_role("button", name="Correct")).to_have_count(0)
        page.keyboard.press("Escape")
        page.get_by_role("button", name="Log out").click()
        expect(page.get_by_label("Password")).to_be_visible()
        expect(page.locator(".plate")).to_have_count(0)


def test_the_first_page_loads_within_a_second(page: Page, site: Site) -> None:
    """On loop-back, from nothing to content."""
    page.goto(site.url + "/live")
    page.wait_for_selector(".car")
    timing = page.evaluate("performance.getEntriesByType('navigation')[0].loadEventEnd")
    assert timing < 1000 * float(os.environ.get("ANPR_SLOW", "3"))  # the bar is 1 s; shared test machines get slack
    size = page.evaluate(SCRIPT_BYTES)
    assert 0 < size < 200_000


def draw(page: Page, points: list[tuple[float, float]]) -> None:
    for x, y in points:
        box = box_of(page)
        page.mouse.click(box["x"] + x * box["width"], box["y"] + y * box["height"])


def drag(page: Page, start: tuple[float, float], end: tuple[float, float]) -> None:
    box = box_of(page)
    page.mouse.move(box["x"] + start[0] * box["width"], box["y"] + start[1] * box["height"])
    page.mouse.down()
    page.mouse.move(box["x"] + end[0] * box["width"], box["y"] + end[1] * box["height"], steps=5)
    page.mouse.up()


def box_of(page: Page) -> Any:
    box = page.locator(".layer").bounding_box()
    assert box is not None
    return box


def test_lists_are_searched_changed_and_imported_on_the_site_page(page: Page, tmp_path: Path) -> None:
    """The guest of today in, the lost pass out, a broken file explained; each in force at once."""
    with serve(tmp_path) as site:
        settled(page, site, "site")
        panel = page.get_by_role("region", name="Lists")
        expect(panel.get_by_role("status")).to_contain_text("2 may pass, 1 refused, 1 watched")
        panel.get_by_label("Search").fill("butter")
        expect(panel.locator("tbody tr")).to_have_count(1)
        expect(panel.locator("tbody .plate")).to_have_text("WX67KLM")
        panel.get_by_label("Search").fill("")
        panel.get_by_text("Add a plate").click()
        panel.get_by_label("Plate", exact=True).fill("gu 3st")
        panel.get_by_label("Hours").fill("08:00-18:00")
        shown(page, "lists")
        panel.get_by_role("button", name="Add").click()
        expect(page.locator("#toast")).to_contain_text("GU3ST is on the list")
        expect(panel.locator("tbody tr")).to_have_count(5)
        assert [e.plate for e in site.parts.lists.lists.find("GU3ST")] == ["GU3ST"]  # type: ignore[union-attr]
        remove = panel.get_by_role("button", name="Remove KL55QRS from the list")
        remove.click()
        expect(remove).to_have_text("Really?")
        remove.click()
        expect(panel.locator("tbody tr")).to_have_count(4)
        broken = tmp_path / "tenants.csv"
        broken.write_text("plate,list\nAB1,allow\n!,allow\n")
        panel.get_by_text("Import and export").click()
        panel.get_by_label("Import a file").set_input_files(broken)
        expect(panel.get_by_role("alert")).to_contain_text("Nothing was imported: 1 rows are broken")
        expect(panel.get_by_role("alert")).to_contain_text("row 3")
        shown(page, "lists-broken")
        panel.get_by_label("Leave broken rows out").check()
        panel.get_by_label("Import a file").set_input_files(broken)
        expect(panel.get_by_role("status")).to_contain_text("1 may pass, 0 refused")


def test_viewer_sees_no_lists(page: Page, guarded: Site) -> None:
    """Who may pass is personal data."""
    page.goto(f"{guarded.url}/site")
    page.get_by_label("Name").fill("vera")
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    page.wait_for_selector(".funnel")
    expect(page.get_by_role("region", name="Lists")).to_have_count(0)

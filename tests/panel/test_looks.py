"""The panel in windows of every width, in the dark, and for those who hear it; the README's screenshots too."""

import os
import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, ViewportSize, expect

from tests.panel.conftest import Served
from tests.panel.test_craft import serious
from tests.support.panel_reports import Api, address, expect_settled, open_filter, row_at, table

pytestmark = pytest.mark.processes

ROOT = Path(__file__).parents[2]
IMAGES = ROOT / "docs" / "images"
WANTED = "GQLREPORTS_SCREENSHOTS"
PHONE: ViewportSize = {"width": 390, "height": 844}
WALL: ViewportSize = {"width": 2560, "height": 1440}
DARK, LIGHT = range(0, 60), range(200, 256)


@pytest.fixture
def report(served: Served) -> str:
    return address(Api(served).analysis("BREAKOUT", "05001"))


def background(page: Page, selector: str) -> list[int]:
    colour = page.locator(selector).first.evaluate("element => getComputedStyle(element).backgroundColor")
    return [int(each) for each in re.findall(r"\d+", colour)[:3]]


@pytest.mark.parametrize("size", [PHONE, WALL], ids=["narrow", "wide"])
def test_every_part_is_in_reach(staff: Page, report: str, size: ViewportSize) -> None:
    """The page is never wider than the window; the table scrolls for itself."""
    staff.set_viewport_size(size)
    for path in ("/customers", "/customers/05001", report):
        staff.goto(path)
        expect(staff.get_by_role("heading", level=1)).to_be_visible()
        if path == report:
            expect_settled(staff)
        assert staff.evaluate("document.documentElement.scrollWidth") <= size["width"]
    for name in ("Generate Report", "Columns", "Export", "Copy as GraphQL", "Log out"):
        box = staff.get_by_role("button", name=name).bounding_box()
        assert box is not None
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= size["width"]
    box = table(staff).bounding_box()
    assert box is not None
    assert box["width"] > 0.85 * size["width"]


def test_figures_are_not_cut_off(staff: Page, report: str) -> None:
    """The last column ends before what the table scrolls by."""
    staff.goto(f"{report}&chart=none&columns=destinationName,attempts,asr")
    expect_settled(staff)
    cell = row_at(staff, 0).locator("[col-id=asr]")
    seen = cell.evaluate("""cell => {
      const {right, top, height} = cell.getBoundingClientRect()
      return cell.contains(document.elementFromPoint(right - 4, top + height / 2))
    }""")
    assert seen


def test_menus_and_dialogs_fit_into_a_narrow_window(staff: Page, report: str) -> None:
    staff.set_viewport_size(PHONE)
    staff.goto(report)
    expect_settled(staff)
    for name in ("Columns", "Export"):
        staff.get_by_role("button", name=name).click()
        box = staff.get_by_role("group", name=name).bounding_box()
        assert box is not None
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= PHONE["width"]
        staff.keyboard.press("Escape")
    row_at(staff, 0).get_by_role("gridcell").first.click()
    box = staff.get_by_role("dialog").bounding_box()
    assert box is not None
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= PHONE["width"]


def test_it_is_dark_where_the_system_is_or_the_user_chose_so(staff: Page, report: str) -> None:
    staff.emulate_media(color_scheme="dark")
    staff.goto(report)
    expect_settled(staff)
    for selector in ("html", ".ag-header", ".ag-row"):
        assert all(each in DARK for each in background(staff, selector)), selector
    staff.get_by_label("Theme").select_option("Light")
    assert all(each in LIGHT for each in background(staff, "html"))
    staff.emulate_media(color_scheme="light")
    staff.get_by_label("Theme").select_option("Dark")
    staff.reload()
    expect_settled(staff)
    assert all(each in DARK for each in background(staff, "html"))
    staff.get_by_label("Theme").select_option("System")


def test_menus_filters_and_dialogs_keep_nobody_out(staff: Page, report: str) -> None:
    """Pages are looked at by test_craft."""
    staff.goto(report)
    expect_settled(staff)
    staff.get_by_role("button", name="Columns").click()
    assert serious(staff) == []
    staff.keyboard.press("Escape")
    open_filter(staff, "Asr")
    expect(staff.get_by_role("form", name="Filter by Asr")).to_be_visible()
    assert serious(staff) == []
    staff.keyboard.press("Escape")
    staff.get_by_role("button", name="Copy as GraphQL").click()
    expect(staff.get_by_label("GraphQL query")).to_be_visible()
    assert serious(staff) == []
    staff.keyboard.press("Escape")
    row_at(staff, 0).get_by_role("gridcell").first.click()
    expect(staff.get_by_role("dialog").get_by_role("table")).to_be_visible()
    assert serious(staff) == []


def test_a_report_is_generated_by_keyboard_alone(staff: Page) -> None:
    staff.goto("/customers/05001/reports/DTMF")
    expect(staff.get_by_label("From", exact=True)).to_be_visible()
    staff.keyboard.press("Tab")
    expect(staff.get_by_role("link", name="Skip to content")).to_be_focused()
    staff.keyboard.press("Enter")
    for _ in range(40):
        staff.keyboard.press("Tab")
        if staff.evaluate("document.activeElement.textContent") == "Generate Report":
            break
    expect(staff.get_by_role("button", name="Generate Report")).to_be_focused()
    staff.keyboard.press("Enter")
    expect(table(staff)).to_be_visible()


@pytest.mark.skipif(WANTED not in os.environ, reason="make screenshots")
@pytest.mark.parametrize(("name", "scheme", "height"), [("report", "light", 900), ("calls", "dark", 600)])
def test_screenshots(staff: Page, served: Served, name: str, scheme: str, height: int) -> None:
    staff.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    staff.set_viewport_size({"width": 1200, "height": height})
    analysis = Api(served).analysis("USA_CALLS", "5001")
    staff.goto(address(analysis, sort="calls:desc"))
    expect_settled(staff)
    if name == "calls":
        row_at(staff, 0).get_by_role("gridcell").first.click()
        expect(staff.get_by_role("dialog").get_by_role("table")).to_be_visible()
    IMAGES.mkdir(exist_ok=True)
    staff.screenshot(path=IMAGES / f"panel-{name}.png")

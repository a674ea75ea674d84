"""Every report in the panel: its table against the API's answer."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Locator, Page, expect

from tests.panel.conftest import Served
from tests.support.asking import COLUMNS, REPORTS, TOTALS
from tests.support.figures import moment, shown
from tests.support.panel_reports import (
    ALL_IN_SIGHT,
    Api,
    Cells,
    address,
    expect_foot,
    expect_rows,
    fill_in_range,
    foot,
    generate,
    read,
)

pytestmark = pytest.mark.processes

CUSTOMER = "05001"
"""Has charges in two currencies, and few enough rows in three days for a table to draw all."""


@pytest.fixture
def api(served: Served) -> Api:
    return Api(served)


def expected(row: dict[str, Any], names: str) -> Cells:
    return {name: shown(name, row[name], row) for name in names.split()}


@pytest.mark.parametrize("type", sorted(REPORTS))
def test_the_table_shows_what_the_api_answers(staff: Page, api: Api, type: str) -> None:
    staff.set_viewport_size(ALL_IN_SIGHT)
    staff.goto(f"/customers/{CUSTOMER}")
    staff.get_by_label("Report", exact=True).select_option(type)
    fill_in_range(staff, "2025-10-31T00:00", "2025-11-03T00:00")
    generate(staff)
    columns, measured = COLUMNS[type], TOTALS[type]
    selection = f"rows(first: 1000) {{ {columns} }} totals {{ {measured} }} rowCount"
    answer = api.ask(api.analysis(type, CUSTOMER), selection)
    expect_foot(staff, answer["rowCount"])
    assert answer["rowCount"] > 1
    expect_rows(staff, [expected(row, columns) for row in answer["rows"]])
    [totals] = read(staff, "totals")
    assert {name: totals[name] for name in measured.split()} == expected(answer["totals"], measured)
    assert [text for name, text in totals.items() if name not in measured.split() and text] == ["Totals"]


def test_parameters_and_counting_by_enter(staff: Page, api: Api) -> None:
    staff.set_viewport_size(ALL_IN_SIGHT)
    staff.goto(f"/customers/{CUSTOMER}/reports/USA_RATE_CENTER")
    fill_in_range(staff, "2025-10-31T00:00", "2025-11-03T00:00")
    staff.get_by_label("Side").select_option("Originating")
    staff.get_by_label("By currency").check()
    staff.get_by_label("Counting").select_option("Route attempts")
    staff.get_by_label("To", exact=True).press("Enter")
    analysis = api.analysis("USA_RATE_CENTER", CUSTOMER, basis="ATTEMPT", side="ORIGINATING", byCurrency=True)
    columns = COLUMNS["USA_RATE_CENTER"]
    rows = api.ask(analysis, f"rows(first: 1000) {{ {columns} }}")["rows"]
    expect_foot(staff, len(rows))
    expect_rows(staff, [expected(row, columns) for row in rows])


def test_a_range_is_that_of_the_zones_clock(staff: Page, api: Api) -> None:
    """Of a day of 25 hours, to the minute."""
    staff.goto("/customers/5001/reports/GROUP_BY_TECH_PREFIX")
    fill_in_range(staff, "2025-11-02T00:30", "2025-11-03T00:30", "America/New_York")
    generate(staff)
    span = datetime(2025, 11, 2, 4, 30, tzinfo=UTC), datetime(2025, 11, 3, 5, 30, tzinfo=UTC)
    totals = api.ask(api.analysis("GROUP_BY_TECH_PREFIX", "5001", span), "totals { answeredCalls total }")["totals"]
    expect(foot(staff)).to_be_visible()
    [found] = read(staff, "totals")
    assert {name: found[name] for name in totals} == expected(totals, "answeredCalls total")


@pytest.mark.parametrize(
    ("preset", "start", "end"),
    [
        ("Today", "2025-11-01", "2025-11-02"),
        ("Yesterday", "2025-10-31", "2025-11-01"),
        ("Last 7 days", "2025-10-26", "2025-11-02"),
        ("Last 30 days", "2025-10-03", "2025-11-02"),
        ("This month", "2025-11-01", "2025-12-01"),
        ("Last month", "2025-10-01", "2025-11-01"),
    ],
)
def test_presets_are_days_of_the_zone(form: Page, preset: str, start: str, end: str) -> None:
    """In Tokyo it is the next day, and the next month."""
    form.get_by_label("Range").select_option(preset)
    expect(form.get_by_label("From", exact=True)).to_have_value(f"{start}T00:00")
    expect(form.get_by_label("To", exact=True)).to_have_value(f"{end}T00:00")


@pytest.fixture(scope="module")
def form(at_work: BrowserContext) -> Iterator[Page]:
    """The form of a report at 20:00 UTC of the last day of October, on the clock of Tokyo."""
    page = at_work.new_page()
    page.clock.set_fixed_time("2025-10-31T20:00:00Z")
    page.goto("/customers/5001/reports/DTMF")
    page.get_by_label("Time zone").select_option("Asia/Tokyo")
    yield page
    page.close()


def test_a_range_without_calls_has_no_rows_to_show(staff: Page, api: Api) -> None:
    staff.goto(address(api.analysis("BREAKOUT", "5009")))
    expect_foot(staff, 0)
    expect(staff.locator("span", has_text="No Rows To Show")).to_be_visible()


def test_a_range_that_is_none_is_told_and_nothing_is_lost(staff: Page, api: Api) -> None:
    staff.goto(address(api.analysis("DTMF", CUSTOMER)))
    expect_foot(staff, 7)
    before = staff.url
    fill_in_range(staff, "2025-11-03T00:00", "2025-11-02T23:59")
    generate(staff)
    expect(staff.get_by_role("alert")).to_contain_text("later")
    assert staff.url == before
    expect_foot(staff, 7)
    expect(staff.get_by_label("To", exact=True)).to_have_value("2025-11-02T23:59")


def test_a_range_that_is_too_long_is_told_and_the_former_table_stays(staff: Page, api: Api) -> None:
    staff.goto(address(api.analysis("DTMF", CUSTOMER)))
    expect_foot(staff, 7)
    fill_in_range(staff, "2001-01-01T00:00", "2025-11-02T00:00")
    generate(staff)
    expect(staff.get_by_role("alert")).to_contain_text("Choose a shorter range")
    expect(staff.get_by_text("Out of date")).to_be_visible()
    expect_foot(staff, 7)
    expect(staff.get_by_label("From", exact=True)).to_have_value("2001-01-01T00:00")
    staff.go_back()
    expect(staff.get_by_role("alert")).to_have_count(0)
    expect(staff.get_by_text("Out of date")).to_have_count(0)


def test_bars_are_the_largest(staff: Page, api: Api) -> None:
    analysis = api.analysis("USA_RATE_CENTER", "5001")
    staff.goto(address(analysis, measure="callCount", chart="bar"))
    top = api.ask(
        analysis, "top(n: 10, by: CALL_COUNT) { rows { prefix rc callCount } others { callCount } otherRowCount }"
    )["top"]
    lines = [
        (" · ".join(shown(key, row[key], row) for key in ("prefix", "rc")), f"{row['callCount']:,}")
        for row in top["rows"]
    ]
    lines.append((f"{top['otherRowCount']:,} others", f"{top['others']['callCount']:,}"))
    bars = staff.get_by_role("figure").get_by_role("row")
    expect(bars).to_have_count(len(lines))
    assert [tuple(filter(None, row.all_text_contents())) for row in map(cells_of, bars.all())] == lines


def cells_of(row: Locator) -> Locator:
    return row.locator("th, td")


def test_a_line_is_the_timeline(staff: Page, api: Api) -> None:
    """By the hour where the range is short; the same figures can be heard."""
    zone = "Asia/Kolkata"
    analysis = api.analysis("BREAKOUT", "5001")
    staff.goto(address(analysis, zone, measure="asr", chart="line"))
    buckets = api.ask(analysis, f'timeline(every: HOUR, timeZone: "{zone}") {{ start asr }}')["timeline"]
    figure = staff.get_by_role("figure")
    expect(figure.locator("canvas")).to_be_visible()
    lines = [cells_of(row).all_text_contents() for row in figure.get_by_role("row").all()]
    assert lines == [[moment(each["start"], zone), shown("asr", each["asr"], each)] for each in buckets]

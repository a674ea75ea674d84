"""From a row of the panel's table to its calls."""

from collections.abc import Mapping
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.panel.conftest import Served
from tests.support.analysis_oracle import Analysis
from tests.support.calls_oracle import TEXT_CELLS
from tests.support.figures import moment
from tests.support.oracle import Row
from tests.support.panel_reports import MONTH, Api, Cells, address, expect_settled, row_at, table

pytestmark = pytest.mark.processes

ZONE = "America/New_York"
COLUMNS = [
    *TEXT_CELLS, "dt", "callid", "branchIdx", "switch", "customerId", "account", "techPrefix", "destCli", "destNumber",
    "lrn", "answered", "duration", "customerDuration", "customerCharge", "customerCardRate", "customerCardCurrency",
    "customerCardDestCode", "customerCardDestName", "providerId", "providerCardId", "providerDuration",
    "providerCharge", "providerCardCurrency", "pddOut", "dtmf", "sipCode", "ringDuration", "releaseReason",
    "q850Cause", "hangupSide", "endTime", "codec", "mos", "packetLoss", "jitter", "callerName", "linkedCallid", "extra",
]  # fmt: skip


@pytest.fixture
def api(served: Served) -> Api:
    return Api(served)


def call_cell(name: str, value: Any) -> str:
    if value is None:
        return "—"
    if name in ("dt", "endTime"):
        return moment(value, ZONE)
    return ("Yes" if value else "No") if isinstance(value, bool) else str(value)


def read_calls(page: Page, count: int) -> list[Cells]:
    """The cells of the calls that are shown, by the names of their columns in small letters."""
    shown = page.get_by_role("dialog").get_by_role("table")
    rows = shown.locator("tbody").get_by_role("row")
    expect(rows).to_have_count(count)
    heads = [each.replace(" ", "").lower() for each in shown.get_by_role("columnheader").all_text_contents()]
    cells = rows.evaluate_all("rows => rows.map(row => [...row.querySelectorAll('td')].map(cell => cell.textContent))")
    return [dict(zip(heads, row, strict=True)) for row in cells]


def where_of(analysis: Analysis, row: Row) -> Mapping[str, Any]:
    return {key: {"isNull": True} if row[key] is None else {"eq": row[key]} for key in analysis.keys}


def expect_calls_of(page: Page, api: Api, analysis: Analysis, row: Row) -> None:
    """The dialog shows the calls behind a row as the API answers them, as many as the truth has."""
    where = where_of(analysis, row)
    count = len(analysis.calls(where))
    first = min(count, 100)
    names = " ".join(COLUMNS)
    answer = api.ask(analysis, f"calls(where: $where, first: 100) {{ {names} }} callCount(where: $where)", where=where)
    assert answer["callCount"] == count > 0
    expect(page.get_by_role("dialog").get_by_role("status")).to_contain_text(f"{first:,} of {count:,} ")
    calls = [{name.lower(): call_cell(name, call[name]) for name in COLUMNS} for call in answer["calls"]]
    assert read_calls(page, first) == calls


@pytest.mark.parametrize("type", ["BREAKOUT", "DID_AS_CLI", "RELEASE_REASONS"])
def test_a_click_on_a_row_shows_its_calls(staff: Page, api: Api, type: str) -> None:
    analysis = api.analysis(type, "05001")
    staff.goto(address(analysis, ZONE, chart="none"))
    expect_settled(staff)
    for index in (0, 3):
        row_at(staff, index).get_by_role("gridcell").first.click()
        expect_calls_of(staff, api, analysis, analysis.rows()[index])
        staff.keyboard.press("Escape")
        expect(staff.get_by_role("dialog")).to_have_count(0)


def test_of_a_filtered_and_sorted_view_whose_keys_are_not_shown(staff: Page, api: Api) -> None:
    """A row has its keys' calls, and not those of the row at its place in another order."""
    analysis = api.analysis("PER_NUMBER", "5001")
    where, order = {"attempts": {"lte": 2}}, [("talkTime", True)]
    view = {"columns": "talkTime,asr", "sort": "talkTime:desc", "where": '{"attempts":{"lte":2}}'}
    staff.goto(address(analysis, ZONE, chart="none", **view))
    expect_settled(staff)
    row_at(staff, 2).get_by_role("gridcell").first.click()
    expect_calls_of(staff, api, analysis, analysis.rows(where, order)[2])


def test_by_keyboard_and_page_after_page(staff: Page, api: Api) -> None:
    analysis = api.analysis("GROUP_BY_TECH_PREFIX", "5001", MONTH)
    staff.goto(address(analysis, ZONE, chart="none"))
    expect_settled(staff)
    cell = row_at(staff, 1).get_by_role("gridcell").first
    cell.focus()
    staff.keyboard.press("Enter")
    row = analysis.rows()[1]
    count = len(analysis.calls(where_of(analysis, row)))
    assert 100 < count <= 200
    expect_calls_of(staff, api, analysis, row)
    staff.get_by_role("button", name="Show more calls").click()
    assert len({(call["switch"], call["callid"], call["branchidx"]) for call in read_calls(staff, count)}) == count
    expect(staff.get_by_role("button", name="Show more calls")).to_have_count(0)
    staff.get_by_role("button", name="Close").click()
    expect(cell).to_be_focused()


def test_the_totals_open_nothing(staff: Page, api: Api) -> None:
    staff.goto(address(api.analysis("DTMF", "5001"), chart="none"))
    expect_settled(staff)
    table(staff).locator(".ag-row-pinned").get_by_role("gridcell").first.click()
    expect(staff.get_by_role("dialog")).to_have_count(0)

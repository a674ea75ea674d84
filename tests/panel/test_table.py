"""The table of a report in the panel: columns, filters, order, totals, many rows."""

from typing import Any

import pytest
from playwright.sync_api import Page, Request, expect

from tests.panel.conftest import Served
from tests.support.asking import COLUMNS
from tests.support.figures import shown
from tests.support.panel_reports import (
    ALL_IN_SIGHT,
    MONTH,
    Api,
    Cells,
    address,
    column_names,
    expect_foot,
    expect_rows,
    expect_settled,
    open_filter,
    read,
    table,
)

pytestmark = pytest.mark.processes

CUSTOMER = "05001"


@pytest.fixture
def api(served: Served) -> Api:
    return Api(served)


@pytest.fixture
def wide(staff: Page) -> Page:
    staff.set_viewport_size(ALL_IN_SIGHT)
    return staff


def expected(rows: list[dict[str, Any]], names: str) -> list[Cells]:
    return [{name: shown(name, row[name], row) for name in names.split()} for row in rows]


def filter_by(page: Page, title: str, operator: str, value: str) -> None:
    """By the form in the head of a column."""
    open_filter(page, title)
    form = page.get_by_role("form", name=f"Filter by {title}")
    form.get_by_label("Operator").select_option(operator)
    form.get_by_role("textbox", name="Value").fill(value)
    form.get_by_role("button", name="Apply").click()
    expect(form).to_have_count(0)
    expect_settled(page)


def sort_by(page: Page, title: str, further: bool = False) -> None:
    head = table(page).get_by_role("columnheader", name=title).get_by_text(title)
    head.click(modifiers=["Shift"] if further else [])


def test_an_unticked_column_is_not_fetched(wide: Page, api: Api) -> None:
    analysis = api.analysis("BREAKOUT", CUSTOMER)
    wide.goto(address(analysis, chart="none"))
    expect_settled(wide)
    assert column_names(wide) == COLUMNS["BREAKOUT"].split()
    asked: list[str] = []

    def note(request: Request) -> None:
        if request.url.endswith("/graphql"):
            asked.append(request.post_data or "")

    wide.on("request", note)
    wide.get_by_role("button", name="Columns").click()
    unticked = {"Provider charge": "providerCharge", "Talk time": "talkTime", "Pdd p95": "pddP95"}
    for title in unticked:
        wide.get_by_label(title, exact=True).uncheck()
    wide.keyboard.press("Escape")
    names = " ".join(name for name in COLUMNS["BREAKOUT"].split() if name not in unticked.values())
    expect(table(wide).get_by_role("columnheader")).to_have_count(len(names.split()))
    expect_settled(wide)
    assert column_names(wide) == names.split()
    assert {name for name in COLUMNS["BREAKOUT"].split() if name in asked[-1]} == set(names.split())
    answer = api.ask(analysis, f"rows {{ {names} }}")
    expect_rows(wide, expected(answer["rows"], names))


def test_filters_are_the_apis(wide: Page, api: Api) -> None:
    """On a key and on a figure as percent; the totals are those of the rows that match."""
    analysis = api.analysis("PER_NUMBER", CUSTOMER)
    columns = COLUMNS["PER_NUMBER"]
    wide.goto(address(analysis, chart="none"))
    expect_settled(wide)
    filter_by(wide, "Number", "begins with", "1")
    filter_by(wide, "Asr", "≥", "50")
    where = {"number": {"startsWith": "1"}, "asr": {"gte": 0.5}}
    answer = api.ask(
        analysis,
        f"""rows(where: $where) {{ {columns} }} rowCount(where: $where) all: rowCount
        totals(where: $where) {{ attempts connected asr }}""",
        where=where,
    )
    assert 0 < answer["rowCount"] < answer["all"]
    expect_foot(wide, answer["rowCount"], answer["all"])
    expect_settled(wide)
    expect_rows(wide, expected(answer["rows"], columns))
    [totals] = read(wide, "totals")
    [of_all] = expected([answer["totals"]], "attempts connected asr")
    assert {name: totals[name] for name in of_all} == of_all
    wide.get_by_role("button", name="Remove filter: Number begins with 1").click()
    expect_foot(
        wide, api.ask(analysis, "rowCount(where: $where)", where={"asr": {"gte": 0.5}})["rowCount"], answer["all"]
    )
    wide.get_by_role("button", name="Remove filter").click()
    expect_foot(wide, answer["all"])


def test_a_filter_on_what_is_empty_and_on_money(wide: Page, api: Api) -> None:
    analysis = api.analysis("PER_NUMBER", CUSTOMER)
    columns = COLUMNS["PER_NUMBER"]
    wide.goto(address(analysis, chart="none"))
    expect_settled(wide)
    filter_by(wide, "Customer charge", "<", "0.1")
    filter_by(wide, "Number", "is not", "")
    where = {"customerCharge": {"lt": "0.1"}, "number": {"ne": ""}}
    rows = api.ask(analysis, f"rows(where: $where) {{ {columns} }}", where=where)["rows"]
    expect_settled(wide)
    expect(wide.get_by_role("list", name="Filters").get_by_role("listitem")).to_have_count(3)
    expect_rows(wide, expected(rows, columns))


def test_a_filter_that_cannot_be_meant_is_told_in_its_place(wide: Page, api: Api) -> None:
    wide.goto(address(api.analysis("DTMF", CUSTOMER), chart="none"))
    expect_settled(wide)
    before = wide.url
    open_filter(wide, "Digits")
    form = wide.get_by_role("form", name="Filter by Digits")
    form.get_by_role("textbox", name="Value").fill("many")
    form.get_by_role("textbox", name="Value").press("Enter")
    expect(form.get_by_role("alert")).to_contain_text("whole number")
    assert wide.url == before


def test_sorted_by_one_column_and_then_by_two(wide: Page, api: Api) -> None:
    analysis = api.analysis("USA_CALLS", "5001")
    columns = COLUMNS["USA_CALLS"]
    wide.goto(address(analysis, chart="none"))
    expect_settled(wide)

    def expect_order(order: str) -> None:
        rows = api.ask(analysis, f"rows(orderBy: [{order}]) {{ {columns} }}")["rows"]
        expect_settled(wide)
        expect_rows(wide, expected(rows, columns))

    sort_by(wide, "Connected")
    expect(table(wide).get_by_role("columnheader", name="Connected")).to_have_attribute("aria-sort", "ascending")
    wide.wait_for_url("**sort=connected*")
    expect_order("{column: CONNECTED}")
    sort_by(wide, "Connected")
    wide.wait_for_url("**sort=connected%3Adesc*")
    expect_order("{column: CONNECTED, direction: DESC}")
    sort_by(wide, "Jurisdiction", further=True)
    wide.wait_for_url("**jurisdiction*")
    expect_order("{column: CONNECTED, direction: DESC}, {column: JURISDICTION}")


def test_a_column_can_be_made_wider(staff: Page, api: Api) -> None:
    staff.goto(address(api.analysis("GROUP_BY_TECH_PREFIX", CUSTOMER), chart="none"))
    expect_settled(staff)
    head = table(staff).get_by_role("columnheader", name="Asr")
    before = head.bounding_box()
    handle = head.locator(".ag-header-cell-resize").bounding_box()
    assert before is not None
    assert handle is not None
    x, y = handle["x"] + handle["width"] / 2, handle["y"] + handle["height"] / 2
    staff.mouse.move(x, y)
    staff.mouse.down()
    staff.mouse.move(x + 60, y, steps=4)
    staff.mouse.up()
    after = head.bounding_box()
    assert after is not None
    assert after["width"] == pytest.approx(before["width"] + 60, abs=5)


def test_all_of_many_rows_are_reached(staff: Page, api: Api) -> None:
    """Those out of sight are fetched when they come into it."""
    analysis = api.analysis("PER_NUMBER", "5001", MONTH)
    rows = api.ask(analysis, "rows(first: 2000) { number attempts }")["rows"]
    assert len(rows) > 800
    staff.goto(address(analysis, chart="none", columns="number,attempts"))
    expect_foot(staff, len(rows))
    expect_settled(staff)
    assert read(staff)[:5] == expected(rows[:5], "number attempts")
    [last] = expected(rows[-1:], "number attempts")
    table(staff).get_by_role("gridcell").first.focus()
    staff.keyboard.press("Control+End")
    row = table(staff).locator(f".ag-row[row-index='{len(rows) - 1}']")
    expect(row.locator("[col-id=number]")).to_have_text(last["number"])
    expect(row.locator("[col-id=attempts]")).to_have_text(last["attempts"])

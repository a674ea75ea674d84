"""Reports in the panel against the API's own answers."""

import json
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import BrowserContext, Page, Request, expect

from gqlreports.directory.principal import Role
from tests.panel.asking import (
    CUSTOMER,
    FROM,
    TO,
    address,
    ask_report,
    cells,
    expect_rows,
    reports,
    shown,
    table,
)
from tests.panel.conftest import LogIn

SHIPPED = (
    "ASR_PER_ROUTE",
    "BREAKOUT",
    "DID_AS_CLI",
    "DTMF",
    "GROUP_BY_TECH_PREFIX",
    "PER_NUMBER",
    "RELEASE_REASONS",
    "USA_CALLS",
    "USA_RATE_CENTER",
)
SEEN = 10
WIDE = 3400


def filter_by(page: Page, column: str, operator: str, value: str) -> None:
    page.locator(f'[role="columnheader"][col-id="{column}"] .ag-header-cell-filter-button').click()
    page.get_by_label("Operator").select_option(operator)
    page.get_by_label("Value").fill(value)
    page.get_by_role("button", name="Apply").click()


@pytest.mark.parametrize("name", SHIPPED)
def test_a_report_is_the_apis_answer(name: str, page: Page, context: BrowserContext, log_in: LogIn) -> None:
    log_in(Role.STAFF)
    report = reports(context)[name]
    names = [each["name"] for each in report["columns"]]
    page.set_viewport_size({"width": WIDE, "height": 1200})
    page.goto("/customers")
    page.get_by_label("Search").fill(CUSTOMER)
    page.locator(f'a[href="/customers/{CUSTOMER}"]').click()
    page.get_by_label("Report", exact=True).select_option(label=report["title"])
    page.get_by_label("Time zone").select_option("Asia/Calcutta")
    page.get_by_label("From", exact=True).fill("2025-10-20T05:30")
    page.get_by_label("To", exact=True).fill("2025-11-20T05:30")
    page.get_by_label("To", exact=True).press("Enter")
    summed = [each for each in report["columns"] if each["inTotals"]]
    truth = ask_report(
        context,
        report,
        f"rows(first: {SEEN}) {{ {' '.join(names)} }} rowCount "
        f"totals {{ {' '.join(each['name'] for each in summed)} }}",
    )
    assert truth["rows"]
    expect_rows(page, truth["rowCount"], truth["rowCount"])
    seen = table(page, names, len(truth["rows"]))
    assert seen == [[shown(each, row) for each in report["columns"]] for row in truth["rows"]]
    totals = cells(page, "b-0", [each["name"] for each in summed])
    assert totals == [shown(each, truth["totals"]) for each in summed]
    search = parse_qs(urlsplit(page.url).query)
    assert (search["from"], search["to"]) == ([FROM], [TO])


def test_order_and_filters_are_those_of_the_whole_report(page: Page, context: BrowserContext, log_in: LogIn) -> None:
    log_in(Role.STAFF)
    report = reports(context)["USA_RATE_CENTER"]
    where = "where: {callCount: {gte: 2}}, orderBy: [{column: CALL_COUNT, direction: DESC}]"
    truth = ask_report(
        context,
        report,
        f"rows({where}, first: 5) {{ prefix rc }} rowCount all: rowCount "
        "matching: rowCount(where: {callCount: {gte: 2}}) totals(where: {callCount: {gte: 2}}) { callCount }",
    )
    page.goto(address("USA_RATE_CENTER"))
    expect_rows(page, truth["all"], truth["all"])
    header = page.locator('[role="columnheader"][col-id="callCount"]')
    header.click()
    expect(header).to_have_attribute("aria-sort", "ascending")
    header.click()
    expect(header).to_have_attribute("aria-sort", "descending")
    filter_by(page, "callCount", "gte", "2")
    expect_rows(page, truth["matching"], truth["all"])
    first = [[row["prefix"] or "(empty)", row["rc"] or "(empty)"] for row in truth["rows"]]
    assert table(page, ["prefix", "rc"], len(first)) == first
    assert cells(page, "b-0", ["callCount"]) == [f"{truth['totals']['callCount']:,}"]
    page.reload()
    expect_rows(page, truth["matching"], truth["all"])
    expect(header).to_have_attribute("aria-sort", "descending")
    page.go_back()
    expect_rows(page, truth["all"], truth["all"])
    expect(page.get_by_role("list", name="Filters")).to_have_count(0)
    page.go_forward()
    page.get_by_role("button", name="Remove filter").click()
    expect_rows(page, truth["all"], truth["all"])


def test_a_column_that_is_not_ticked_is_not_fetched(page: Page, log_in: LogIn) -> None:
    log_in(Role.STAFF)
    page.goto(address("BREAKOUT", chart="none"))
    page.get_by_role("button", name="Columns").click()
    asked: list[Request] = []
    page.on("request", lambda request: asked.append(request))
    with page.expect_response("**/graphql"):
        page.get_by_role("group", name="Columns").get_by_label("Margin").uncheck()
    expect(page.locator('[role="columnheader"][col-id="margin"]')).to_have_count(0)
    queries = [json.loads(each.post_data)["query"] for each in asked if each.post_data]
    assert len(queries) == 1
    assert "profit" in queries[0]
    assert "margin" not in queries[0]


def test_a_row_opens_its_calls_and_no_others(page: Page, context: BrowserContext, log_in: LogIn) -> None:
    """The key that tells this row from others is not shown."""
    log_in(Role.STAFF)
    report = reports(context)["USA_CALLS"]
    rows = ask_report(context, report, "rows(first: 2) { state jurisdiction }")["rows"]
    keys = json.dumps(rows[1]["state"]), json.dumps(rows[1]["jurisdiction"])
    where = f"where: {{state: {{eq: {keys[0]}}}, jurisdiction: {{eq: {keys[1]}}}}}"
    truth = ask_report(context, report, f"calls({where}) {{ callid }} callCount({where})")
    page.goto(address("USA_CALLS", columns="calls"))
    page.locator('[row-index="1"] [col-id="calls"]').click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text(f"{len(truth['calls']):,} of {truth['callCount']:,} call detail records")
    assert dialog.locator("tbody td:nth-child(2)").all_inner_texts() == [call["callid"] for call in truth["calls"]]
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)


def test_an_export_is_what_is_configured(page: Page, context: BrowserContext, log_in: LogIn) -> None:
    log_in(Role.STAFF)
    view = {"columns": "rc,callCount", "sort": "callCount:desc", "where": '{"callCount":{"gte":2}}'}
    page.goto(address("USA_RATE_CENTER", **view))
    page.get_by_role("button", name="Export").click()
    with page.expect_download() as download:
        page.get_by_role("button", name="CSV").click()
    lines = Path(download.value.path()).read_text().splitlines()
    truth = ask_report(
        context,
        reports(context)["USA_RATE_CENTER"],
        "rows(where: {callCount: {gte: 2}}, orderBy: [{column: CALL_COUNT, direction: DESC}]) { rc callCount }",
    )
    assert lines == [
        "rc,callCount",
        *(f'"{row["rc"]}",{row["callCount"]}' for row in truth["rows"]),
        f"# {len(truth['rows'])} rows",
    ]


def test_the_copied_query_gives_the_view(page: Page, context: BrowserContext, log_in: LogIn) -> None:
    log_in(Role.STAFF)
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.goto(address("GROUP_BY_TECH_PREFIX", where='{"techPrefix":{"ne":""}}', sort="total:desc"))
    page.get_by_role("button", name="Copy as GraphQL").click()
    expect(page.get_by_role("status").filter(has_text="Copied")).to_be_visible()
    copied = page.evaluate("navigator.clipboard.readText()")
    response = context.request.post("/graphql", data={"query": copied})
    rows = ask_report(
        context,
        reports(context)["GROUP_BY_TECH_PREFIX"],
        'rows(where: {techPrefix: {ne: ""}}, orderBy: [{column: TOTAL, direction: DESC}]) '
        "{ techPrefix asr acd answeredCalls total }",
    )
    assert response.json()["data"]["customReport"]["rows"] == rows["rows"]


def test_what_fails_is_told_and_nothing_is_lost(page: Page, log_in: LogIn) -> None:
    log_in(Role.STAFF)
    page.goto(address("USA_CALLS"))
    rows = page.get_by_text("Total Rows")
    expect(rows).to_be_visible()
    page.get_by_label("From", exact=True).fill("2001-01-01T00:00")
    page.get_by_role("button", name="Generate Report").click()
    expect(page.get_by_role("alert")).to_contain_text("Choose a shorter range")
    expect(page.get_by_text("Out of date")).to_be_visible()
    expect(rows).to_be_visible()
    expect(page.get_by_label("From", exact=True)).to_have_value("2001-01-01T00:00")
    page.go_back()
    expect(page.get_by_role("alert")).to_have_count(0)
    expect(page.get_by_text("Out of date")).to_have_count(0)


def test_a_partner_sees_neither_reports_nor_columns_of_the_staff(page: Page, log_in: LogIn) -> None:
    log_in(Role.PARTNER)
    page.goto(address("BREAKOUT"))
    expect(page.get_by_text("Total Rows")).to_be_visible()
    titles = page.get_by_label("Report", exact=True).locator("option").all_inner_texts()
    assert "Breakout" in titles
    assert "DTMF" not in titles
    page.get_by_role("button", name="Columns").click()
    ticks = page.get_by_role("group", name="Columns").get_by_role("checkbox")
    expect(ticks.first).to_be_visible()
    assert not page.get_by_label("Margin").count()

"""Files that are exported from the panel, opened by other readers, against the API's rows."""

from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from gqlreports.plugins.contract import AnyColumn
from tests.export.test_files import as_written, close
from tests.panel.conftest import Served
from tests.support.asking import COLUMNS, REPORTS
from tests.support.panel_reports import MONTH, Api, address, expect_settled
from tests.support.readers import READERS

pytestmark = pytest.mark.processes

FORMATS = {"CSV": "csv", "XLSX": "xlsx", "Parquet": "parquet"}


@pytest.fixture
def api(served: Served) -> Api:
    return Api(served)


def columns_of(type: str, names: str) -> tuple[AnyColumn, ...]:
    known = {each.graphql_name: each for each in REPORTS[type].columns(staff=True)}
    return tuple(known[name] for name in names.split())


def exported(page: Page, title: str) -> tuple[str, bytes]:
    """The suggested name of the file, and what is in it."""
    page.get_by_role("button", name="Export").click()
    with page.expect_download() as download:
        page.get_by_role("group", name="Export").get_by_role("button", name=title, exact=True).click()
    return download.value.suggested_filename, Path(download.value.path()).read_bytes()


@pytest.mark.parametrize("title", FORMATS)
def test_a_file_is_what_is_configured(staff: Page, api: Api, title: str) -> None:
    """Columns in their order, filter, sort, parameters and counting."""
    names = "rc callCount totalCustomerCharge prefix customerCurrency"
    analysis = api.analysis("USA_RATE_CENTER", "05001", basis="ATTEMPT", side="ORIGINATING")
    view = {
        "columns": names.replace(" ", ","),
        "where": '{"callCount":{"gte":2}}',
        "sort": "totalCustomerCharge:desc",
        "parameters": '{"side":"ORIGINATING"}',
    }
    staff.goto(address(analysis, "Asia/Tokyo", chart="none", **view))
    expect_settled(staff)
    name, file = exported(staff, title)
    order = "[{column: TOTAL_CUSTOMER_CHARGE, direction: DESC}]"
    where = {"callCount": {"gte": 2}}
    rows = api.ask(analysis, f"rows(first: 1000, where: $where, orderBy: {order}) {{ {names} }}", where=where)["rows"]
    assert rows
    expect_file(name, file, title, "USA_RATE_CENTER", names, rows)


@pytest.mark.parametrize("title", FORMATS)
def test_a_file_has_all_of_many_rows(staff: Page, api: Api, title: str) -> None:
    """Of awkward texts; the table has fetched the first of them alone."""
    analysis = api.analysis("DID_AS_CLI", "5001", MONTH)
    staff.goto(address(analysis, chart="none"))
    expect_settled(staff)
    name, file = exported(staff, title)
    names = COLUMNS["DID_AS_CLI"]
    rows = api.ask(analysis, f"rows(first: 2000) {{ {names} }}")["rows"]
    assert len(rows) == len(analysis.rows()) > 400
    expect_file(name, file, title, "DID_AS_CLI", names, rows)


def expect_file(name: str, file: bytes, title: str, type: str, names: str, rows: list[dict[str, Any]]) -> None:
    form, columns = FORMATS[title], columns_of(type, names)
    assert name.endswith(f".{form}")
    assert close(READERS[form](file, columns), as_written(form, rows, columns), form)


def test_an_export_that_fails_is_told_and_nothing_is_lost(staff: Page, api: Api) -> None:
    staff.goto(address(api.analysis("DTMF", "5001"), chart="none"))
    expect_settled(staff)
    staff.route("**/export/**", lambda route: route.abort())
    staff.get_by_role("button", name="Export").click()
    staff.get_by_role("button", name="CSV").click()
    expect(staff.get_by_role("alert")).to_contain_text("cannot be reached")
    expect(staff.get_by_role("button", name="Export")).to_be_enabled()
    expect_settled(staff)


def test_the_copied_query_answers_the_table(staff: Page, api: Api) -> None:
    analysis = api.analysis("PER_NUMBER", "05001", side="CLI")
    names = "number customerCharge customerCurrency"
    view = {"columns": "number,customerCharge", "where": '{"number":{"startsWith":"1"}}', "sort": "customerCharge:desc"}
    staff.goto(address(analysis, chart="none", parameters='{"side":"CLI"}', **view))
    expect_settled(staff)
    staff.context.grant_permissions(["clipboard-read", "clipboard-write"])
    staff.get_by_role("button", name="Copy as GraphQL").click()
    expect(staff.get_by_role("status").filter(has_text="Copied")).to_be_visible()
    copied = staff.evaluate("navigator.clipboard.readText()")
    assert copied == staff.get_by_label("GraphQL query").input_value()
    order = "[{column: CUSTOMER_CHARGE, direction: DESC}]"
    where = {"number": {"startsWith": "1"}}
    rows = api.ask(analysis, f"rows(first: 1000, where: $where, orderBy: {order}) {{ {names} }}", where=where)["rows"]
    assert rows
    assert api.data(copied)["customReport"]["rows"] == rows

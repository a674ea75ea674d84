"""The panel's address: it holds the whole view, so a link opens it again and Back works."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from playwright.sync_api import Browser, Page, expect

from gqlreports.directory.principal import Role
from tests.panel.conftest import Served, begin_session, new_context, watched
from tests.support.figures import shown
from tests.support.panel_reports import (
    ALL_IN_SIGHT,
    Api,
    address,
    column_names,
    expect_foot,
    expect_rows,
    expect_settled,
    fill_in_range,
    generate,
    read,
    read_rows,
    table,
)

pytestmark = pytest.mark.processes

SPAN = datetime(2025, 10, 31, 3, 15, tzinfo=UTC), datetime(2025, 11, 3, 1, 45, tzinfo=UTC)


@pytest.fixture
def api(served: Served) -> Api:
    return Api(served)


@pytest.fixture
def elsewhere(browser: Browser, served: Served) -> Iterator[Page]:
    """A page of an admin in a browser of their own, whose clock is another."""
    context = new_context(browser, served.url, "Pacific/Auckland")
    begin_session(context, Role.ADMIN)
    with watched(context, served):
        yield context.new_page()
        context.close()


def test_a_link_opens_the_same_view_elsewhere(staff: Page, elsewhere: Page, api: Api) -> None:
    staff.set_viewport_size(ALL_IN_SIGHT)
    staff.goto("/customers/05001")
    staff.get_by_label("Report", exact=True).select_option("USA_RATE_CENTER")
    fill_in_range(staff, "2025-10-30T23:15", "2025-11-02T20:45", "America/New_York")
    staff.get_by_label("Side").select_option("Originating")
    staff.get_by_label("Counting").select_option("Route attempts")
    generate(staff)
    expect_settled(staff)
    staff.get_by_role("button", name="Columns").click()
    staff.get_by_label("Total provider charge").uncheck()
    staff.keyboard.press("Escape")
    table(staff).get_by_role("columnheader", name="Call count").get_by_text("Call count").click()
    table(staff).get_by_role("columnheader", name="Rc").locator(".ag-header-cell-filter-button").click()
    staff.get_by_role("form", name="Filter by Rc").get_by_label("Operator").select_option("ends with")
    staff.get_by_role("form", name="Filter by Rc").get_by_role("textbox", name="Value").fill("FORD")
    staff.keyboard.press("Enter")
    staff.get_by_label("Chart").select_option("Over time")
    staff.wait_for_url("**chart=line*")
    expect_settled(staff)
    truth = api.analysis("USA_RATE_CENTER", "05001", SPAN, "ATTEMPT", side="ORIGINATING")
    where, order = {"rc": {"endsWith": "FORD"}}, [("callCount", False)]
    rows = [{name: shown(name, row[name], row) for name in column_names(staff)} for row in truth.rows(where, order)]
    expect_rows(staff, rows)

    elsewhere.set_viewport_size(ALL_IN_SIGHT)
    elsewhere.goto(staff.url)
    expect_settled(elsewhere)
    expect_rows(elsewhere, rows)
    assert elsewhere.url == staff.url
    assert column_names(elsewhere) == column_names(staff)
    assert read(elsewhere, "totals") == read(staff, "totals")
    expect(elsewhere.get_by_label("From", exact=True)).to_have_value("2025-10-30T23:15")
    expect(elsewhere.get_by_label("To", exact=True)).to_have_value("2025-11-02T20:45")
    expect(elsewhere.get_by_label("Time zone")).to_have_value("America/New_York")
    expect(elsewhere.get_by_label("Side")).to_have_value("ORIGINATING")
    expect(elsewhere.get_by_label("Counting")).to_have_value("ATTEMPT")
    expect(elsewhere.get_by_label("Chart")).to_have_value("line")
    expect(elsewhere.get_by_role("list", name="Filters")).to_contain_text("Rc ends with FORD")
    head = table(elsewhere).get_by_role("columnheader", name="Call count")
    expect(head).to_have_attribute("aria-sort", "ascending")


def test_back_and_forward_go_through_the_views(staff: Page, api: Api) -> None:
    staff.goto("/customers")
    staff.get_by_role("link", name="Marigold Voice").click()
    staff.get_by_role("link", name="DTMF", exact=True).click()
    fill_in_range(staff, "2025-10-31T00:00", "2025-11-03T00:00")
    generate(staff)
    expect_settled(staff)
    generated, unsorted = staff.url, read_rows(staff, 7)
    head = table(staff).get_by_role("columnheader", name="Digits")
    head.get_by_text("Digits").click()
    staff.wait_for_url("**sort=digits*")
    expect_settled(staff)
    by_digits = sorted(unsorted, key=lambda row: int(row["digits"]))
    assert by_digits != unsorted
    expect_rows(staff, by_digits)
    fill_in_range(staff, "2025-10-20T00:00", "2025-11-03T00:00")
    generate(staff)
    expect(staff).to_have_url(
        f"{generated.partition('?')[0]}?from=2025-10-20T00%3A00%3A00Z"
        "&to=2025-11-03T00%3A00%3A00Z&zone=UTC&sort=digits%3Aasc"
    )
    expect_settled(staff)
    staff.go_back()
    expect(staff.get_by_label("From", exact=True)).to_have_value("2025-10-31T00:00")
    expect_settled(staff)
    expect_rows(staff, by_digits)
    staff.go_back()
    expect(head).to_have_attribute("aria-sort", "none")
    expect_settled(staff)
    assert staff.url == generated
    expect_rows(staff, unsorted)
    staff.go_forward()
    expect(head).to_have_attribute("aria-sort", "ascending")
    expect_settled(staff)
    expect_rows(staff, by_digits)
    staff.go_back()
    staff.go_back()
    expect(staff.get_by_text("press Generate Report")).to_be_visible()
    staff.go_back()
    expect(staff.get_by_role("heading", level=1)).to_have_text("Marigold Voice")
    staff.go_back()
    expect(staff.get_by_role("heading", level=1)).to_have_text("Customers")


@pytest.mark.parametrize(
    ("name", "text"), [("where", "{"), ("sort", "digits:upwards"), ("zone", "Mars/Olympus"), ("from", "yesterday")]
)
def test_what_an_address_has_wrong_is_told(staff: Page, api: Api, name: str, text: str) -> None:
    staff.goto(address(api.analysis("DTMF", "5001"), **{name: text}))
    expect(staff.get_by_role("alert")).to_contain_text(name)
    expect(staff.get_by_role("button", name="Generate Report")).to_be_enabled()


def test_a_filter_by_a_column_that_is_not_there_is_told(staff: Page, api: Api) -> None:
    staff.goto(address(api.analysis("DTMF", "5001"), chart="none", where='{"height":{"gt":3}}'))
    expect(staff.get_by_role("alert")).to_contain_text("height")
    staff.get_by_role("button", name="Remove filter").click()
    expect_foot(staff, 7)
    expect(staff.get_by_role("alert")).to_have_count(0)

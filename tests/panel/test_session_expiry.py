"""A session that the server has ended while the panel is in use: after the log-in the same view goes on."""

import httpx2
import pytest
from playwright.sync_api import BrowserContext, Page, expect

from gqlreports.directory.principal import Role
from tests.panel.conftest import USERS, LogIn, Served
from tests.support.panel_reports import Api, address, expect_foot, expect_settled, fill_in_range, generate
from tests.support.waiting import PATIENCE

pytestmark = pytest.mark.processes


def end_session(context: BrowserContext, served: Served) -> None:
    """As time would: the browser keeps its cookie."""
    [cookie] = context.cookies()
    headers = {"Cookie": f"{cookie['name']}={cookie['value']}", "GraphQL-Require-Preflight": "1"}
    assert httpx2.request("DELETE", f"{served.url}/session", headers=headers, timeout=PATIENCE).status_code == 204


def log_in_again(page: Page, role: Role) -> None:
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("session has ended")
    dialog.get_by_label("User name").fill(USERS[role].name)
    dialog.get_by_label("Password").fill(USERS[role].password)
    dialog.get_by_role("button", name="Log in").click()
    expect(dialog).to_have_count(0)


@pytest.fixture
def view(page: Page, log_in: LogIn, served: Served) -> str:
    """The address of a report that is shown."""
    log_in(Role.STAFF)
    page.goto(address(Api(served).analysis("BREAKOUT", "05001"), chart="none", sort="attempts:desc"))
    expect_foot(page, 6)
    expect_settled(page)
    return page.url


def test_a_report_goes_on_where_it_was(page: Page, context: BrowserContext, served: Served, view: str) -> None:
    end_session(context, served)
    fill_in_range(page, "2025-10-20T00:00", "2025-11-20T00:00")
    generate(page)
    log_in_again(page, Role.STAFF)
    expect_foot(page, 8)
    expect_settled(page)
    expect(page.get_by_role("alert")).to_have_count(0)
    assert "sort=attempts%3Adesc" in page.url
    expect(page.get_by_label("From", exact=True)).to_have_value("2025-10-20T00:00")


def test_an_export_asks_for_the_log_in(page: Page, context: BrowserContext, served: Served, view: str) -> None:
    end_session(context, served)
    page.get_by_role("button", name="Export").click()
    page.get_by_role("button", name="CSV").click()
    log_in_again(page, Role.STAFF)
    assert page.url == view
    expect_foot(page, 6)
    page.get_by_role("button", name="Export").click()
    with page.expect_download():
        page.get_by_role("button", name="CSV").click()
    expect(page.get_by_role("alert")).to_have_count(0)


def test_another_user_sees_nothing_of_the_one_before(
    page: Page, context: BrowserContext, served: Served, view: str
) -> None:
    """Neither the report of a customer that is not theirs nor what is for staff."""
    end_session(context, served)
    generate(page)
    log_in_again(page, Role.PARTNER)
    expect(page.get_by_role("banner")).to_contain_text("partner")
    expect(page.get_by_role("alert")).to_contain_text("05001")
    expect(page.get_by_role("grid")).to_have_count(0)
    expect(page.get_by_text("Çelik")).to_have_count(0)
    assert page.url == view

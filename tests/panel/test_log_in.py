"""Logging in and out in the panel, and a session that ends while it is in use."""

import re

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from gqlreports.directory.principal import Role
from tests.panel.conftest import USERS, LogIn, Served, User

pytestmark = pytest.mark.processes

COOKIE = "gqlreports_session"
SOMEWHERE = "/customers/5001/reports/BREAKOUT?from=2025-10-20&to=2025-11-20"


def fill_in(page: Page, name: str, password: str) -> None:
    page.get_by_label("User name").fill(name)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Log in").click()


def expect_user(page: Page, user: User) -> None:
    expect(page.get_by_role("banner")).to_contain_text(user.name)
    expect(page.get_by_label("Password")).to_have_count(0)


def test_whoever_logs_in_is_where_they_wanted_to_be(page: Page, context: BrowserContext, served: Served) -> None:
    sam = USERS[Role.STAFF]
    page.goto(SOMEWHERE)
    fill_in(page, sam.name, "a wrong password")
    expect(page.get_by_role("alert")).to_contain_text("wrong")
    assert context.cookies() == []
    fill_in(page, sam.name.upper(), sam.password)
    expect_user(page, sam)
    assert page.url.startswith(served.url + SOMEWHERE.partition("?")[0])
    [cookie] = context.cookies()
    assert (cookie["name"], cookie["httpOnly"], cookie["sameSite"]) == (COOKIE, True, "Strict")
    assert page.evaluate("document.cookie") == ""
    page.reload()
    expect_user(page, sam)


def test_whoever_logs_out_is_out(page: Page, context: BrowserContext, log_in: LogIn, served: Served) -> None:
    user = log_in(Role.PARTNER)
    [held] = context.cookies()
    page.goto("/")
    expect_user(page, user)
    page.get_by_role("button", name="Log out").click()
    expect(page.get_by_label("Password")).to_be_visible()
    assert context.cookies() == []
    page.go_back()
    expect(page.get_by_label("Password")).to_be_visible()
    answer = context.request.post(
        "/graphql", data={"query": "{ viewer { name } }"}, headers={"Cookie": f"{COOKIE}={held['value']}"}
    )
    assert answer.status == 401


def test_a_session_that_ends_leads_back_to_the_same_view(page: Page, context: BrowserContext, log_in: LogIn) -> None:
    sam = log_in(Role.STAFF)
    page.goto("/customers/5001")
    expect_user(page, sam)
    context.clear_cookies()
    page.get_by_role("link", name="Customers").first.click()
    expect(page.get_by_role("dialog")).to_contain_text("session has ended")
    address = page.url
    fill_in(page, sam.name, sam.password)
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect_user(page, sam)
    assert page.url == address
    context.clear_cookies()
    page.reload()
    fill_in(page, sam.name, sam.password)
    expect_user(page, sam)
    assert page.url == address


def test_a_guesser_is_told_to_wait(page: Page, served: Served) -> None:
    served.site.directory.users.add("vera", "a password of vera's", Role.STAFF)
    page.goto("/")
    for _ in range(5):
        with page.expect_response("**/session") as answer:
            fill_in(page, "vera", "a wrong password")
        assert answer.value.status == 401
    with page.expect_response("**/session") as answer:
        fill_in(page, "vera", "a password of vera's")
    assert answer.value.status == 429
    expect(page.get_by_role("alert")).to_contain_text("Too many")


def test_graphiql_is_served_from_here(page: Page, log_in: LogIn, served: Served) -> None:
    """The harness holds it to our own server."""
    log_in(Role.STAFF)
    page.goto("/graphql?")
    assert page.url == f"{served.url}/graphiql"
    expect(page.get_by_role("button", name=re.compile("Execute"))).to_be_visible()

"""A report that takes long in the panel: progress, Cancel, and a store that is left alone then."""

import logging
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from types import MappingProxyType
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from gqlreports.backends.base import Backend, Limits
from gqlreports.directory.models import Customer
from gqlreports.directory.principal import Role
from gqlreports.plugins.registry import RegisteredReport, Registry
from gqlreports.web.app import create_app
from tests.backends.test_conformance import until_nothing_runs
from tests.panel.conftest import USERS, Served, begin_session, new_context
from tests.support import serving, sites
from tests.support.directories import new_directory
from tests.support.panel_reports import (
    Api,
    address,
    expect_foot,
    expect_settled,
    fill_in_range,
    generate,
    open_filter,
    table,
)
from tests.support.sites import Engine
from tests.support.stores import EmbeddedStore
from tests.web.test_leaving import Endless

pytestmark = pytest.mark.processes

MINUTE = Limits(60)
# Milliseconds. The grid looks each 200 ms whether the head that its form belongs to is still there.
LOOKED_AT = 600
Run = Callable[[Callable[[Backend], Coroutine[Any, Any, Any]]], Any]


@pytest.fixture
def endless(browser: Browser, engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Page, Run]]:
    """A page before a server with a report that has no end, and what runs work on that server's store.

    The work has a thread of its own: Playwright has the event loop of this one.
    """
    folder = tmp_path_factory.mktemp("endless")
    store = EmbeddedStore(engine, folder / "store")
    directory = new_directory(folder)
    directory.save_customers([Customer(id="1", name="One", currency="USD")])
    user = USERS[Role.STAFF]
    directory.users.add(user.name, user.password, user.role)
    reports = {**sites.REGISTRY.reports, "ENDLESS": RegisteredReport("ENDLESS", Endless(), "tests")}
    with ThreadPoolExecutor(1) as elsewhere:

        def run(work: Callable[[Backend], Coroutine[Any, Any, Any]]) -> Any:
            return elsewhere.submit(store.run, work, MINUTE).result()

        backend = elsewhere.submit(store.backend, MINUTE).result()
        with serving.served(create_app(Registry(MappingProxyType(reports)), backend, directory)) as url:
            context = new_context(browser, url)
            begin_session(context, Role.STAFF)
            yield context.new_page(), run
            context.close()
        elsewhere.submit(store.reopen).result()
    directory.close()


def expect_at_work(page: Page) -> None:
    """For a second the store has had its query."""
    expect(page.get_by_role("progressbar")).to_be_visible()
    expect(page.get_by_text("Generating… 1 s")).to_be_visible()


def test_cancel_ends_the_query_in_the_store(endless: tuple[Page, Run], caplog: pytest.LogCaptureFixture) -> None:
    """So does going elsewhere."""
    caplog.set_level(logging.INFO)
    page, run = endless
    page.goto("/customers/1/reports/ENDLESS")
    fill_in_range(page, "2025-10-20T00:00", "2025-11-20T00:00")
    generate(page)
    expect_at_work(page)
    page.get_by_role("button", name="Cancel").click()
    run(until_nothing_runs)
    expect(page.get_by_role("progressbar")).to_have_count(0)
    expect(page.get_by_role("status")).to_contain_text("Cancelled")
    expect(page.get_by_role("alert")).to_have_count(0)
    expect(page.get_by_label("From", exact=True)).to_have_value("2025-10-20T00:00")
    generate(page)
    expect_at_work(page)
    page.get_by_role("link", name="Customers").first.click()
    run(until_nothing_runs)
    assert caplog.text.count("left before its answer") == 2


def hold_reports(page: Page) -> list[Route]:
    """Requests for a report's rows, which nobody answers until the test does."""
    held: list[Route] = []

    def hold(route: Route) -> None:
        if "query Report" in (route.request.post_data or ""):
            held.append(route)
        else:
            route.continue_()

    page.route("**/graphql", hold)
    return held


def test_progress_is_seen_and_heard_while_a_report_runs(staff: Page, served: Served) -> None:
    held = hold_reports(staff)
    staff.goto(address(Api(served).analysis("DTMF", "5001"), chart="none"))
    expect(staff.get_by_role("progressbar", name="Generating the report")).to_be_visible()
    expect(staff.get_by_role("button", name="Cancel")).to_be_visible()
    [route] = held
    route.continue_()
    expect_foot(staff, 7)
    expect(staff.get_by_role("progressbar")).to_have_count(0)


def test_the_former_table_stays_while_the_next_one_runs_and_when_it_fails(staff: Page, served: Served) -> None:
    staff.goto(address(Api(served).analysis("BREAKOUT", "05001"), chart="none"))
    expect_foot(staff, 6)
    expect_settled(staff)
    held = hold_reports(staff)
    fill_in_range(staff, "2025-10-20T00:00", "2025-11-20T00:00")
    generate(staff)
    expect(staff.get_by_text("Out of date")).to_be_visible()
    expect_foot(staff, 6)
    held.pop().abort()
    expect(staff.get_by_role("alert")).to_contain_text("cannot be reached")
    expect_foot(staff, 6)
    staff.unroute_all()
    staff.get_by_role("button", name="Try again").click()
    expect_foot(staff, 8)
    expect(staff.get_by_role("alert")).to_have_count(0)


def test_a_filter_that_is_being_written_stays_when_an_answer_comes(staff: Page, served: Served) -> None:
    """The answer is shown when the form is closed."""
    staff.goto(address(Api(served).analysis("BREAKOUT", "05001"), chart="none"))
    expect_settled(staff)
    held = hold_reports(staff)
    staff.get_by_role("button", name="Columns").click()
    staff.get_by_label("Provider charge", exact=True).uncheck()
    staff.keyboard.press("Escape")
    open_filter(staff, "Destination name")
    form = staff.get_by_role("form", name="Filter by Destination name")
    form.get_by_label("Operator").select_option("begins with")
    form.get_by_role("textbox", name="Value").fill("Ger")
    with staff.expect_response("**/graphql"):
        held.pop().continue_()
    expect(staff.locator("[aria-busy=true]")).to_have_count(0)
    staff.wait_for_timeout(LOOKED_AT)
    expect(form.get_by_label("Operator")).to_have_value("startsWith")
    expect(form.get_by_role("textbox", name="Value")).to_have_value("Ger")
    expect(staff.get_by_text("Out of date")).to_be_visible()
    staff.keyboard.press("Escape")
    expect(form).to_have_count(0)
    expect_settled(staff)
    expect(table(staff).get_by_role("columnheader", name="Provider charge")).to_have_count(0)

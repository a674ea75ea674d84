"""A partner in the panel: its own customers, and nothing that is for staff, in whatever the server sends."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, Route, expect

from gqlreports.directory.principal import Role
from tests.panel.conftest import PARTNERS_CUSTOMERS, LogIn, Served
from tests.support.awkward import CUSTOMERS
from tests.support.panel_reports import Api, address, column_names, expect_foot, expect_settled, row_at
from tests.test_partners import STAFF_WORDS, VISIBLE

pytestmark = pytest.mark.processes

OWN = [each for each in CUSTOMERS if each.id in PARTNERS_CUSTOMERS]
OTHERS = [each.name for each in CUSTOMERS if each.listed and each.id not in PARTNERS_CUSTOMERS]


@pytest.fixture
def partner(page: Page, log_in: LogIn) -> Iterator[Page]:
    """A partner's page; no answer to it may hold a word of the staff's or the name of another's customer."""
    log_in(Role.PARTNER)
    texts: list[str] = []

    def read(route: Route) -> None:
        answer = route.fetch()
        texts.append(answer.text())
        route.fulfill(response=answer)

    page.route("**/graphql", read)
    yield page
    page.unroute_all(behavior="wait")
    assert texts
    assert [word for text in texts for word in (*STAFF_WORDS, *OTHERS) if word in text] == []


def test_the_list_has_its_own_customers(partner: Page) -> None:
    partner.goto("/customers")
    links = partner.get_by_role("table", name="Customers").get_by_role("link")
    expect(links).to_have_count(len(OWN))
    assert sorted(links.all_text_contents()) == sorted(each.name for each in OWN)
    partner.get_by_label("Search").fill("Twin")
    expect(partner.get_by_role("status")).to_contain_text("Twin")


def test_another_customer_is_as_one_that_is_not_there(partner: Page) -> None:
    for id in ("5004", "nobody"):
        partner.goto(f"/customers/{id}/reports/BREAKOUT?from=2025-10-31T00:00:00Z&to=2025-11-03T00:00:00Z")
        expect(partner.get_by_role("alert")).to_contain_text(id)
        expect(partner.get_by_role("grid")).to_have_count(0)


def test_reports_columns_calls_and_files_are_without_providers(partner: Page, served: Served) -> None:
    api = Api(served)
    partner.goto(address(api.analysis("BREAKOUT", "5003"), chart="none"))
    expect_settled(partner)
    offered = partner.get_by_label("Report", exact=True).get_by_role("option")
    expect(offered).to_have_count(len(VISIBLE))
    assert not [name for name in column_names(partner) if name.startswith(("provider", "profit", "margin"))]
    partner.get_by_role("button", name="Columns").click()
    expect(partner.get_by_role("checkbox", name="Customer charge")).to_be_checked()
    expect(partner.get_by_role("checkbox", name="Provider")).to_have_count(0)
    partner.keyboard.press("Escape")
    row_at(partner, 0).get_by_role("gridcell").first.click()
    heads = partner.get_by_role("dialog").get_by_role("columnheader")
    expect(heads.filter(has_text="Customer charge")).to_have_count(1)
    expect(heads.filter(has_text="Provider")).to_have_count(0)
    partner.keyboard.press("Escape")
    partner.get_by_role("button", name="Export").click()
    with partner.expect_download() as download:
        partner.get_by_role("button", name="CSV").click()
    assert not [word for word in STAFF_WORDS if word in Path(download.value.path()).read_text()]


def test_a_link_of_the_staff_shows_what_a_partner_may_see(partner: Page, served: Served) -> None:
    analysis = Api(served).analysis("BREAKOUT", "5003")
    partner.goto(address(analysis, chart="none", columns="destinationCode,attempts,margin", sort="margin:desc"))
    expect_foot(partner, len(analysis.rows()))
    expect_settled(partner)
    assert column_names(partner) == ["destinationCode", "attempts"]
    partner.goto("/customers/5003/reports/DTMF")
    expect(partner.get_by_role("alert")).to_contain_text("DTMF")

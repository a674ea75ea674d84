"""The list of customers in the panel, and a customer's page."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.panel.conftest import Served
from tests.support.asking import REPORTS
from tests.support.awkward import CUSTOMERS
from tests.support.panel_reports import Api

pytestmark = pytest.mark.processes

LISTED = [(each.name, each.id, each.currencies[0]) for each in CUSTOMERS if each.listed]


def listed(page: Page, count: int) -> list[tuple[str, ...]]:
    rows = page.get_by_role("table", name="Customers").locator("tbody").get_by_role("row")
    expect(rows).to_have_count(count)
    return sorted(tuple(row.get_by_role("cell").all_text_contents()) for row in rows.all())


def test_all_customers_are_listed(staff: Page) -> None:
    staff.goto("/")
    assert listed(staff, len(LISTED)) == sorted(LISTED)


@pytest.mark.parametrize("text", ["o'hara", "50", "söhne", "千鳥", "twin"])
def test_customers_are_found_by_a_part_of_name_or_id(staff: Page, text: str) -> None:
    staff.goto("/customers")
    staff.get_by_label("Search").fill(text)
    found = [each for each in LISTED if text in each[0].lower() or text in each[1].lower()]
    assert 0 < len(found) < len(LISTED)
    assert listed(staff, len(found)) == sorted(found)
    staff.reload()
    expect(staff.get_by_label("Search")).to_have_value(text)
    assert listed(staff, len(found)) == sorted(found)


def test_a_search_that_finds_none_says_so(staff: Page) -> None:
    staff.goto("/customers?search=nobody%25")
    expect(staff.get_by_role("status")).to_contain_text("nobody%")
    assert listed(staff, 0) == []


@pytest.mark.parametrize(("name", "id", "currency"), LISTED[:4])
def test_a_customers_page_tells_name_id_and_currency(staff: Page, name: str, id: str, currency: str) -> None:
    staff.goto("/customers")
    staff.get_by_role("link", name=name, exact=True).click()
    expect(staff.get_by_role("heading", level=1)).to_have_text(name)
    expect(staff.get_by_role("definition")).to_have_text([id, currency])
    expect(staff.get_by_role("tab", name="Custom Reports")).to_have_attribute("aria-selected", "true")
    expect(staff.get_by_role("tabpanel", name="Custom Reports")).to_be_visible()
    expect(staff).to_have_title(re.compile(re.escape(name)))


def test_reports_are_chosen_from_the_catalogue(staff: Page, served: Served) -> None:
    titles = [each["title"] for each in Api(served).data("{ reportTypes { title } }")["reportTypes"]]
    assert len(titles) == len(REPORTS)
    staff.goto("/customers/5001")
    offered = staff.get_by_label("Report", exact=True).get_by_role("option")
    expect(offered).to_have_text(["Choose a report", *titles])


def test_a_customer_that_is_not_there(staff: Page) -> None:
    staff.goto("/customers/no%2Fbody/reports/DTMF")
    expect(staff.get_by_role("alert")).to_contain_text("no/body")
    staff.get_by_role("link", name="Customers").first.click()
    assert len(listed(staff, len(LISTED))) == len(LISTED)


def test_a_page_that_is_not_there(staff: Page) -> None:
    staff.goto("/customer")
    expect(staff.get_by_role("heading", level=1)).to_have_text("There is no such page")

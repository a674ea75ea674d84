"""To a partner no column for staff exists in any analysis, and no call of another customer."""

from typing import Any

import pytest

from tests.support.analysis_oracle import Analysis
from tests.support.asking import ask, document, near, refusal, scope
from tests.support.drawing import END, START
from tests.support.sites import Site
from tests.test_calls import CALL, PAGE, STAFF, whole

pytestmark = pytest.mark.thorough

NAMED = [
    "rows(where: {totalProviderCharge: {gt: \"1\"}}) { rc }",
    "rows(where: {or: [{not: {providerCurrency: {isNull: true}}}]}) { rc }",
    "rowCount(where: {providerCurrency: {eq: \"USD\"}})",
    "totals(where: {totalProviderCharge: {isNull: true}}) { callCount }",
    "subtotals(by: [RC]) { totalProviderCharge }",
    "subtotals(by: [PROVIDER_CURRENCY]) { callCount }",
    "subtotals(by: [RC], orderBy: [{column: TOTAL_PROVIDER_CHARGE}]) { rc }",
    "top(n: 1, by: TOTAL_PROVIDER_CHARGE) { otherRowCount }",
    "top(n: 1, by: CALL_COUNT) { rows { providerCurrency } }",
    "top(n: 1, by: CALL_COUNT) { others { totalProviderCharge } }",
    "top(n: 1, by: CALL_COUNT) { otherCalls { providerCharge } }",
    "timeline(every: DAY) { totalProviderCharge }",
    "timeline(every: DAY, by: [PROVIDER_CURRENCY]) { start }",
    "timeline(every: DAY, by: [RC], seriesBy: TOTAL_PROVIDER_CHARGE) { start }",
    "comparison(with: {period: PREVIOUS_PERIOD}) { rows { totalProviderCharge { current } } }",
    "comparison(with: {period: PREVIOUS_PERIOD}) { totals { totalProviderCharge { change } } }",
    "comparison(with: {period: PREVIOUS_PERIOD}) { rows(orderBy: [{column: TOTAL_PROVIDER_CHARGE}]) { rc } }",
    *(f"calls {{ {name} }}" for name in STAFF.split()),
]  # fmt: skip


@pytest.fixture(scope="module")
def partner(site: Site) -> str:
    return site.partner_key("5003", "05001")


def report(site: Site, type: str = "USA_RATE_CENTER", customer: str = "5003", **parameters: object) -> Analysis:
    return Analysis(site.world, type, customer, START, END, parameters=parameters)


@pytest.mark.parametrize("selection", NAMED)
def test_a_column_for_staff_cannot_be_named(site: Site, partner: str, selection: str) -> None:
    analysis = report(site, byCurrency=True)
    assert refusal(site, analysis, selection, partner) == "GRAPHQL_VALIDATION_FAILED"
    assert ask(site, analysis, selection)


def test_it_cannot_be_named_in_a_variable(site: Site, partner: str) -> None:
    analysis = report(site)
    where = {"totalProviderCharge": {"gt": "1"}}
    query = document(analysis, "rowCount(where: $where)", {"where": where})
    answer = site.ask(query, partner, **scope(analysis), where=where)
    assert answer.get("data") is None
    assert "totalProviderCharge" in answer["errors"][0]["message"]
    assert "rowCount" in site.data(query, **scope(analysis), where=where)["customReport"]


def test_its_keys_are_those_it_sees(site: Site, partner: str) -> None:
    """Under `byCurrency` its rows have no currency of the providers."""
    analysis = report(site, byCurrency=True)
    selection = "subtotals(by: [RC], first: 100000) { rc customerCurrency totalCustomerCharge callCount summedAway }"
    expected = [
        {name: row[name] for name in ("rc", "customerCurrency", "totalCustomerCharge", "callCount")}
        | {"summedAway": ["PREFIX"]}
        for row in analysis.subtotals(["rc"])
    ]
    assert ask(site, analysis, selection, partner)["subtotals"] == near(expected)


@pytest.mark.parametrize("customer", ["5003", "05001"])
def test_its_calls_are_its_own(site: Site, partner: str, customer: str) -> None:
    analysis = report(site, "GROUP_BY_TECH_PREFIX", customer)
    own = " ".join(name for name in CALL.split() if name not in STAFF.split())
    answer = ask(site, analysis, f"calls(first: {PAGE}) {{ {own} }} callCount", partner)
    expected = [{name: call[name] for name in own.split()} for call in whole(site, analysis.calls())]
    assert answer == {"calls": expected, "callCount": len(expected)}


def test_a_cursor_of_another_customers_call_shows_none_of_its_calls(site: Site, partner: str) -> None:
    theirs: Any = ask(site, report(site, "DID_AS_CLI", "5001"), "calls(first: 1) { cursor }")["calls"]
    analysis = report(site, "DID_AS_CLI")
    selection = f'calls(first: {PAGE}, after: "{theirs[0]["cursor"]}") {{ callid switch customerId }}'
    answer = site.ask(document(analysis, selection, {}), partner, **scope(analysis))
    calls = (answer.get("data") or {}).get("customReport") or {"calls": []}
    assert all(call["customerId"] == "5003" for call in calls["calls"])

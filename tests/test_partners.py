"""A partner sees its own customers, and nothing that is for staff."""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gqlreports.schema.scalars import print_moment
from tests.support import sites
from tests.support.oracle import called_number
from tests.support.sites import Site
from tests.test_properties import END, START, moments

pytestmark = pytest.mark.thorough

RANGE = 'from: "2025-10-20T00:00:00Z", to: "2025-11-20T00:00:00Z"'
BY_CURRENCY = "parameters: {usaRateCenter: {byCurrency: true}}"
# The reports for partners, each with what counts its branches under basis ATTEMPT.
VISIBLE = {
    "USA_RATE_CENTER": "callCount",
    "DID_AS_CLI": "count",
    "GROUP_BY_TECH_PREFIX": "total",
    "USA_CALLS": "calls",
    "BREAKOUT": "attempts",
    "PER_NUMBER": "attempts",
    "RELEASE_REASONS": "attempts",
}
STAFF_WORDS = (
    "DTMF", "Dtmf", "ASR_PER_ROUTE", "AsrPerRoute", "Provider", "PROVIDER", "provider", "costPerDigit", "digits",
    "profit", "PROFIT", "margin", "MARGIN",
)  # fmt: skip


@pytest.fixture(scope="module")
def partner(site: Site) -> str:
    return site.partner_key("5003", "05001")


def test_it_lists_its_customers(site: Site, partner: str) -> None:
    assert site.data("{ customers { id } viewer { role customers } }", partner) == {
        "customers": [{"id": "05001"}, {"id": "5003"}],
        "viewer": {"role": "PARTNER", "customers": ["05001", "5003"]},
    }
    assert [each["id"] for each in site.data('{ customers(search: "5001") { id } }', partner)["customers"]] == ["05001"]
    assert len(site.data("{ customers { id } viewer { customers } }")["customers"]) > 2


def test_another_customer_is_answered_as_one_that_does_not_exist(site: Site, partner: str) -> None:
    """The same sentence but for the id, in all places that take one."""
    for query in (
        '{{ customer(id: "{id}") {{ name }} }}',
        f'{{{{ customReport(customer: "{{id}}", type: DID_AS_CLI, {RANGE}) {{{{ type }}}} }}}}',
    ):
        other, missing = (site.error(query.format(id=each), partner) for each in ("5001", "0000"))
        assert other["extensions"] == {"code": "NOT_FOUND"}
        assert str(other).replace("5001", "0000") == str(missing)


def introspected(site: Site, key: str) -> dict[str, Any]:
    schema: dict[str, Any] = site.data(
        "{ __schema { types { name fields { name } inputFields { name } enumValues { name } } } }", key
    )["__schema"]
    return schema


def test_nothing_for_staff_is_in_its_schema(site: Site, partner: str) -> None:
    text = str(introspected(site, partner))
    for word in STAFF_WORDS:
        assert word not in text
        assert word in str(introspected(site, site.staff_key))


def test_nothing_for_staff_is_in_its_catalogue(site: Site, partner: str) -> None:
    query = "{ reportTypes { name columns { name description } exampleQuery } }"
    types = site.data(query, partner)["reportTypes"]
    assert {each["name"] for each in types} == VISIBLE.keys()
    for word in ("rovider", "rofit", "argin"):
        assert word not in str(types)


@pytest.mark.parametrize(
    ("type", "selection"),
    [
        ("USA_RATE_CENTER", "rows { totalProviderCharge }"),
        ("USA_RATE_CENTER", "totals { providerCurrency }"),
        ("USA_RATE_CENTER", "rows(orderBy: [{column: PROVIDER_CURRENCY}]) { rc }"),
        ("BREAKOUT", "rows { providerDuration }"),
        ("BREAKOUT", "rows { profit }"),
        ("BREAKOUT", "totals { profitCurrency }"),
        ("BREAKOUT", "totals { margin }"),
        ("BREAKOUT", "rows(orderBy: [{column: MARGIN}]) { destinationCode }"),
    ],
)
def test_a_column_for_staff_cannot_be_named(site: Site, partner: str, type: str, selection: str) -> None:
    report = sites.REGISTRY.reports[type]
    query = f"""{{
      customReport(customer: "5003", type: {type}, {RANGE}) {{ ... on {report.type_name}Report {{ {selection} }} }}
    }}"""
    error = site.error(query, partner)
    assert error["extensions"]["code"] == "GRAPHQL_VALIDATION_FAILED"
    assert site.data(query)["customReport"]


def test_a_column_for_staff_does_not_split_its_rows(site: Site, partner: str) -> None:
    query = f"""{{
      customReport(customer: "5003", type: USA_RATE_CENTER, {RANGE}, {BY_CURRENCY}) {{
        ... on UsaRateCenterReport {{ rows(first: 100000) {{ prefix rc customerCurrency callCount }} }}
      }}
    }}"""
    keys = [
        (row["prefix"], row["rc"], row["customerCurrency"]) for row in site.data(query, partner)["customReport"]["rows"]
    ]
    assert len(set(keys)) == len(keys)
    assert len(keys) < len(site.data(query)["customReport"]["rows"])


@given(span=st.lists(moments, min_size=2, max_size=2, unique=True).map(sorted), type=st.sampled_from(sorted(VISIBLE)))
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], derandomize=True)
def test_its_answers_hold_no_other_customers_calls(site: Site, partner: str, span: list[Any], type: str) -> None:
    """Every figure equals the one computed from its own customers' rows of the file alone."""
    report, count = sites.REGISTRY.reports[type], VISIBLE[type]
    variables = {"from": print_moment(span[0]), "to": print_moment(span[1])}
    for customer in ("5003", "05001"):
        query = f"""query ($from: DateTime!, $to: DateTime!) {{
          customReport(customer: "{customer}", type: {type}, from: $from, to: $to, basis: ATTEMPT) {{
            ... on {report.type_name}Report {{ totals {{ {count} }} }}
          }}
        }}"""
        own = [cdr for cdr in site.world.cdrs if cdr.customer_id == customer and span[0] <= cdr.dt < span[1]]
        counted = [cdr for cdr in own if type != "USA_CALLS" or called_number(cdr, "DIALED")]
        assert site.data(query, partner, **variables)["customReport"]["totals"][count] == len(counted)


def test_the_ranges_of_these_tests_hold_calls(site: Site) -> None:
    assert any(START <= cdr.dt < END for cdr in site.world.cdrs)

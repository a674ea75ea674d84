"""What must hold for any range, page and key, whatever the data."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gqlreports.schema.scalars import print_moment
from tests.support.sites import Site

pytestmark = pytest.mark.thorough

START, END = datetime(2025, 10, 19, tzinfo=UTC), datetime(2025, 11, 21, tzinfo=UTC)
CUSTOMERS = ["5001", "5003", "05001", "o'hara-west"]
# Sums: what adds up over parts of a range; money only where the grain keeps currencies apart.
SUMS = {
    "USA_RATE_CENTER": (
        "UsaRateCenter",
        "prefix rc customerCurrency providerCurrency",
        "callCount totalCustomerCharge totalProviderCharge",
    ),
    "DID_AS_CLI": ("DidAsCli", "account destCli isDid", "count"),
    "GROUP_BY_TECH_PREFIX": ("GroupByTechPrefix", "techPrefix", "answeredCalls total"),
    "DTMF": ("Dtmf", "route", "answeredCalls dtmfCalls digits"),
    "ASR_PER_ROUTE": ("AsrPerRoute", "provider route", "attempts answeredCalls"),
    "USA_CALLS": ("UsaCalls", "state jurisdiction", "calls connected duration"),
    "BREAKOUT": (
        "Breakout",
        "destinationCode destinationName",
        "attempts connected talkTime customerDuration providerDuration",
    ),
    "PER_NUMBER": ("PerNumber", "number", "attempts connected talkTime"),
    "RELEASE_REASONS": ("ReleaseReasons", "releaseReason sipCode", "attempts connected"),
}
TOTALS = SUMS | {"USA_RATE_CENTER": ("UsaRateCenter", "prefix", "callCount")}

moments = st.integers(0, int((END - START).total_seconds() * 1000)).map(lambda n: START + timedelta(milliseconds=n))
some = settings(
    max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], derandomize=True
)


def ask(site: Site, type: str, customer: str, start: datetime, end: datetime, basis: str, inner: str) -> dict[str, Any]:
    given = ", parameters: {usaRateCenter: {byCurrency: true}}" if "Currency" in inner else ""
    query = f"""
    query ($customer: ID!, $from: DateTime!, $to: DateTime!, $basis: CountingBasis!) {{
      customReport(customer: $customer, type: {type}, from: $from, to: $to, basis: $basis{given}) {{
        ... on {SUMS[type][0]}Report {{ {inner} }}
      }}
    }}"""
    variables = {"customer": customer, "basis": basis, "from": print_moment(start), "to": print_moment(end)}
    report: dict[str, Any] = site.data(query, **variables)["customReport"]
    return report


def summed(rows: list[dict[str, Any]], keys: str, sums: str) -> dict[tuple[Any, ...], Counter[str]]:
    """The sums by key."""
    found: dict[tuple[Any, ...], Counter[str]] = {}
    for row in rows:
        group = found.setdefault(tuple(row[key] for key in keys.split()), Counter())
        for name in sums.split():
            group[name] += Decimal(row[name])  # type: ignore[assignment]
    return found


@pytest.mark.parametrize("type", SUMS)
@given(
    cuts=st.lists(moments, min_size=3, max_size=5, unique=True).map(sorted),
    customer=st.sampled_from(CUSTOMERS),
    basis=st.sampled_from(["CALL", "ATTEMPT"]),
)
@some
def test_adjacent_ranges_add_up(site: Site, type: str, cuts: list[datetime], customer: str, basis: str) -> None:
    _, keys, sums = SUMS[type]
    inner = f"rows(first: 100000) {{ {keys} {sums} }}"
    whole = ask(site, type, customer, cuts[0], cuts[-1], basis, inner)["rows"]
    parts = [
        row for start, end in pairwise(cuts) for row in ask(site, type, customer, start, end, basis, inner)["rows"]
    ]
    assert summed(parts, keys, sums) == summed(whole, keys, sums)


@pytest.mark.parametrize("type", TOTALS)
@given(
    span=st.lists(moments, min_size=2, max_size=2, unique=True).map(sorted),
    customer=st.sampled_from(CUSTOMERS),
    basis=st.sampled_from(["CALL", "ATTEMPT"]),
)
@some
def test_totals_are_the_sum_of_the_rows(site: Site, type: str, span: list[datetime], customer: str, basis: str) -> None:
    _, _, sums = TOTALS[type]
    inner = f"rows(first: 100000) {{ {sums} }} totals {{ {sums} }} rowCount"
    report = ask(site, type, customer, span[0], span[1], basis, inner)
    found = {name: Decimal(value) for name, value in report["totals"].items()}
    assert found == {name: sum(Decimal(row[name]) for row in report["rows"]) for name in sums.split()}
    assert report["rowCount"] == len(report["rows"])


ORDERS = {
    "USA_RATE_CENTER": ["CALL_COUNT", "TOTAL_CUSTOMER_CHARGE", "PROVIDER_CURRENCY", "RC"],
    "DID_AS_CLI": ["COUNT", "IS_DID", "ACCOUNT"],
    "GROUP_BY_TECH_PREFIX": ["ASR", "ACD", "TOTAL"],
    "DTMF": ["COST_PER_DIGIT", "DTMF_RATIO", "PROVIDER_CHARGE"],
    "ASR_PER_ROUTE": ["NER", "PDD_P50", "PROVIDER"],
    "USA_CALLS": ["STATE", "DURATION", "ASR"],
    "BREAKOUT": ["PROFIT", "MARGIN", "PDD_P95", "PROVIDER_CURRENCY"],
    "PER_NUMBER": ["CUSTOMER_CHARGE", "ACD", "NUMBER"],
    "RELEASE_REASONS": ["SIP_CODE", "ATTEMPTS"],
}


@pytest.mark.parametrize("type", ORDERS)
@given(size=st.integers(1, 60), choose=st.data())
@some
def test_a_sequence_of_pages_visits_each_row_once(site: Site, type: str, size: int, choose: st.DataObject) -> None:
    columns = choose.draw(st.lists(st.sampled_from(ORDERS[type]), max_size=3))
    order = ", ".join(
        f"{{column: {column}, direction: {choose.draw(st.sampled_from(['ASC', 'DESC']))}}}" for column in columns
    )
    _, keys, sums = SUMS[type]
    fields = f"{keys} {sums}"
    inner = f"rows(first: 100000, orderBy: [{order}]) {{ {fields} }}"
    whole = ask(site, type, "5003", START, END, "CALL", inner)["rows"]
    pages: list[dict[str, Any]] = []
    for offset in range(0, len(whole) + size, size):
        page = f"rows(first: {size}, offset: {offset}, orderBy: [{order}]) {{ {fields} }}"
        pages += ask(site, type, "5003", START, END, "CALL", page)["rows"]
    assert pages == whole
    assert len({tuple(row[key] for key in keys.split()) for row in whole}) == len(whole)


def test_rows_are_in_the_order_asked_for_with_nulls_last(site: Site) -> None:
    for direction in ("ASC", "DESC"):
        inner = (
            f"rows(orderBy: [{{column: ACD, direction: {direction}}}, {{column: TOTAL}}]) {{ acd total techPrefix }}"
        )
        rows = ask(site, "GROUP_BY_TECH_PREFIX", "5001", START, END, "ATTEMPT", inner)["rows"]
        known = [row["acd"] for row in rows if row["acd"] is not None]
        assert known == sorted(known, reverse=direction == "DESC")
        assert [row["acd"] for row in rows[: len(known)]] == known
        nulls = [(row["total"], row["techPrefix"]) for row in rows[len(known) :]]
        assert nulls == sorted(nulls)


def test_first_0_is_no_rows(site: Site) -> None:
    report = ask(site, "DTMF", "5001", START, END, "CALL", "rows(first: 0) { route } rowCount")
    assert report["rows"] == []
    assert report["rowCount"] > 0

"""Every report, customer, basis and parameter against the independent calculation, over the API."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import cycle
from typing import Any, Literal

import pytest

from gqlreports.schema.plan.grain import total_columns
from gqlreports.schema.scalars import print_moment
from tests.support import sites
from tests.support.oracle import Cdr, rounded
from tests.support.sites import Site

pytestmark = pytest.mark.thorough

REGISTRY = sites.REGISTRY.reports
EXACT = {
    "totalCustomerCharge", "totalProviderCharge", "providerCharge", "customerCharge", "profit",
    "duration", "talkTime", "customerDuration", "providerDuration",
}  # fmt: skip
CASES: list[tuple[str, dict[str, Any]]] = [
    ("USA_RATE_CENTER", {}),
    ("USA_RATE_CENTER", {"side": "ORIGINATING"}),
    ("USA_RATE_CENTER", {"number": "LRN"}),
    ("USA_RATE_CENTER", {"side": "ORIGINATING", "number": "LRN", "byCurrency": True}),
    ("USA_RATE_CENTER", {"byCurrency": True}),
    ("USA_RATE_CENTER", {"byCurrency": True, "number": "LRN"}),
    ("DID_AS_CLI", {}),
    ("DID_AS_CLI", {"didsOnly": True}),
    ("GROUP_BY_TECH_PREFIX", {}),
    ("DTMF", {}),
    ("ASR_PER_ROUTE", {}),
    ("USA_CALLS", {}),
    ("USA_CALLS", {"number": "LRN"}),
    ("BREAKOUT", {}),
    ("BREAKOUT", {"byCurrency": True}),
    ("DTMF", {"byCurrency": True}),
    ("PER_NUMBER", {}),
    ("PER_NUMBER", {"byCurrency": True}),
    ("PER_NUMBER", {"side": "CLI"}),
    ("RELEASE_REASONS", {}),
]
Basis = Literal["CALL", "ATTEMPT"]


def query(type: str, parameters: dict[str, Any]) -> str:
    report = REGISTRY[type]
    columns = report.columns(staff=True)
    rows = " ".join(column.graphql_name for column in columns)
    totals = " ".join(column.graphql_name for column in total_columns(columns))
    field = type.lower().split("_")
    name = field[0] + "".join(word.capitalize() for word in field[1:])
    literal = ", ".join(f"{key}: {str(value).lower() if value is True else value}" for key, value in parameters.items())
    given = f", parameters: {{{name}: {{{literal}}}}}" if parameters else ""
    return f"""
    query ($customer: ID!, $from: DateTime!, $to: DateTime!, $basis: CountingBasis!) {{
      customReport(customer: $customer, type: {type}, from: $from, to: $to, basis: $basis{given}) {{
        basis
        ... on {report.type_name}Report {{ rows(first: 100000) {{ {rows} }} rowCount totals {{ {totals} }} }}
      }}
    }}"""


def ranges(cdrs: list[Cdr]) -> Iterator[tuple[datetime, datetime]]:
    """The whole time; ranges that begin and end within a day, within an hour, and on a call's own millisecond."""
    moments = sorted({cdr.dt for cdr in cdrs})
    first, last, millisecond = moments[0], moments[-1], timedelta(milliseconds=1)
    middle = moments[len(moments) // 2]
    yield first, last + millisecond
    yield datetime(2025, 10, 26, 0, 30, tzinfo=UTC), datetime(2025, 11, 2, 6, 45, 12, 345000, tzinfo=UTC)
    yield middle, middle + millisecond
    yield moments[len(moments) // 3], moments[2 * len(moments) // 3]
    yield first - timedelta(days=400), first


def comparable(row: dict[str, Any]) -> tuple[tuple[str, object], ...]:
    """A row with exact money and seconds, and other fractions to 13 digits."""
    return tuple((name, _comparable(name, value)) for name, value in sorted(row.items()))


def _comparable(name: str, value: object) -> object:
    if value is None:
        return None
    if name == "costPerDigit":
        return (rounded(value) if isinstance(value, Fraction) else Decimal(str(value))).normalize() + 0
    if name in EXACT:
        assert isinstance(value, str | Decimal)
        return Decimal(value).normalize() + 0
    return float(f"{value:.13g}") if isinstance(value, float) else value


def test_generated_files_hold_what_tells_figures_apart(site: Site) -> None:
    """Or the comparison below would say less than it seems to."""
    moments = [cdr.dt for cdr in site.world.cdrs]
    span = min(moments), max(moments)

    def rows(type: str) -> list[dict[str, Any]]:
        return [row for customer in site.customers for row in site.world.report(type, customer, *span)]

    destinations, routes = rows("BREAKOUT"), rows("ASR_PER_ROUTE")
    assert {row["jurisdiction"] for row in rows("USA_CALLS")} == {"INTRASTATE", "INTERSTATE", "INDETERMINATE"}
    assert any(row["profit"] is None and row["customerCurrency"] and row["providerCurrency"] for row in destinations)
    assert any(row["profit"] and row["customerCharge"] and row["providerCharge"] for row in destinations)
    assert any((row["margin"] or 0) < 0 for row in destinations)
    assert any(row["pddP50"] is None for row in destinations)
    assert len({row["pddP95"] for row in routes}) > 10
    assert any(0 < row["asr"] < row["ner"] < 1 for row in routes)
    assert len({row["sipCode"] for row in rows("RELEASE_REASONS")}) > 8


def check(site: Site, basis: Basis, type: str, parameters: dict[str, Any], of_them: int = 5) -> None:
    """Every other customer over all its calls, in turn with the basis, and the rest over the other ranges in turn."""
    others = cycle(range(1, of_them))
    for place, customer in enumerate(site.customers):
        own = [cdr for cdr in site.world.cdrs if cdr.customer_id == customer] or site.world.cdrs
        whole = place % 2 == (basis == "ATTEMPT")
        check_one(site, customer, basis, type, parameters, *list(ranges(own))[0 if whole else next(others)])


def check_one(
    site: Site, customer: str, basis: Basis, type: str, parameters: dict[str, Any], start: datetime, end: datetime
) -> None:
    span = {"from": print_moment(start), "to": print_moment(end)}
    [answer] = site.data(query(type, parameters), customer=customer, basis=basis, **span).values()
    expected = site.world.report(type, customer, start, end, basis, **parameters)
    totals = site.world.totals(type, customer, start, end, basis, **parameters)
    assert sorted(map(comparable, answer["rows"]), key=repr) == sorted(map(comparable, expected), key=repr)
    assert answer["rowCount"] == len(expected)
    assert comparable(answer["totals"]) == comparable(totals)
    assert answer["basis"] == basis


@pytest.mark.parametrize("basis", ["CALL", "ATTEMPT"])
@pytest.mark.parametrize(("type", "parameters"), CASES)
def test_generated_files(site: Site, basis: Basis, type: str, parameters: dict[str, Any]) -> None:
    assert len(site.customers) >= 6
    check(site, basis, type, parameters)


@pytest.mark.parametrize(("type", "parameters"), [case for case in CASES if not case[1]])
def test_generated_files_on_a_server(server_site: Site, type: str, parameters: dict[str, Any]) -> None:
    check(server_site, "CALL", type, parameters)


@pytest.mark.parametrize("basis", ["CALL", "ATTEMPT"])
@pytest.mark.parametrize(("type", "parameters"), CASES)
def test_sample_files(sample: Site, basis: Basis, type: str, parameters: dict[str, Any]) -> None:
    check(sample, basis, type, parameters, of_them=2)

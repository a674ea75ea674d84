"""Questions to the API about a report, and its answers as exact values."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest

from gqlreports.schema.scalars import print_moment
from tests.support import sites
from tests.support.analysis_oracle import CURRENCY_OF, DIMENSIONS, Analysis, Order, Where, constant
from tests.support.sites import Site

REPORTS = sites.REGISTRY.reports
COLUMNS = {name: " ".join(each.graphql_name for each in report.columns(True)) for name, report in REPORTS.items()}
TOTALS = {
    name: " ".join(each for each in columns.split() if each not in DIMENSIONS[name])
    for name, columns in COLUMNS.items()
}
BUCKET = "start end clipped others summedAway"
MONEY = {*CURRENCY_OF, "customerCardRate"}
SECONDS = {"duration", "talkTime", "customerDuration", "providerDuration", "ringDuration"}
TIMES = {"start", "end", "from", "to", "dt"}
CUSTOMERS = ("5001", "05001", "o'hara-west", "5003", "5004", "5009")
CASES: list[tuple[str, dict[str, Any]]] = [
    ("USA_RATE_CENTER", {}),
    ("USA_RATE_CENTER", {"byCurrency": True}),
    ("DID_AS_CLI", {}),
    ("GROUP_BY_TECH_PREFIX", {}),
    ("DTMF", {}),
]
OTHER_CASES: list[tuple[str, dict[str, Any]]] = [
    ("USA_RATE_CENTER", {"side": "ORIGINATING"}),
    ("DID_AS_CLI", {"didsOnly": True}),
    ("ASR_PER_ROUTE", {}),
    ("USA_CALLS", {"number": "LRN"}),
    ("BREAKOUT", {}),
    ("BREAKOUT", {"byCurrency": True}),
    ("DTMF", {"byCurrency": True}),
    ("PER_NUMBER", {"side": "CLI"}),
    ("PER_NUMBER", {"byCurrency": True}),
    ("RELEASE_REASONS", {}),
]


# ---- questions ----


def document(analysis: Analysis, selection: str, variables: Mapping[str, Any]) -> str:
    """The query for fields of a report; those of `variables` are filters."""
    name = REPORTS[analysis.type].type_name
    literal = ", ".join(
        f"{key}: {str(value).lower() if value is True else value}" for key, value in analysis.parameters.items()
    )
    given = f", parameters: {{{name[0].lower()}{name[1:]}: {{{literal}}}}}" if literal else ""
    given += analysis.arguments
    filters = "".join(f", ${each}: {analysis.type_name}Filter" for each in variables)
    return f"""
    query ($customer: ID!, $from: DateTime!, $to: DateTime!, $basis: CountingBasis!{filters}) {{
      customReport(customer: $customer, type: {analysis.type}, from: $from, to: $to, basis: $basis{given}) {{
        ... on {analysis.type_name}Report {{ {selection} }}
      }}
    }}"""


def scope(analysis: Analysis) -> dict[str, str]:
    span = {"from": print_moment(analysis.start), "to": print_moment(analysis.end)}
    return {"customer": analysis.customer, "basis": analysis.basis, **span}


def ask(site: Site, analysis: Analysis, selection: str, key: str | None = None, **filters: Where | None) -> Any:
    """What the fields of `selection` answer; `filters` are its variables."""
    return exact(asked(site, analysis, selection, key, **filters))


def asked(site: Site, analysis: Analysis, selection: str, key: str | None = None, **filters: Where | None) -> Any:
    """The same in its JSON form."""
    return site.data(document(analysis, selection, filters), key, **scope(analysis), **filters)["customReport"]


def refusal(site: Site, analysis: Analysis, selection: str, key: str | None = None, **filters: Where | None) -> str:
    """The code of the one error that the fields of `selection` answer."""
    error = site.error(document(analysis, selection, filters), key, **scope(analysis), **filters)
    code: str = error["extensions"]["code"]
    return code


def order_by(order: Order) -> str:
    """The argument for an order, none for an empty one."""
    each = ", ".join(f"{{column: {constant(name)}, direction: {'DESC' if down else 'ASC'}}}" for name, down in order)
    return f"orderBy: [{each}]" if order else "orderBy: null"


def names(columns: Sequence[str]) -> str:
    return f"[{', '.join(map(constant, columns))}]"


# ---- answers ----


def exact(value: Any, name: str = "") -> Any:
    """An answer with its money and durations as Decimal and its times as datetime."""
    if isinstance(value, dict):
        return {
            key: exact(each, name if key in ("current", "previous", "change") else key) for key, each in value.items()
        }
    if isinstance(value, list):
        return [exact(each, name) for each in value]
    if value is None:
        return None
    if name in MONEY:
        assert isinstance(value, str)
        return Decimal(value)
    if name in SECONDS:
        return Decimal(str(value))
    return datetime.fromisoformat(value) if name in TIMES else value


def near(value: Any) -> Any:
    """An expected answer: fractions are right to 12 digits, all else exactly."""
    if isinstance(value, dict):
        return {key: near(each) for key, each in value.items()}
    if isinstance(value, list):
        return [near(each) for each in value]
    return pytest.approx(value, rel=1e-12, abs=1e-9) if isinstance(value, float) else value

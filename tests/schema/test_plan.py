"""The statements: golden files that a person can review, and that only what was selected is read."""

import asyncio
import re
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
import pytest

from gqlreports.backends.base import Statement
from gqlreports.backends.embedded import EmbeddedBackend
from gqlreports.plugins import CountingBasis
from gqlreports.plugins.registry import Registry
from gqlreports.schema import plan
from gqlreports.schema.plan import Order
from gqlreports.schema.request import ReportRequest
from gqlreports.schema.selection import Selection
from gqlreports.tables import cdr
from tests.sites import Site

GOLDEN = Path(__file__).parent / "golden"
REPORTS = Registry.load(strict=True).reports


def request(
    type: str, basis: CountingBasis = CountingBasis.CALL, staff: bool = True, **parameters: Any
) -> ReportRequest:
    report = REPORTS[type]
    start, end = datetime(2025, 10, 20, tzinfo=UTC), datetime(2025, 11, 20, tzinfo=UTC)
    given = report.report.Parameters.model_validate(parameters)
    return ReportRequest(report, "1001", start, end, given, basis, staff)


def select(asked: ReportRequest, *names: str) -> Selection:
    return Selection.of({name: name for name in names}, asked.columns, "Row")


def printed(statement: Statement, backend: EmbeddedBackend) -> str:
    """A statement as ClickHouse formats it, and its values."""
    formatted = Statement("SELECT formatQuery({sql:String}) AS sql", {"sql": statement.sql})
    [row] = orjson.loads(asyncio.run(backend.fetch_json(formatted)))
    parameters = "".join(f"-- {name} = {value!r}\n" for name, value in statement.parameters.items())
    return f"{row['sql']}\n{parameters}"


CASES: dict[str, Statement] = {}
for _type in REPORTS:
    _asked = request(_type)
    CASES[f"{_type.lower()}_rows"] = plan.rows(_asked, Selection.all(_asked.columns), (), 1000, 0)
    CASES[f"{_type.lower()}_totals"] = plan.totals(_asked, Selection.all(plan.total_columns(_asked.columns)))
    CASES[f"{_type.lower()}_row_count"] = plan.row_count(_asked)
_asked = request("GROUP_BY_TECH_PREFIX", CountingBasis.ATTEMPT)
_order = (Order(REPORTS["GROUP_BY_TECH_PREFIX"].report.columns["asr"], descending=True),)
CASES["ordered_page_by_attempt"] = plan.rows(_asked, select(_asked, "techPrefix", "total"), _order, 50, 100)
_asked = request("USA_RATE_CENTER", side="ORIGINATING", byCurrency=True)
CASES["originating_by_currency"] = plan.rows(_asked, select(_asked, "prefix", "customerCurrency"), (), 1000, 0)
_asked = request("USA_RATE_CENTER", staff=False, number="LRN", byCurrency=True)
CASES["partner_by_routing_number"] = plan.rows(_asked, select(_asked, "prefix", "customerCurrency"), (), 1000, 0)
_asked = request("DID_AS_CLI", didsOnly=True)
CASES["dids_only"] = plan.rows(_asked, select(_asked, "destCli", "count"), (), 1000, 0)
_asked = request("USA_CALLS", number="LRN")
CASES["usa_calls_by_routing_number"] = plan.rows(_asked, select(_asked, "state", "calls"), (), 1000, 0)
_asked = request("PER_NUMBER", CountingBasis.ATTEMPT, staff=False, side="CLI")
CASES["per_cli_by_attempt"] = plan.rows(_asked, select(_asked, "number", "attempts"), (), 1000, 0)
_asked = request("RELEASE_REASONS", CountingBasis.ATTEMPT)
CASES["release_reasons_by_attempt"] = plan.rows(_asked, Selection.all(_asked.columns), (), 1000, 0)


@pytest.mark.parametrize("name", CASES)
def test_golden_statement(name: str, site: Site) -> None:
    assert printed(CASES[name], site.backend) == (GOLDEN / f"{name}.sql").read_text()


def test_no_golden_statement_is_left_over() -> None:
    assert {path.stem for path in GOLDEN.glob("*.sql")} == set(CASES)


def stored_columns(statement: Statement) -> set[str]:
    return set(re.findall(r"`cdr`\.`(\w+)`", statement.sql)) & set(cdr.columns.keys())


NARROWING = {"customer_id", "dt"}


@pytest.mark.parametrize(
    ("type", "fields", "read"),
    [
        ("GROUP_BY_TECH_PREFIX", ["techPrefix"], {"tech_prefix", "sign"}),
        ("GROUP_BY_TECH_PREFIX", ["total"], {"tech_prefix", "sign", "branch_idx"}),
        ("GROUP_BY_TECH_PREFIX", ["acd"], {"tech_prefix", "sign", "answered", "duration"}),
        ("DTMF", ["answeredCalls"], {"provider_card_id", "sign", "answered"}),
        ("DTMF", ["digits"], {"provider_card_id", "sign", "answered", "dtmf"}),
        ("DID_AS_CLI", ["account"], {"account", "dest_cli", "sign"}),
        ("ASR_PER_ROUTE", ["ner"], {"provider_id", "provider_card_id", "sign", "answered", "sip_code"}),
        ("ASR_PER_ROUTE", ["pddP95"], {"provider_id", "provider_card_id", "sign", "pdd_out"}),
        ("USA_CALLS", ["connected"], {"dest_nanp", "cli_nanp", "sign", "answered"}),
        ("PER_NUMBER", ["talkTime"], {"dest_number", "sign", "answered", "duration"}),
        ("RELEASE_REASONS", ["attempts"], {"release_reason", "sip_code", "sign"}),
        (
            "BREAKOUT",
            ["margin"],
            {
                "customer_card_dest_code", "customer_card_dest_name", "sign", "customer_charge",
                "customer_card_currency", "provider_charge", "provider_card_currency",
            },
        ),
        ("USA_RATE_CENTER", ["callCount"], {"dest_nanp", "customer_card_dest_code", "sign", "branch_idx"}),
        (
            "USA_RATE_CENTER",
            ["totalCustomerCharge"],
            {"dest_nanp", "customer_card_dest_code", "sign", "customer_charge", "customer_card_currency"},
        ),
    ],
)  # fmt: skip
def test_only_what_was_selected_is_read(type: str, fields: list[str], read: set[str]) -> None:
    asked = request(type)
    statement = plan.rows(asked, select(asked, *fields), (), 10, 0)
    assert stored_columns(statement) == read | NARROWING


def test_values_are_never_in_the_text() -> None:
    hostile = "x'); DROP TABLE cdr; --"
    report = REPORTS["DTMF"]
    start, end = datetime(2025, 10, 20, tzinfo=UTC), datetime(2025, 11, 20, tzinfo=UTC)
    asked = ReportRequest(report, hostile, start, end, report.report.Parameters(), CountingBasis.CALL, True)
    statement = plan.row_count(asked)
    assert "DROP" not in statement.sql
    assert statement.parameters["customer"] == hostile


@pytest.mark.parametrize(
    ("moment", "milliseconds"),
    [
        (datetime(2025, 10, 20, 0, 0, 0, 1000, UTC), 1760918400001),
        (datetime(2025, 10, 20, 0, 0, 0, 1001, UTC), 1760918400002),
        (datetime(1969, 12, 31, 23, 59, 59, 999_999, UTC), 0),
        (datetime(1, 1, 1, tzinfo=UTC), -62135596800000),
        (datetime(9999, 12, 31, 23, 59, 59, 999_999, UTC), 253402300800000),
    ],
)
def test_a_bound_is_the_first_millisecond_not_before_it(moment: datetime, milliseconds: int) -> None:
    report = REPORTS["DTMF"]
    far = datetime(9999, 12, 31, 23, 59, 59, 999_999, UTC)
    first = moment if moment < far else datetime(2025, 1, 1, tzinfo=UTC)
    asked = ReportRequest(report, "1", first, far, report.report.Parameters(), CountingBasis.CALL, True)
    bound = "from" if moment < far else "to"
    assert plan.row_count(asked).parameters[bound] == milliseconds


def test_what_is_kept_of_a_statement_is_no_ones_values() -> None:
    """Two customers, ranges and pages with one selection get one text and their own values."""
    asked = request("DTMF")
    other = replace(asked, customer="1002", end=datetime(2025, 10, 21, tzinfo=UTC))
    selection = select(asked, "route")
    first, second = plan.rows(asked, selection, (), 10, 20), plan.rows(other, selection, (), 30, 0)
    assert first.sql == second.sql
    assert dict(first.parameters) == {
        "customer": "1001",
        "from": 1760918400000,
        "to": 1763596800000,
        "first": 10,
        "offset": 20,
    }
    assert dict(second.parameters) == {
        "customer": "1002",
        "from": 1760918400000,
        "to": 1761004800000,
        "first": 30,
        "offset": 0,
    }
    assert plan.rows(asked, selection, (), 10, 20) == first

"""The statements: golden files that a person can review, and that only what was selected is read."""

import asyncio
import re
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gqlreports.backends.base import Customers, Statement
from gqlreports.backends.embedded.backend import EmbeddedBackend
from gqlreports.export.columns import row_columns, selection_of
from gqlreports.plugins import CountingBasis
from gqlreports.plugins.grouping import grouped
from gqlreports.plugins.types import Operator
from gqlreports.schema.plan import rows
from gqlreports.schema.plan.calls import Cursor, calls
from gqlreports.schema.plan.comparison import ComparedRequest, compared_rows
from gqlreports.schema.plan.filters import Condition, Either, Not, Where
from gqlreports.schema.plan.grain import total_columns
from gqlreports.schema.plan.printing import in_zone, safe
from gqlreports.schema.plan.rows import Order, Page
from gqlreports.schema.plan.source import milliseconds
from gqlreports.schema.plan.timeline import Series, timeline
from gqlreports.schema.request import ReportRequest, Selected, Selection
from gqlreports.schema.time import Interval, Weekday, buckets, zone
from gqlreports.tables import cdr
from tests.support import sites
from tests.support.sites import Site

GOLDEN = Path(__file__).parent / "golden"
REPORTS = sites.REGISTRY.reports


def request(
    type: str, basis: CountingBasis = CountingBasis.CALL, staff: bool = True, **parameters: Any
) -> ReportRequest:
    report = REPORTS[type]
    start, end = datetime(2025, 10, 20, tzinfo=UTC), datetime(2025, 11, 20, tzinfo=UTC)
    given = report.report.Parameters.model_validate(parameters)
    return ReportRequest(report, Customers.of("1001"), start, end, given, basis, staff)


def select(asked: ReportRequest, *names: str) -> Selection:
    return Selection("Row", tuple(Selected(name, name) for name in names))


def printed(statement: Statement, backend: EmbeddedBackend) -> str:
    """A statement as ClickHouse formats it, and its values."""
    formatted = Statement("SELECT formatQuery({sql:String}) AS sql", {"sql": statement.sql})
    [row] = orjson.loads(asyncio.run(backend.fetch_json(formatted)).json)
    parameters = "".join(f"-- {name} = {value!r}\n" for name, value in statement.parameters.items())
    return f"{row['sql']}\n{parameters}"


CASES: dict[str, Statement] = {}
for _type in REPORTS:
    _asked = request(_type)
    CASES[f"{_type.lower()}_rows"] = rows.rows(_asked, Selection.all(_asked.columns), Page((), 1000))
    CASES[f"{_type.lower()}_totals"] = rows.totals(_asked, Selection.all(total_columns(_asked.columns)))
    CASES[f"{_type.lower()}_row_count"] = rows.row_count(_asked)
_asked = request("GROUP_BY_TECH_PREFIX", CountingBasis.ATTEMPT)
_order = (Order(REPORTS["GROUP_BY_TECH_PREFIX"].report.columns["asr"], descending=True),)
CASES["ordered_page_by_attempt"] = rows.rows(_asked, select(_asked, "techPrefix", "total"), Page(_order, 50, 100))
_asked = request("USA_RATE_CENTER", side="ORIGINATING", byCurrency=True)
CASES["originating_by_currency"] = rows.rows(_asked, select(_asked, "prefix", "customerCurrency"), Page((), 1000))
_asked = request("USA_RATE_CENTER", staff=False, number="LRN", byCurrency=True)
CASES["partner_by_routing_number"] = rows.rows(_asked, select(_asked, "prefix", "customerCurrency"), Page((), 1000))
_asked = request("DID_AS_CLI", didsOnly=True)
CASES["dids_only"] = rows.rows(_asked, select(_asked, "destCli", "count"), Page((), 1000))
_asked = request("USA_CALLS", number="LRN")
CASES["usa_calls_by_routing_number"] = rows.rows(_asked, select(_asked, "state", "calls"), Page((), 1000))
_asked = request("PER_NUMBER", CountingBasis.ATTEMPT, staff=False, side="CLI")
CASES["per_cli_by_attempt"] = rows.rows(_asked, select(_asked, "number", "attempts"), Page((), 1000))
_asked = replace(request("PER_NUMBER"), masked=4)
CASES["per_masked_number"] = rows.rows(_asked, select(_asked, "number", "attempts"), Page((), 1000))
_asked = request("RELEASE_REASONS", CountingBasis.ATTEMPT)
CASES["release_reasons_by_attempt"] = rows.rows(_asked, Selection.all(_asked.columns), Page((), 1000))

_asked = replace(request("DTMF"), start=datetime(2025, 10, 20, 0, 0, 0, 1000, UTC))
CASES["hours_and_edges"] = rows.rows(_asked, select(_asked, "route", "providerCharge", "dtmfRatio"), Page((), 1000))
_asked = request("ASR_PER_ROUTE")
CASES["a_rollup_that_has_all"] = rows.rows(_asked, select(_asked, "route", "ner"), Page((), 1000))
_asked = request("GROUP_BY_TECH_PREFIX")
_columns = REPORTS["GROUP_BY_TECH_PREFIX"].report.columns
_prefix = Condition(_columns["tech_prefix"], Operator.STARTS_WITH, 0)
_quality = Either((Condition(_columns["asr"], Operator.LT, 1), Not(_prefix)))
BY_KEY, BY_FIGURE = Where(_prefix, ("00",)), Where(_quality, ("00", 0.3))
_tops = Order(_columns["total"], descending=True)
CASES["rows_that_match"] = rows.rows(_asked, select(_asked, "techPrefix", "acd"), Page(), BY_FIGURE)
CASES["totals_by_a_key"] = rows.totals(_asked, select(_asked, "asr"), BY_KEY)
CASES["totals_by_a_figure"] = rows.totals(_asked, select(_asked, "asr"), BY_FIGURE)
CASES["others"] = rows.others(_asked, select(_asked, "asr"), _tops, 10, BY_KEY)
_days = buckets(_asked.start, _asked.end, Interval.WEEK, zone("Asia/Kolkata"), Weekday.MONDAY, 1)
CASES["timeline"] = timeline(_asked, _days, select(_asked, "start", "end", "clipped", "asr"))
_series = Series(_asked.dimensions, _tops)
CASES["timeline_by_key"] = timeline(_asked, _days, select(_asked, "start", "techPrefix", "asr"), _series, 5)
_money = request("USA_RATE_CENTER")
_by = _money.dimensions[1:]
CASES["subtotals"] = rows.subtotals(_money, _by, select(_money, "prefix", "rc", "callCount", "summedAway"), Page((), 9))
_inner = Selection("DecimalComparison", tuple(Selected(name, name) for name in ("current", "relativeChange")))
_both = Selection("Row", (Selected("rc", "rc"), Selected("charge", "totalCustomerCharge", _inner)))
_tops_of = Order(REPORTS["USA_RATE_CENTER"].report.columns["call_count"], descending=True)
_compared = ComparedRequest(_money, replace(_money, start=datetime(2025, 9, 20, tzinfo=UTC), end=_money.start))
CASES["comparison"] = compared_rows(_compared, _both)
_cells = selection_of(row_columns((_columns["tech_prefix"], _columns["asr"])), safe)
CASES["exported_as_csv"] = in_zone(rows.rows(_asked, _cells, Page()), "Asia/Kolkata")
_masked = replace(_asked, masked=4)
CASES["calls"] = calls(_masked, select(_asked, "cursor", "destNumber"), 100, Cursor(1, "s", "c", 0), BY_KEY)
_of_both = Customers.of("1001", "1002")
_both_asked = replace(_asked, customers=_of_both)
CASES["customers_rows"] = rows.rows(_both_asked, select(_asked, "techPrefix", "asr"), Page((), 1000), BY_FIGURE)
CASES["customers_totals_of_each"] = rows.customer_totals(
    replace(_money, customers=_of_both), select(_money, "customerId", "totalCustomerCharge"), Page((_tops_of,), 9)
)
CASES["customers_calls"] = calls(
    _both_asked, select(_asked, "cursor", "destNumber"), 100, Cursor(1, "s", "c", 0, "1001"), BY_KEY
)
CASES["rate_centers_as_of"] = rows.row_count(replace(_money, as_of=_money.end))
CASES["dids_as_of"] = rows.row_count(replace(request("DID_AS_CLI"), as_of=_money.end))


def grouped_request(type: str, *names: str, **parameters: Any) -> ReportRequest:
    report = grouped(REPORTS[type], sites.REGISTRY.dimensions, names, True)
    return replace(request(type, **parameters), report=report)


_asked = grouped_request("BREAKOUT", "ACCOUNT", "DESTINATION_COUNTRY", byCurrency=True)
CASES["grouped_by_currency"] = rows.rows(_asked, select(_asked, "account", "switch", "profit"), Page((), 10))
_asked = grouped_request("ASR_PER_ROUTE", "HOUR_OF_DAY")
CASES["grouped_from_a_rollup"] = rows.rows(_asked, select(_asked, "hourOfDay", "ner"), Page((), 10))
_asked = grouped_request("ASR_PER_ROUTE", "ACCOUNT")
CASES["grouped_from_calls"] = rows.rows(_asked, select(_asked, "account", "ner"), Page((), 10))
_dimensions = {each.constant_name: each for each in sites.REGISTRY.dimensions}
_only = Where(Not(Condition(_dimensions["STATE"], Operator.IN, 0)), (["NJ", "CA"],))
CASES["filtered"] = rows.totals(replace(request("GROUP_BY_TECH_PREFIX"), filter=_only), select(_asked, "asr"), BY_KEY)


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
    statement = rows.rows(asked, select(asked, *fields), Page((), 10))
    assert stored_columns(statement) == read | NARROWING


def test_values_are_never_in_the_text() -> None:
    hostile = "x'); DROP TABLE cdr; --"
    report = REPORTS["DTMF"]
    start, end = datetime(2025, 10, 20, tzinfo=UTC), datetime(2025, 11, 20, tzinfo=UTC)
    asked = ReportRequest(
        report, Customers.of(hostile), start, end, report.report.Parameters(), CountingBasis.CALL, True
    )
    statement = rows.row_count(asked)
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
    report = REPORTS["USA_CALLS"]
    far = datetime(9999, 12, 31, 23, 59, 59, 999_999, UTC)
    first = moment if moment < far else datetime(2025, 1, 1, tzinfo=UTC)
    asked = ReportRequest(report, Customers.of("1"), first, far, report.report.Parameters(), CountingBasis.CALL, True)
    bound = "from" if moment < far else "to"
    assert rows.row_count(asked).parameters[bound] == milliseconds


def test_what_is_kept_of_a_statement_is_no_ones_values() -> None:
    """Two customers, ranges and pages with one selection get one text and their own values."""
    asked = request("USA_CALLS")
    other = replace(asked, customers=Customers.of("1002"), end=datetime(2025, 10, 21, tzinfo=UTC))
    selection = select(asked, "state")
    first = rows.rows(asked, selection, Page((), 10, 20))
    second = rows.rows(other, selection, Page((), 30))
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
    assert rows.rows(asked, selection, Page((), 10, 20)) == first


MOMENTS = st.datetimes(datetime(2025, 1, 1), datetime(2025, 1, 9), timezones=st.just(UTC))


@given(st.lists(MOMENTS, min_size=2, max_size=2, unique=True).map(sorted))
def test_hours_and_edges_are_the_range(bounds: list[datetime]) -> None:
    """What is read of a range are its whole hours, and on either side less than one."""
    start, end = bounds
    asked = replace(request("DTMF"), start=start, end=end)
    whole = rows.row_count(asked).parameters
    hours = (end.replace(minute=0, second=0, microsecond=0) - start).total_seconds() / 3600
    if "from_hour" not in whole:
        assert hours < 25
        return
    first, last = whole["from_hour"] * 1000, whole["to_hour"] * 1000  # type: ignore[operator]
    assert first % 3_600_000 == last % 3_600_000 == 0
    before = whole.get("from", first) - first  # type: ignore[operator]
    behind = last - whole.get("to", last)  # type: ignore[operator]
    assert -3_600_000 < before <= 0
    assert -3_600_000 < behind <= 0
    assert (first + before, last - behind) == (milliseconds(start), milliseconds(end))


@pytest.mark.parametrize("name", ["USA_RATE_CENTER", "USA_CALLS", "GROUP_BY_TECH_PREFIX", "BREAKOUT", "DTMF"])
def test_who_may_see_all_digits_that_there_are_reads_the_same(name: str) -> None:
    """So masked reports are read from the sums of hours, too."""
    asked = request(name)
    everything = Selection.all(asked.columns)
    assert rows.rows(replace(asked, masked=4), everything) == rows.rows(asked, everything)

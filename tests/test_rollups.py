"""Rollups: what the store keeps by the hour, and that no answer shows whether it was read from there."""

import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Select, func, literal_column

from gqlreports.backends.base import Backend, Customers, Statement
from gqlreports.errors import PluginError
from gqlreports.plugins import CountingBasis, Report, Scope, attempts, cdr, count, dimension, measure
from gqlreports.plugins.registry import RegisteredReport
from gqlreports.plugins.rollup import rollup_of
from gqlreports.plugins.types import Operator
from gqlreports.schema.explanation import readings
from gqlreports.schema.plan import comparison, rows, timeline
from gqlreports.schema.plan.comparison import ComparedRequest
from gqlreports.schema.plan.filters import Condition, Where
from gqlreports.schema.plan.grain import total_columns
from gqlreports.schema.plan.rows import Order
from gqlreports.schema.plan.timeline import Series
from gqlreports.schema.request import ReportRequest, Selection
from gqlreports.schema.time import Interval, Weekday, buckets, zone
from gqlreports.store.definition import definition, rollup_statements
from gqlreports.store.topology import Topology
from tests.support.sites import REGISTRY, Engine
from tests.support.stores import EmbeddedStore

pytestmark = pytest.mark.thorough

KEPT = [name for name, report in REGISTRY.reports.items() if report.rollup]
START = datetime(2025, 10, 24, tzinfo=UTC)
DAYS = 12
RANDOM = random.Random(7)


def without_rollup(report: RegisteredReport) -> RegisteredReport:
    """The same report, all of whose ranges are read call by call."""
    twin = RegisteredReport(report.name, report.report, report.distribution)
    twin.__dict__["rollup"] = None
    return twin


TWINS = {name: without_rollup(REGISTRY.reports[name]) for name in KEPT}


def call(place: int) -> str:
    """A CDR at a millisecond that is on a full hour, just before or just behind it, or anywhere."""
    hour = RANDOM.randrange(DAYS * 24)
    moment = START + timedelta(hours=hour, milliseconds=RANDOM.choice([0, 1, -1, RANDOM.randrange(3_600_000)]))
    answered = RANDOM.random() < 0.5
    values = [
        f"'{moment:%Y-%m-%d %H:%M:%S.%f}'",
        f"'call-{place // 2}'",
        str(place % 2),
        f"'{RANDOM.choice(['1001', '1001', '1002'])}'",
        f"'{RANDOM.choice(['', '77', '881'])}'",
        str(answered).lower(),
        f"{RANDOM.randrange(100_000) / 1000 if answered else 0}",
        f"'{RANDOM.choice(['route-a', 'route-b'])}'",
        f"'{RANDOM.choice(['p', 'q'])}'",
        f"{RANDOM.choice(['0', '0.12345678', '3', '-0.5'])}",
        f"'{RANDOM.choice(['USD', 'USD', 'EUR', ''])}'",
        f"'{RANDOM.choice(['', '', '12#', '9'])}'",
        f"{RANDOM.choice([200, 486, 503])}",
        f"'{RANDOM.choice(['Normal', 'Busy'])}'",
    ]
    return f"({', '.join(values)}, 1)"


COLUMNS = (
    "dt, callid, branch_idx, customer_id, tech_prefix, answered, duration, provider_card_id, provider_id, "
    "provider_charge, provider_card_currency, dtmf, sip_code, release_reason, sign"
)
TAKE_BACK = "INSERT INTO cdr SELECT * REPLACE (-1 AS sign) FROM cdr WHERE {}"
CORRECT = (
    "INSERT INTO cdr SELECT * REPLACE (each.1 AS sign, if(each.1 = 1, '881', tech_prefix) AS tech_prefix, "
    "if(each.1 = 1, 'EUR', provider_card_currency) AS provider_card_currency) "
    "FROM cdr ARRAY JOIN [(-1, 0), (1, 0)] AS each WHERE {}"
)
CHANGES = [
    "SELECT 1",
    CORRECT.format("callid IN ('call-3', 'call-40', 'call-41') AND sign = 1"),
    TAKE_BACK.format("callid = 'call-7'"),
    "DELETE FROM cdr WHERE callid IN ('call-100', 'call-101', 'call-102')",
    "ALTER TABLE cdr UPDATE tech_prefix = '77', duration = duration + 1 WHERE callid LIKE 'call-2%' SETTINGS "
    "mutations_sync = 2",
    "ALTER TABLE cdr DELETE WHERE callid LIKE 'call-5%' SETTINGS mutations_sync = 2",
    "OPTIMIZE TABLE cdr FINAL",
]


@pytest.fixture(scope="module")
def filled(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> EmbeddedStore:
    store = EmbeddedStore(engine, tmp_path_factory.mktemp("rollups") / "store")
    for _ in range(3):
        values = ", ".join(call(RANDOM.randrange(10_000)) for _ in range(300))
        store.run(lambda backend, values=values: change(backend, f"INSERT INTO cdr ({COLUMNS}) VALUES {values}"))  # type: ignore[misc]
    return store


MANY = (
    f"INSERT INTO cdr ({COLUMNS}) SELECT toDateTime64('2025-10-24', 3, 'UTC') + number * 6, toString(number), 0, "
    "'1001', toString(number % 3), number % 2, 1, toString(number % 4), 'p', 1, 'USD', '1', 200, 'Normal', 1 "
    "FROM numbers(170000)"
)


@pytest.fixture(scope="module")
def busy(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> EmbeddedStore:
    """A store with ten calls a minute."""
    store = EmbeddedStore(engine, tmp_path_factory.mktemp("busy") / "store")
    store.run(lambda backend: change(backend, MANY))
    return store


async def change(backend: Backend, sql: str) -> None:
    async with backend.session() as session:
        await session.command(Statement(sql))


async def answer(backend: Backend, statement: Statement) -> bytes:
    return (await backend.fetch_json(statement)).json


def statements(request: ReportRequest, by: str) -> list[Statement]:
    """All that is asked of a report in one range: rows, totals, filters, other ranges, and buckets of time."""
    columns = request.report.report.columns
    measures = Selection.all(each for each in total_columns(request.columns) if not each.name.startswith("pdd"))
    every = Selection.all(each for each in request.columns if not each.name.startswith("pdd"))
    key = columns[by]
    figure = next(each for each in total_columns(request.columns) if each.graphql_name in measures)
    few = Where(Condition(figure, Operator.GT, 0), (1,))
    previous = replace(request, start=request.start - timedelta(days=3, minutes=7), end=request.start)
    hours = buckets(request.start, request.end, Interval.HOUR, zone("Asia/Kathmandu"), Weekday.MONDAY, 1)
    days = buckets(request.start, request.end, Interval.DAY, zone("America/New_York"), Weekday.MONDAY, 3)
    series = Series((key,), Order(figure, descending=True))  # type: ignore[arg-type]
    return [
        rows.rows(request, every),
        rows.row_count(request, few),
        rows.totals(request, measures),
        rows.totals(request, measures, few),
        rows.subtotals(request, (key,), measures),  # type: ignore[arg-type]
        rows.customer_totals(request, measures, rows.ALL),
        comparison.compared_totals(ComparedRequest(request, previous), Selection("", ()), few),
        timeline.timeline(request, hours, measures),
        timeline.timeline(request, days, measures, series, 2),
    ]


WHOSE = [Customers.of("1001"), Customers.of("1001", "1002", "1003")]
BOUNDS = st.lists(
    st.one_of(
        st.integers(-2, DAYS * 24 + 2).map(lambda hour: START + timedelta(hours=hour)),
        st.integers(0, DAYS * 86_400_000).map(lambda offset: START + timedelta(milliseconds=offset)),
    ),
    min_size=2,
    max_size=2,
    unique=True,
).map(sorted)


@pytest.mark.parametrize("change_to", CHANGES, ids=lambda sql: sql[:30])
@settings(max_examples=4, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    bounds=BOUNDS, name=st.sampled_from(KEPT), basis=st.sampled_from(CountingBasis), customers=st.sampled_from(WHOSE)
)
def test_no_answer_shows_where_it_was_read(
    filled: EmbeddedStore,
    change_to: str,
    bounds: list[datetime],
    name: str,
    basis: CountingBasis,
    customers: Customers,
) -> None:
    """After every kind of change, to the last byte."""
    done = filled.__dict__.setdefault("changes", [])
    if change_to not in done:
        filled.run(lambda backend: change(backend, change_to))
        done.append(change_to)
    report = REGISTRY.reports[name]
    start, end = bounds
    request = ReportRequest(report, customers, start, end, report.report.Parameters(), basis, staff=True)
    by = next(iter(report.report.columns))
    pairs = zip(statements(request, by), statements(replace(request, report=TWINS[name]), by), strict=True)
    for rolled, plain in pairs:
        assert filled.run(lambda backend, asked=rolled: answer(backend, asked)) == filled.run(  # type: ignore[misc]
            lambda backend, asked=plain: answer(backend, asked)  # type: ignore[misc]
        )


@pytest.mark.parametrize("customers", WHOSE, ids=str)
@pytest.mark.parametrize("name", KEPT)
@pytest.mark.parametrize("minutes", [0, 17])
def test_a_long_range_is_read_from_the_rollup(
    busy: EmbeddedStore, name: str, minutes: int, customers: Customers
) -> None:
    """For all columns that are sums, for days in a timeline, and for a filter on keys; for percentiles it is not."""
    report = REGISTRY.reports[name]
    start, end = START + timedelta(minutes=minutes), START + timedelta(days=DAYS)
    request = ReportRequest(report, customers, start, end, report.report.Parameters(), CountingBasis.CALL, staff=True)
    for statement in statements(request, next(iter(report.report.columns))):
        if "buckets" in statement.parameters and "n" not in statement.parameters:
            continue  # the hours of Kathmandu begin at a quarter to
        found = busy.run(lambda backend, asked=statement: plan(backend, asked))  # type: ignore[misc]
        assert f"ReadFromMergeTree ({statement.rollup})" in found, statement.sql


def test_no_rollup_is_weighed_by_what_reads_none(busy: EmbeddedStore) -> None:
    """The same statement without its name reads the calls; a short range has none."""
    report = REGISTRY.reports["GROUP_BY_TECH_PREFIX"]
    parameters = report.report.Parameters()
    request = ReportRequest(
        report, Customers.of("1001"), START, START + timedelta(days=DAYS), parameters, CountingBasis.CALL, True
    )
    rows, *_ = statements(request, "tech_prefix")
    nameless = replace(rows, rollup=None)
    assert "ReadFromMergeTree (rollup_" not in busy.run(lambda backend: plan(backend, nameless))
    short, *_ = statements(replace(request, end=START + timedelta(hours=20)), "tech_prefix")
    assert short.rollup is None


async def plan(backend: Backend, statement: Statement) -> str:
    explained = replace(statement, sql=f"EXPLAIN projections = 1 {statement.sql}", customers=None)
    found = await backend.fetch_json(explained)
    return "\n".join(row["explain"] for row in orjson.loads(found.json))


def test_a_day_is_found_among_the_hours_of_a_customer(engine: Engine, tmp_path: Any) -> None:
    """Where there are many others: 1001 has 20 calls of 40 prefixes in each of 240 hours; a granule is 2,048 sums."""
    store = EmbeddedStore(engine, tmp_path / "store")

    async def filled(backend: Backend) -> None:
        async with backend.session() as session:
            await session.command(
                Statement("""
                INSERT INTO cdr (callid, sign, customer_id, dt, tech_prefix)
                SELECT toString(number), 1, if(number < 192000, '1001', concat('c', toString(intDiv(number, 100)))),
                    toDateTime64('2025-11-01 00:00:00', 3, 'UTC') + toIntervalHour(number % 240),
                    toString(intDiv(number, 240) % 40)
                FROM numbers(400000)
                """)
            )

    store.run(filled)
    report = REGISTRY.reports["GROUP_BY_TECH_PREFIX"]
    start = datetime(2025, 11, 5, tzinfo=UTC)
    parameters = report.report.Parameters()
    day = ReportRequest(
        report, Customers.of("1001"), start, start + timedelta(days=1), parameters, CountingBasis.CALL, staff=True
    )
    statement = rows.rows(day, Selection.all(day.columns))
    [read] = store.run(lambda backend: readings(backend, statement))
    assert read.is_rollup
    assert read.granules <= 2


class Hours(Report):
    """Calls by hour."""

    rollup = True
    hour = dimension(func.toHour(cdr.c.dt), "Hour")
    calls = measure(attempts, "Calls")


class Changing(Hours):
    """Calls by a key that changes with the numbering data."""

    place = dimension(func.dictGet("rate_center", "state", cdr.c.dest_nanp), "State")


class Former(Hours):
    """An earlier version of the report."""

    account = dimension(cdr.c.account, "Account")


class ChangingSum(Hours):
    """Calls that are counted by what changes with the numbering data."""

    known = measure(count(func.dictHas("rate_center", cdr.c.dest_nanp), "calls with a rate center"), "Known")


class Recent(Hours):
    """Calls that are counted by SQL text, in which nobody looks for what changes."""

    recent = measure(count(literal_column("dt > now() - 60"), "calls of the last minute"), "Recent")


@pytest.mark.parametrize(
    ("report", "reason"),
    [
        (Changing, "Changing has a key or a sum with dictGet, which may change"),
        (ChangingSum, "ChangingSum has a key or a sum with dictHas, which may change"),
        (Recent, "Recent calls a function in SQL text"),
    ],
)
def test_what_may_change_has_no_rollup(report: type[Report], reason: str) -> None:
    with pytest.raises(PluginError, match=reason):
        rollup_of("HOURS", report())


class Overriding(Hours):
    """Calls by hour, by a statement of its own."""

    def statement(self, scope: Scope) -> Select[Any]:
        return super().statement(scope)


def test_a_statement_of_its_own_has_no_rollup() -> None:
    with pytest.raises(PluginError, match="Overriding overrides `statement`"):
        rollup_of("HOURS", Overriding())


def test_a_new_version_of_a_report_takes_the_place_of_the_former(engine: Engine, tmp_path: Any) -> None:
    store = EmbeddedStore(engine, tmp_path / "store")
    former, now = rollup_of("HOURS", Former()), rollup_of("HOURS", Hours())

    async def kept(backend: Backend) -> set[str]:
        found = orjson.loads(await answer(backend, Statement(definition().rollups_query)))
        return {each["name"] for each in found}

    before = store.run(kept)
    for version in (former, former, now):
        there = store.run(kept)
        for statement in rollup_statements(Topology(), [version], there):
            store.run(lambda backend, sql=statement: change(backend, sql))  # type: ignore[misc]
        assert store.run(kept) == {*before, version.name}

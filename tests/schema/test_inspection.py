"""What the store says of a report's statements before the server answers: nothing is accepted that cannot work."""

import asyncio
import json
import logging
import os
from pathlib import Path
from types import MappingProxyType
from typing import Any

import orjson
import pytest
from clickhouse_connect.cc_sqlalchemy.datatypes.sqltypes import DateTime64, Int8, String
from clickhouse_connect.cc_sqlalchemy.ddl.tableengine import MergeTree
from clickhouse_connect.cc_sqlalchemy.dialect import ClickHouseDialect
from sqlalchemy import Column, MetaData, Select, Table, cast, func, literal_column, select
from sqlalchemy import types as sqltypes
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

from gqlreports.backends.base import Backend, Statement
from gqlreports.backends.embedded.backend import EmbeddedBackend
from gqlreports.errors import PluginError, StoreUnavailable
from gqlreports.plugins import (
    COUNT,
    FLAG,
    MOMENT,
    MONEY,
    TEXT,
    Fact,
    Report,
    ReportParameters,
    Scope,
    attempts,
    cdr,
    count,
    dimension,
    measure,
    total,
    whole,
)
from gqlreports.plugins.registry import OWN, RegisteredReport, Registry
from gqlreports.schema.inspection import inspected
from gqlreports.store.definition import ROLLUPS_THERE, definition
from tests.conftest import ROOT, WHOLE_STORES
from tests.plugins.test_registry import COLUMNS, Shelf, broken
from tests.plugins.test_registry import GOOD as GOOD_PLUGIN
from tests.support import sites
from tests.support.processes import serving
from tests.support.sites import Engine
from tests.support.stores import EmbeddedStore, Store


class Base(Report):
    """A report that works."""

    account = dimension(cdr.c.account, "Account")
    calls = measure(attempts, "Calls")


def of_key(key: Any, type: Any = TEXT) -> type[Report]:
    class Broken(Base):
        place = dimension(key, "Place", type=type)

    return Broken


def of_figure(expression: Any, type: Any, nullable: bool = False) -> type[Report]:
    class Broken(Base):
        size = measure(whole(expression, type, "a size", nullable), "Size")

    return Broken


class Ungrouped(Base):
    def statement(self, scope: Scope) -> Select[Any]:
        return select(*(scope.expression(each).label(each.name) for each in scope.columns))


class Reaching(Base):
    def statement(self, scope: Scope) -> Select[Any]:
        return super().statement(scope).where(literal_column("account IN (SELECT name FROM system.tables)"))


class WrongCondition(Base):
    def where(self, parameters: object) -> Any:
        return literal_column("nonsense") > literal_column("1")


class AtTimes(ReportParameters):
    by_switch: bool = False


class FailsAtTimes(Base):
    Parameters = AtTimes

    switch = dimension(
        func.nonsense(cdr.c.switch),
        "Switch",
        when="by_switch",
        otherwise=whole(func.min(cdr.c.switch), TEXT, "the first switch", nullable=True),
    )


class WrongRollup(Base):
    rollup = True

    size = measure(total(func.length(cdr.c.duration), "lengths"), "Size")


class OfOneDialect(FunctionElement[Any]):
    """SQL that can be printed for any dialect but ClickHouse's."""

    name = "of_one_dialect"
    type = sqltypes.String()
    inherit_cache = True


@compiles(OfOneDialect)
def _printed(element: OfOneDialect, compiler: object, **options: object) -> str:
    return "1"


@compiles(OfOneDialect, ClickHouseDialect.name)
def _fails(element: OfOneDialect, compiler: object, **options: object) -> str:
    raise ZeroDivisionError("of the author")


message = Table(
    "message",
    MetaData(),
    Column("sent_at", DateTime64(3, "UTC")),
    Column("customer_id", String),
    Column("sign", Int8),
    MergeTree(order_by="sent_at"),
    info={"reports_read": True},
)


class Messages(Report):
    fact = Fact(
        message, message.c.sent_at, message.c.customer_id, (message.c.sent_at,), message.c.sign, message.c.sent_at, ()
    )
    sent_at = dimension(message.c.sent_at, "Time", type=MOMENT)
    sent = measure(count(None, "messages"), "Messages")


FAULTS = [
    pytest.param(
        of_key(literal_column("account ||| 1")),
        "column place of Broken fails in the store: Syntax error",
        "; mend its SQL text",
        id="syntax",
    ),
    pytest.param(
        of_key(func.max(cdr.c.switch)),
        "column place of Broken fails in the store: Aggregate function max(",
        "a key is made of one row: make it a measure, whole(...)",
        id="aggregate as key",
    ),
    pytest.param(
        Ungrouped,
        "its statement fails in the store: Column 'account' is not under aggregate function and not in GROUP BY keys; ",
        "group by it, or put it into an aggregate function",
        id="no GROUP BY",
    ),
    pytest.param(
        of_key(func.nonsense(cdr.c.switch)),
        "column place of Broken fails in the store: Function with name `nonsense` does not exist",
        "; mend its SQL",
        id="function",
    ),
    pytest.param(
        of_figure(func.max(literal_column("swich")), TEXT, True),
        "column size of Broken fails in the store: Unknown expression",
        "a report reads the columns of its fact",
        id="column in SQL text",
    ),
    pytest.param(
        of_key(func.splitByChar(literal_column("','"), cdr.c.switch)),
        "column place of Broken is declared TEXT, and its SQL gives Array(String)",
        "declare another type, or write cast(..., TEXT.sql)",
        id="list as text",
    ),
    pytest.param(
        of_key(cdr.c.branch_idx),
        "column place of Broken is declared TEXT, and its SQL gives UInt16",
        "cast(..., TEXT.sql)",
        id="number as text",
    ),
    pytest.param(
        of_key(cdr.c.pdd_out, COUNT),
        "column place of Broken is declared COUNT, and its SQL gives Nullable(UInt32), and it cannot be null",
        "write func.ifNull(..., 0)",
        id="null in a key",
    ),
    pytest.param(
        of_key(cdr.c.duration > literal_column("3"), FLAG),
        "column place of Broken is declared FLAG, and its SQL gives UInt8",
        "cast(..., FLAG.sql)",
        id="comparison as flag",
    ),
    pytest.param(
        of_key(func.toDate(cdr.c.dt), MOMENT),
        "column place of Broken is declared MOMENT, and its SQL gives Date",
        "cast(..., MOMENT.sql)",
        id="date as moment",
    ),
    pytest.param(
        of_figure(func.max(func.toFloat64(cdr.c.customer_charge)), MONEY),
        "column size of Broken is declared MONEY, and its SQL gives Float64",
        "cast(..., MONEY.sql)",
        id="float as money",
    ),
    pytest.param(
        of_figure(func.max(cdr.c.pdd_out), COUNT),
        "column size of Broken is declared COUNT, and its SQL gives Nullable(UInt32), and it cannot be null",
        "func.ifNull(..., 0)",
        id="null in a figure",
    ),
    pytest.param(
        WrongCondition, "its statement fails in the store: Unknown expression", "the columns of its fact", id="where"
    ),
    pytest.param(
        FailsAtTimes,
        "column switch of FailsAtTimes fails in the store: Function with name `nonsense` does not exist",
        "mend its SQL",
        id="key at times",
    ),
    pytest.param(WrongRollup, "column size of WrongRollup fails in the store: ", "; mend its SQL", id="rollup"),
    pytest.param(
        Reaching,
        "its statement fails in the store: This report reaches for more than its customers' calls: ",
        "a report reads its fact, did, numbering",
        id="reach",
    ),
    pytest.param(
        of_key(OfOneDialect()),
        "it cannot be served (ZeroDivisionError: of the author; test_inspection.py, line ",
        ")",
        id="code",
    ),
    pytest.param(Messages, "its statement fails in the store: ", "; mend its SQL", id="no table"),
]
GOOD = [
    pytest.param(of_key(cast(cdr.c.branch_idx, TEXT.sql)), id="cast"),
    pytest.param(of_key(cast(cdr.c.duration > literal_column("3"), FLAG.sql), FLAG), id="flag"),
    pytest.param(of_key(cdr.c.sip_code, COUNT), id="smaller number"),
    pytest.param(of_key(func.toStartOfHour(cdr.c.dt), MOMENT), id="hour"),
    pytest.param(of_figure(func.max(cdr.c.pdd_out), COUNT, True), id="null where it may be"),
]


@pytest.fixture(scope="module", params=WHOLE_STORES)
def one_store(request: pytest.FixtureRequest, engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Store:
    """A store for all tests of this file, since none writes to it."""
    if request.param == "embedded":
        return EmbeddedStore(engine, tmp_path_factory.mktemp("inspected") / "store")
    found: Store = request.getfixturevalue("served_store")
    return found


def registry_of(report: type[Report]) -> Registry:
    added = {
        "BROKEN": RegisteredReport("BROKEN", report(), "shelf-broken"),
        "GOOD": RegisteredReport("GOOD", Base(), "shelf-good"),
    }
    return Registry(MappingProxyType({**sites.REGISTRY.reports, **added}))


@pytest.mark.parametrize(("report", "begins", "mend"), FAULTS)
def test_what_cannot_work_is_left_out(
    one_store: Store, caplog: pytest.LogCaptureFixture, report: type[Report], begins: str, mend: str
) -> None:
    """Package, class, column and mend are named, and all others stay."""
    registry = registry_of(report)
    found = one_store.run(lambda backend: inspected(registry, backend))
    assert set(found.reports) == {*sites.REGISTRY.reports, "GOOD"}
    [refused] = found.refused
    assert refused.error.startswith(f"shelf-broken: BROKEN = {report.__module__}:{report.__qualname__}: {begins}")
    assert mend in refused.error
    assert "\n" not in refused.error
    assert f"A report plugin is left out. {refused.error}" in caplog.messages
    with pytest.raises(PluginError) as raised:
        one_store.run(lambda backend: inspected(registry, backend, strict=True))
    assert str(raised.value) == refused.error


@pytest.mark.parametrize("report", GOOD)
def test_what_works_stays(one_store: Store, report: type[Report]) -> None:
    registry = registry_of(report)
    assert one_store.run(lambda backend: inspected(registry, backend)) is registry


def test_shipped_reports_work_on_every_store(store: Store, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        assert store.run(lambda backend: inspected(sites.REGISTRY, backend, strict=True)) is sites.REGISTRY
    assert caplog.messages == []


def test_a_shipped_report_is_never_left_out(one_store: Store, caplog: pytest.LogCaptureFixture) -> None:
    """If it does not work, the store is at fault, which may pass."""
    report = of_key(func.nonsense(cdr.c.switch))
    registry = Registry(MappingProxyType({"BROKEN": RegisteredReport("BROKEN", report(), OWN)}))
    assert one_store.run(lambda backend: inspected(registry, backend)) is registry
    assert any("The report BROKEN does not work in this store: column place" in each for each in caplog.messages)


def test_a_store_that_is_gone_is_no_fault_of_a_report(one_store: Store) -> None:
    async def closed(backend: Backend) -> None:
        await backend.close()
        await inspected(sites.REGISTRY, backend)

    with pytest.raises(StoreUnavailable):
        one_store.run(closed)
    one_store.reopen()


def test_a_rollup_that_cannot_be_made_leaves_the_store_open(
    tmp_path: Path, engine: Engine, caplog: pytest.LogCaptureFixture
) -> None:
    """The report is told at start; until then the store works, and other reports have their rollups."""
    engine.close()
    registry = registry_of(WrongRollup)

    async def found(backend: Backend) -> tuple[Registry, set[str]]:
        try:
            remaining = await inspected(registry, backend)
            kept = orjson.loads((await backend.fetch_json(Statement(ROLLUPS_THERE))).json)
            return remaining, {row["name"] for row in kept}
        finally:
            await backend.close()

    remaining, kept = asyncio.run(found(EmbeddedBackend(tmp_path / "store", definition(registry))))
    assert set(remaining.reports) == {*sites.REGISTRY.reports, "GOOD"}
    assert kept == {each.name for each in sites.REGISTRY.rollups}
    assert any("The store cannot make the rollup of the report BROKEN." in each for each in caplog.messages)


@pytest.mark.processes
def test_a_server_starts_without_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The log and the list of reports name it; the server answers, and `--strict` ends it."""
    (tmp_path / "plugins").mkdir()
    [shelf] = Shelf.of(tmp_path / "plugins", monkeypatch)
    shelf.install("shelf-good", GOOD_PLUGIN, GOOD="shelf_good:Good")
    source = broken(f"{COLUMNS}\n    parts = dimension(func.splitByChar('-', cdr.c.switch), '')")
    shelf.install("shelf-broken", source, BROKEN="shelf_broken:Broken")
    monkeypatch.setenv("GQLREPORTS_HOME", str(tmp_path / "home"))
    assert shelf.command("migrate").returncode == 0
    fault = (
        "shelf-broken: BROKEN = shelf_broken:Broken: column parts of Broken is declared TEXT, and its SQL gives "
        "Array(String); declare another type, or write cast(..., TEXT.sql)"
    )
    listed = shelf.command("reports")
    assert (listed.returncode, listed.stderr) == (1, f"A report plugin is left out. {fault}\n")
    assert f"left out: {fault}" in listed.stdout
    assert "shelf-good" in listed.stdout
    for words in (("reports", "--strict"), ("serve", "--strict", "--port", "0")):
        strict = shelf.command(*words)
        assert (strict.returncode, strict.stdout, strict.stderr) == (1, "", f"error: {fault}\n")
    variables = {"GQLREPORTS_HOME": str(tmp_path / "home"), "PYTHONPATH": f"{shelf.folder}{os.pathsep}{ROOT}"}
    with serving(tmp_path, variables) as server:
        events = [json.loads(line)["event"] for line in server.log.read_text().splitlines()]
    assert events[0] == f"A report plugin is left out. {fault}"
    assert [each for each in events if "BROKEN" in each] == events[:1]

"""Migrations: from nothing, from an earlier store, again, by two at once; and what a cluster would be told."""

import asyncio
import secrets
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pytest
from clickhouse_connect.cc_sqlalchemy.dialect import ClickHouseDialect
from sqlalchemy.schema import CreateTable

from gqlreports.backends.base import Backend, Statement
from gqlreports.backends.embedded.backend import EmbeddedBackend
from gqlreports.errors import InvalidInput, StoreError
from gqlreports.store.definition import EMBEDDED, MIGRATIONS, Migration, StoreDefinition, definition
from gqlreports.store.migrate import migrate, rehearse
from gqlreports.store.topology import Topology
from gqlreports.tables import DICTIONARIES, cdr, did, metadata, numbering
from tests.support.sites import Engine
from tests.support.stores import ServedStore, Store, command, drop

GOLDEN = Path(__file__).parent / "golden"
CLUSTER = Topology("reports", "main", "loader", "[HIDDEN]")
COLUMNS = f"""
SELECT table, name, type, default_expression FROM system.columns
WHERE database = currentDatabase() AND table NOT IN {DICTIONARIES} ORDER BY table, position
"""


async def rows(backend: Backend, sql: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = orjson.loads((await backend.fetch_json(Statement(sql))).json)
    return found


def new_placed(served: ServedStore) -> tuple[ServedStore, Topology]:
    """An empty database beside another."""
    database = f"test_{secrets.token_hex(6)}"
    command(served.url, f"CREATE DATABASE {database}")
    return replace(served, database=database), Topology(database)


def test_a_store_has_the_tables_that_the_reports_know(whole_store: Store) -> None:
    """What the migrations made in steps is what `tables` says."""
    found = whole_store.run(lambda backend: rows(backend, COLUMNS))
    kinds = ClickHouseDialect().type_compiler_instance
    expected = [
        (table.name, column.name, kinds.process(column.type), bool(column.server_default))
        for table in sorted(metadata.sorted_tables, key=lambda each: each.name)
        for column in table.columns
    ]
    assert [(row["table"], row["name"], row["type"], bool(row["default_expression"])) for row in found] == expected


def test_a_migration_is_recorded_once(whole_store: Store) -> None:
    recorded = whole_store.run(
        lambda backend: rows(backend, "SELECT number, name, cluster FROM migration ORDER BY number")
    )
    assert recorded == [{"number": each.number, "name": each.name, "cluster": ""} for each in MIGRATIONS]


def test_numbers_count_up_from_one() -> None:
    assert [each.number for each in MIGRATIONS] == list(range(1, len(MIGRATIONS) + 1))


def test_again_there_is_nothing_to_do(served_store: ServedStore) -> None:
    placement = Topology(served_store.database, served_store.cluster)
    upgrade = served_store.run(lambda backend: migrate(backend, placement))
    assert upgrade.pending == []
    test_a_migration_is_recorded_once(served_store)


def test_a_rehearsal_changes_nothing(served_store: ServedStore) -> None:
    empty, placement = new_placed(served_store)
    unchecked = Unchecked(empty)
    first = unchecked.run(lambda backend: rehearse(backend, placement))
    assert first.pending == [f"{each.number} ({each.name})" for each in MIGRATIONS]
    assert unchecked.run(lambda backend: rehearse(backend, placement)) == first
    assert unchecked.run(lambda backend: rows(backend, COLUMNS)) == []
    drop(empty)


class Unchecked:
    """A store whose migrations nobody asks for."""

    def __init__(self, store: ServedStore) -> None:
        self._store = store

    def run(self, work: Any) -> Any:
        async def opened() -> Any:
            backend = self._store.unchecked()
            try:
                return await work(backend)
            finally:
                await backend.close()

        return asyncio.run(opened())


@pytest.mark.processes
def test_two_processes_at_once(served_store: ServedStore) -> None:
    empty, _ = new_placed(served_store)
    command_line = [sys.executable, "-c", "from gqlreports.cli import app; app()", "migrate"]
    url = f"{empty.url}/{empty.database}"
    both = [
        subprocess.Popen([*command_line, "--store", url], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    outcomes = [(*process.communicate(timeout=60), process.returncode) for process in both]
    assert [(errors, code) for _, errors, code in outcomes] == [("", 0), ("", 0)]
    test_a_store_has_the_tables_that_the_reports_know(empty)
    recorded = empty.run(lambda backend: rows(backend, "SELECT DISTINCT number FROM migration ORDER BY number"))
    assert [row["number"] for row in recorded] == [each.number for each in MIGRATIONS]
    drop(empty)


def test_a_step_that_failed_is_taken_again(served_store: ServedStore) -> None:
    """The steps before it are recorded, and it is not."""
    empty, placement = new_placed(served_store)
    steps = (*MIGRATIONS, Migration(99, "later", lambda placed: ["CREATE TABLE later (a Int8) ENGINE = None"]))

    async def run_all(backend: Backend) -> None:
        async with backend.session() as session:
            for statement in (
                *StoreDefinition(placement).record,
                *StoreDefinition(placement, steps).statements([]),
            ):
                await session.command(Statement(statement))

    async def attempted(backend: Backend) -> list[str]:
        with pytest.raises(StoreError):
            await run_all(backend)
        applied = {row["number"] for row in await rows(backend, "SELECT number FROM migration")}
        return StoreDefinition(placement, steps).pending(applied)

    assert Unchecked(empty).run(attempted) == ["99 (later)"]
    drop(empty)


def test_an_embedded_store_from_before_is_taken_over(engine: Engine, tmp_path: Path) -> None:
    """One made before there was a record of migrations keeps its calls."""

    class Before:
        """What a store had then."""

        record: tuple[str, ...] = ()
        record_query = "SELECT 0"
        applied_query = "SELECT 0, '' WHERE 0"
        rollups_query = "SELECT '' WHERE 0"

        def pending(self, applied: object) -> list[str]:
            return []

        def lacking(self, kept: object) -> list[str]:
            return []

        def statements(self, applied: object) -> list[str]:
            dialect = ClickHouseDialect()
            create = [
                str(CreateTable(each, if_not_exists=True).compile(dialect=dialect)) for each in (cdr, did, numbering)
            ]
            return [*create, "INSERT INTO cdr (callid, customer_id, sign) VALUES ('kept', '1', 1)"]

        def rollup_statements(self, kept: object) -> dict[str, list[str]]:
            return {}

    async def calls(backend: EmbeddedBackend) -> list[dict[str, Any]]:
        await backend.open()
        found = await rows(backend, "SELECT callid FROM cdr")
        await backend.close()
        return found

    engine.close()
    assert asyncio.run(calls(EmbeddedBackend(tmp_path / "store", Before()))) == [{"callid": "kept"}]
    assert asyncio.run(calls(EmbeddedBackend(tmp_path / "store", definition()))) == [{"callid": "kept"}]
    assert asyncio.run(calls(EmbeddedBackend(tmp_path / "store", definition()))) == [{"callid": "kept"}]
    backend = engine.open(tmp_path / "store")
    assert asyncio.run(rows(backend, "SELECT number FROM migration ORDER BY number")) == [
        {"number": each.number} for each in MIGRATIONS
    ]


def test_what_a_cluster_is_told(store: Store) -> None:
    """No cluster can be had here: ClickHouse's parser takes each statement, and a person reviews them."""

    async def formatted(backend: Backend) -> list[str]:
        told = [*StoreDefinition(CLUSTER).record, *StoreDefinition(CLUSTER).statements([])]
        return [(await rows(backend, f"SELECT formatQuery($sql${each}$sql$) AS sql"))[0]["sql"] for each in told]

    text = "".join(f"{statement};\n\n" for statement in store.run(formatted))
    assert text == (GOLDEN / "cluster.sql").read_text()


def test_a_store_stays_where_it_was_made(served_store: ServedStore) -> None:
    if served_store.cluster is None:
        with pytest.raises(InvalidInput, match="on one server"):
            served_store.run(lambda backend: migrate(backend, Topology(served_store.database, "other")))
    for name in ("a b", "x'; DROP TABLE cdr", ""):
        with pytest.raises(InvalidInput, match="no name of a cluster"):
            Topology(cluster=name)
    assert EMBEDDED.on_cluster == ""

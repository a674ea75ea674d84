"""Corrected CDRs: a row takes the place of the one with its key, whole, at once, and again to no effect."""

import asyncio
import csv
import subprocess
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from gqlreports.backends.base import Backend, Statement
from gqlreports.store.load_cdrs import load_cdrs
from gqlreports.store.load_counts import LoadCounts
from tests.clickhouse.server import ClickHouse
from tests.conftest import STORES
from tests.store.test_load_cdrs import Row, as_csv, as_json, cdr_row
from tests.store.test_survival import COMMAND, MONTHS, closed_engine, environment
from tests.support.killing import killed
from tests.support.sites import Engine, nothing
from tests.support.stores import ClusterStore, EmbeddedStore, Store, command, drop, new_cluster_database, new_database

pytestmark = pytest.mark.thorough

__all__ = ["closed_engine"]
CALLS = [cdr_row(number) for number in range(4)]
CHANGED = cdr_row(1, customer_charge="9.5", customer_card_currency="EUR", pdd_out="")
ROWS = 4000


def load(store: Store, path: Path, rows: list[Row], replace: bool = True, text: bytes | None = None) -> LoadCounts:
    file = path / "cdrs"
    file.write_bytes(text or as_csv(rows))
    return store.run(lambda backend: load_cdrs(backend, str(file), nothing, replace))


def ledger(store: Store, sql: str) -> list[tuple[Any, ...]]:
    async def found(backend: Backend) -> list[tuple[Any, ...]]:
        async with backend.session() as session:
            return [tuple(row) for row in await session.query(Statement(sql))]

    return store.run(found)


def holds(store: Store) -> list[tuple[str, Decimal, str]]:
    """What holds of each call, by a sum over the ledger."""
    return ledger(
        store,
        "SELECT callid, customer_charge, customer_card_currency FROM cdr "
        "GROUP BY ALL HAVING sum(sign) > 0 ORDER BY callid",
    )


@pytest.fixture(scope="module")
def served(server_url: str) -> Iterator[Store]:
    made = new_database(server_url)
    yield made
    drop(made)


@pytest.fixture(scope="module")
def on_two(cluster: list[ClickHouse]) -> Store:
    return new_cluster_database(cluster)


@pytest.fixture(scope="module")
def embedded(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Store:
    return EmbeddedStore(engine, tmp_path_factory.mktemp("corrections") / "store")


@pytest.fixture(params=STORES)
def store(request: pytest.FixtureRequest) -> Iterator[Store]:
    """An empty one."""
    name = {"embedded": "embedded", "server": "served", "cluster": "on_two"}[request.param]
    made: Store = request.getfixturevalue(name)
    yield made
    if isinstance(made, ClusterStore):
        for server in made.servers:
            command(server.url(made.database), "TRUNCATE TABLE cdr_local")
    else:
        made.run(lambda backend: _command(backend, "TRUNCATE TABLE cdr"))


def test_a_row_takes_the_place_of_the_one_with_its_key(store: Store, tmp_path: Path) -> None:
    own = Decimal("0.12345678")
    assert load(store, tmp_path, CALLS, replace=False) == LoadCounts(added=4)
    late = cdr_row(77, dt="2019-01-05 00:00:00")
    assert load(store, tmp_path, [CALLS[0], CHANGED, late]) == LoadCounts(added=1, corrected=1, there_before=1)
    others = [("call-0", own, "USD"), ("call-2", own, "USD"), ("call-3", own, "USD"), ("call-77", own, "USD")]
    assert holds(store) == sorted([*others, ("call-1", Decimal("9.5"), "EUR")])
    rows = ledger(
        store, "SELECT sign, customer_charge, pdd_out FROM cdr WHERE callid = 'call-1' ORDER BY loaded_at, sign"
    )
    assert rows == [(1, own, 900), (-1, own, 900), (1, Decimal("9.5"), None)]
    assert load(store, tmp_path, [CALLS[0], CHANGED, late]) == LoadCounts(there_before=3)
    assert load(store, tmp_path, [CALLS[1]]) == LoadCounts(corrected=1)
    assert ("call-1", own, "USD") in holds(store)


def test_both_versions_change_places_in_one_part(store: Store, tmp_path: Path) -> None:
    """A part appears whole: no reader sees the call twice or not at all."""
    load(store, tmp_path, CALLS, replace=False)
    load(store, tmp_path, [cdr_row(number, customer_charge="1") for number in range(4)])
    sql = "SELECT shardNum() AS shard, _part, sum(sign), count() FROM cdr GROUP BY ALL ORDER BY shard, count()"
    parts = [tuple(each[2:]) for each in ledger(store, sql)]
    of_shards = list(zip(parts[::2], parts[1::2], strict=True))
    assert of_shards == [((calls, calls), (0, 2 * calls)) for (calls, _), _ in of_shards]
    assert sum(calls for (calls, _), _ in of_shards) == 4


def test_what_the_file_does_not_tell_stays(store: Store, tmp_path: Path) -> None:
    load(store, tmp_path, [cdr_row(0, sip_code="200", duration="0"), cdr_row(1)], replace=False)
    untold = ("sip_code", "sip_reason", "pdd_out", "provider_id", "source_ip")
    full = [cdr_row(number, customer_charge="3", duration="0") for number in range(3)]
    rows = [{name: text for name, text in row.items() if name not in untold} for row in full]
    assert load(store, tmp_path, rows, text=as_json(rows)) == LoadCounts(added=1, corrected=2)
    kept = ledger(
        store,
        "SELECT callid, customer_charge, answered, sip_code, pdd_out, provider_id FROM cdr "
        "GROUP BY ALL HAVING sum(sign) > 0 ORDER BY callid",
    )
    assert kept == [
        ("call-0", Decimal(3), True, 200, 900, "3"),
        ("call-1", Decimal(3), True, 200, 900, "3"),
        ("call-2", Decimal(3), False, 0, None, ""),
    ]


def test_of_rows_with_one_key_the_last_counts(store: Store, tmp_path: Path) -> None:
    load(store, tmp_path, CALLS, replace=False)
    rows = [cdr_row(0, customer_charge=charge) for charge in ("5", "6", "7")]
    assert load(store, tmp_path, rows) == LoadCounts(corrected=1, repeated=2)
    assert holds(store)[0] == ("call-0", Decimal(7), "USD")


def test_a_call_moves_within_its_month_and_no_further(store: Store, tmp_path: Path) -> None:
    """A correction in two months would be seen in parts."""
    load(store, tmp_path, [cdr_row(0, dt="2025-11-01 00:30:00"), cdr_row(1)], replace=False)
    rows = [cdr_row(0, dt="2025-10-31 23:30:00"), cdr_row(1, dt="2025-11-02 07:00:00")]
    assert load(store, tmp_path, rows) == LoadCounts(corrected=1, rejected=1)
    assert [row[0] for row in holds(store)] == ["call-0", "call-1"]
    [rejected] = list(csv.reader((tmp_path / "cdrs.rejects.csv").read_text().splitlines()))[1:]
    assert rejected[:2] == ["2", "starts in another month than the call it corrects"]


def test_a_call_that_stands_there_twice_is_corrected_as_one(store: Store, tmp_path: Path) -> None:
    load(store, tmp_path, CALLS, replace=False)
    store.run(lambda backend: _command(backend, "INSERT INTO cdr SELECT * FROM cdr WHERE callid = 'call-2'"))
    assert load(store, tmp_path, [CALLS[2]]) == LoadCounts(corrected=1)
    assert ledger(store, "SELECT sum(sign) FROM cdr WHERE callid = 'call-2'") == [(1,)]


async def _command(backend: Backend, sql: str) -> None:
    async with backend.session() as session:
        await session.command(Statement(sql))


def test_a_correction_that_is_killed(closed_engine: Engine, tmp_path: Path) -> None:
    """Between two months each call is there once, with its old charge or the new one; again makes all new."""
    home = tmp_path / "home"
    for name, charge in (("old", "1"), ("new", "2")):
        rows = [
            cdr_row(number, dt=f"{MONTHS[number % 3]}-02 06:00:00", customer_charge=charge) for number in range(ROWS)
        ]
        (tmp_path / f"{name}.csv").write_bytes(as_csv(rows))
    subprocess.run([*COMMAND, str(tmp_path / "old.csv")], env=environment(home), check=True, capture_output=True)
    correcting = [*COMMAND, "--replace", str(tmp_path / "new.csv")]
    killed(correcting, home / "store", 0, 1, environment(home))

    def charges() -> dict[tuple[str, Decimal], int]:
        async def found(backend: Backend) -> dict[tuple[str, Decimal], int]:
            sql = (
                "SELECT formatDateTime(dt, '%Y-%m') AS month, customer_charge, sum(sign) FROM cdr "
                "GROUP BY ALL HAVING sum(sign) != 0"
            )
            async with backend.session() as session:
                return {(month, charge): number for month, charge, number in await session.query(Statement(sql))}

        counted = asyncio.run(found(closed_engine.open(home / "store")))
        closed_engine.close()
        return counted

    between = charges()
    of_month = {month: len(range(place, ROWS, 3)) for place, month in enumerate(MONTHS)}
    assert {month: number for (month, _), number in between.items()} == of_month
    assert len(between) == len(MONTHS)
    assert (MONTHS[0], Decimal(2)) in between
    subprocess.run(correcting, env=environment(home), check=True, capture_output=True)
    assert charges() == {(month, Decimal(2)): number for month, number in of_month.items()}

"""The second wall: whatever a report's statement reads, it finds the rows of its own customers, or is refused.

Each way round is also taken without the wall, where it must find another's rows: or it would be no way round.
"""

import asyncio
from collections.abc import Coroutine, Iterator
from pathlib import Path
from typing import Any, TypeVar

import orjson
import pytest

from gqlreports.backends.base import Backend, Customers, Statement
from gqlreports.backends.isolation import log_comment
from gqlreports.errors import StatementRefused
from tests.conftest import STORES
from tests.support.sites import Engine
from tests.support.stores import EmbeddedStore, ServedStore, Store

Result = TypeVar("Result")
OWN, SECOND, OTHER = "o'hara\\", "1003", "1002"
WHOSE = {"one": Customers.of(OWN), "several": Customers.of(OWN, SECOND)}
STORED = {"own": OWN, "second": SECOND, "other": OTHER}
ROWS = """
INSERT INTO cdr (dt, callid, switch, customer_id, dest_cli, sign)
SELECT toDateTime64('2025-11-03 09:00:00', 3, 'UTC'), 'wall-' || customer, 'sw', customer, '+1978', 1
FROM (SELECT arrayJoin([{own:String}, {second:String}, {other:String}]) AS customer)
"""
SETUP = (
    "DROP TABLE IF EXISTS merged",
    "DROP TABLE IF EXISTS buffered",
    "DROP TABLE IF EXISTS copied",
    "DROP VIEW IF EXISTS shown",
    "CREATE TABLE copied (customer_id String) ENGINE = MergeTree ORDER BY customer_id",
    "INSERT INTO copied SELECT customer_id FROM cdr",
    "CREATE TABLE merged (customer_id String) ENGINE = Merge(currentDatabase(), '^copied$')",
    "CREATE TABLE buffered AS cdr ENGINE = Buffer(currentDatabase(), cdr, 1, 10, 100, 10, 100, 10000, 1000000)",
    "CREATE VIEW shown AS SELECT customer_id FROM cdr",
)
BARE = "{database:Identifier}.cdr"

FILTERED = {
    "bare table": f"SELECT customer_id AS found FROM {BARE}",
    "by its name alone": "SELECT customer_id AS found FROM cdr",
    "alias": f"SELECT x.customer_id AS found FROM {BARE} AS x",
    "alias of another table": f"SELECT `default.did`.customer_id AS found FROM {BARE} AS `default.did`",
    "final and sample": f"SELECT customer_id AS found FROM {BARE} PREWHERE 1",
    "join": f"SELECT b.customer_id AS found FROM (SELECT 1 AS k) AS a JOIN (SELECT 1 AS k, * FROM {BARE}) AS b USING k",
    "cross join": f"SELECT b.customer_id AS found FROM numbers(1) AS a, {BARE} AS b",
    "subquery": f"SELECT found FROM (SELECT customer_id AS found FROM {BARE})",
    "scalar subquery": f"SELECT arrayJoin((SELECT groupUniqArray(customer_id) FROM {BARE})) AS found",
    "in a condition": f"SELECT c AS found FROM values('c String', '1002') WHERE c IN (SELECT customer_id FROM {BARE})",
    "table expression": f"WITH mine AS (SELECT * FROM {BARE}) SELECT customer_id AS found FROM mine",
    "union": f"SELECT '1' AS found WHERE 0 UNION ALL SELECT toString(customer_id) FROM {BARE}",
    "view()": f"SELECT customer_id AS found FROM view(SELECT customer_id FROM {BARE})",
    "another's id": f"SELECT customer_id AS found FROM {BARE} WHERE customer_id = '1002'",
    "the rows' own system columns": f"SELECT customer_id AS found FROM {BARE} WHERE _part != ''",
    "inventory": "SELECT customer_id AS found FROM {database:Identifier}.did",
}
REFUSED = {
    "merge()": "SELECT customer_id AS found FROM merge(currentDatabase(), '^cdr$')",
    "mergeTreeIndex()": "SELECT customer_id AS found FROM mergeTreeIndex(currentDatabase(), 'cdr')",
    "table of engine Buffer": "SELECT customer_id AS found FROM buffered",
    "table of engine Merge": "SELECT customer_id AS found FROM {database:Identifier}.merged",
    "copy": "SELECT customer_id AS found FROM copied",
    "copy right of IN": "SELECT c AS found FROM values('c String', '1002') WHERE c IN copied",
    "copy with database right of IN": (
        "SELECT c AS found FROM values('c String', '1002') WHERE c GLOBAL IN {database:Identifier}.copied"
    ),
    "dictionary as a table": "SELECT customer_id AS found FROM did_window",
    "system table": "SELECT '1002' AS found FROM system.parts LIMIT 1",
    "system table in a subquery": "SELECT '1002' AS found WHERE 1 IN (SELECT 1 FROM system.one)",
    "information schema": "SELECT '1002' AS found FROM information_schema.tables LIMIT 1",
    "file as a value": "SELECT '1002' AS found WHERE file('/etc/passwd') != ''",
    "file behind APPLY": "SELECT '1002' AS found FROM (SELECT * APPLY(file) FROM (SELECT '/etc/passwd' AS c))",
    "file under an alias": (
        "SELECT '1002' AS found FROM (SELECT file(c) AS `x\n TableIdentifier cdr`, c FROM (SELECT '/etc/passwd' AS c))"
        " WHERE `x\n TableIdentifier cdr` != ''"
    ),
}
IMPOSSIBLE = {
    "file()": "SELECT line AS found FROM file('/etc/passwd', 'LineAsString')",
    "url()": "SELECT line AS found FROM url('http://127.0.0.1:9/', 'LineAsString')",
    "remote()": "SELECT customer_id AS found FROM remote('127.0.0.1', currentDatabase(), cdr)",
    "dictionary()": "SELECT customer_id AS found FROM dictionary('did_window')",
    "loop()": "SELECT customer_id AS found FROM loop(currentDatabase(), 'cdr') LIMIT 10",
    "eval()": "SELECT customer_id AS found FROM eval('SELECT * FROM cdr')",
    "explain": "SELECT explain AS found FROM (EXPLAIN SELECT 1)",
    "own settings": f"SELECT customer_id AS found FROM {BARE} SETTINGS additional_table_filters = {{}}",
    "own settings in a subquery": f"SELECT found FROM (SELECT 1 AS found FROM {BARE} SETTINGS max_threads = 1)",
    "own format": f"SELECT customer_id AS found FROM {BARE} FORMAT Null",
    "into a file": f"SELECT customer_id AS found FROM {BARE} INTO OUTFILE '{{outfile}}'",
    "out of the parentheses": f"SELECT 1 AS found) SETTINGS max_threads = 1 -- FROM {BARE}",
    "second statement": f"SELECT 1 AS found; SELECT customer_id AS found FROM {BARE}",
    "setting": "SET additional_table_filters = {}",
    "kill": "KILL QUERY WHERE 1",
    "system": "SYSTEM STOP MERGES",
    "write": "INSERT INTO copied SELECT '1'",
    "drop": "DROP TABLE copied",
    "name as a parameter": "SELECT customer_id AS found FROM { customer : Identifier }",
}


def found(backend: Backend, sql: str, customers: Customers | None) -> Coroutine[Any, Any, set[str]]:
    async def asked() -> set[str]:
        statement = Statement(sql, {"customer": "copied"}, customers)
        return {row["found"] for row in orjson.loads((await backend.fetch_json(statement)).json)}

    return asked()


@pytest.fixture(scope="module", params=STORES)
def walled(request: pytest.FixtureRequest, engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """A store with a call of three customers each, and what an operator may have put beside the tables."""
    embedded = request.param == "embedded"
    store: Store
    if embedded:
        store = EmbeddedStore(engine, tmp_path_factory.mktemp("walled") / "store")
    else:
        served: ServedStore = request.getfixturevalue("served_store")
        store = served

    async def fill(backend: Backend) -> None:
        async with backend.session() as session:
            await session.command(Statement(ROWS, STORED))
            columns = "(customer_id, number, valid_from, valid_to, loaded_at)"
            numbers = (
                "SELECT arrayJoin([{own:String}, {second:String}, {other:String}]), '1978', "
                "toDateTime64(0, 3, 'UTC'), NULL, now64(6)"
            )
            await session.command(Statement(f"INSERT INTO did {columns} {numbers}", STORED))
            await session.command(Statement("SYSTEM RELOAD DICTIONARY did_window"))
            for sql in SETUP:
                await session.command(Statement(sql))

    async def clear(backend: Backend) -> None:
        async with backend.session() as session:
            for table in ("cdr", "did"):
                await session.command(Statement(f"TRUNCATE TABLE {table}"))
            for sql in SETUP[:4]:
                await session.command(Statement(sql))

    store.run(fill)
    yield store
    store.run(clear)


@pytest.mark.parametrize("whose", WHOSE)
@pytest.mark.parametrize("way", FILTERED)
def test_only_the_customers_own_rows_are_found(walled: Store, way: str, whose: str) -> None:
    asked = WHOSE[whose]
    without, behind = (walled.run(lambda backend, who=who: found(backend, FILTERED[way], who)) for who in (None, asked))  # type: ignore[misc]
    assert OTHER in without
    assert behind == {*asked.ids} or (behind == set() and "'1002'" in FILTERED[way])


@pytest.mark.parametrize("figure", ["count()", "countIf(toYYYYMM(dt) = 202511)", "uniqExact(customer_id)"])
def test_what_is_known_without_reading_rows_is_filtered_too(walled: Store, figure: str) -> None:
    """ClickHouse answers a count from its metadata where it can."""
    sql = f"SELECT toString({figure}) AS found FROM {BARE}"
    assert walled.run(lambda backend: found(backend, sql, None)) == {"3"}
    assert walled.run(lambda backend: found(backend, sql, WHOSE["several"])) == {"2"}
    assert walled.run(lambda backend: found(backend, sql, WHOSE["one"])) == {"1"}


@pytest.mark.parametrize("whose", WHOSE)
@pytest.mark.parametrize("way", REFUSED)
def test_what_no_filter_reaches_is_refused(walled: Store, way: str, whose: str) -> None:
    assert OTHER in walled.run(lambda backend: found(backend, REFUSED[way], None))
    with pytest.raises(StatementRefused):
        walled.run(lambda backend: found(backend, REFUSED[way], WHOSE[whose]))


@pytest.mark.parametrize("whose", WHOSE)
@pytest.mark.parametrize("way", IMPOSSIBLE)
def test_what_is_no_reports_business_is_refused(walled: Store, way: str, whose: str, tmp_path: Path) -> None:
    outfile = tmp_path / "outfile"
    with pytest.raises(StatementRefused):
        walled.run(lambda backend: found(backend, IMPOSSIBLE[way].replace("{outfile}", str(outfile)), WHOSE[whose]))
    assert not outfile.exists()
    assert walled.run(lambda backend: found(backend, "SELECT toString(count()) AS found FROM copied", None)) == {"3"}


def test_what_was_refused_is_refused_again(walled: Store) -> None:
    async def thrice(backend: Backend) -> None:
        for _ in range(3):
            with pytest.raises(StatementRefused):
                await found(backend, REFUSED["merge()"], WHOSE["one"])

    walled.run(thrice)


def test_a_stream_is_behind_the_wall_too(walled: Store) -> None:
    async def lines(backend: Backend, sql: str, whose: str = "one") -> list[str]:
        async with backend.stream(Statement(sql, {}, WHOSE[whose]), "JSONEachRow") as pieces:
            return sorted(
                orjson.loads(line)["found"] for line in b"".join([each async for each in pieces]).splitlines()
            )

    for whose, asked in WHOSE.items():
        assert walled.run(lambda backend, whose=whose: lines(backend, FILTERED["bare table"], whose)) == [*asked.ids]  # type: ignore[misc]
    with pytest.raises(StatementRefused):
        walled.run(lambda backend: lines(backend, REFUSED["merge()"]))


def test_many_customers_at_once_each_find_their_own(walled: Store) -> None:
    """More of them than connections are kept, twice over, and sets of them between."""
    alone = [(each,) for each in (OWN, OTHER, *(str(number) for number in range(70)))]
    sets = [*alone, (OWN, OTHER), (SECOND, OTHER), (OWN, SECOND, OTHER), *((OWN, each) for [each] in alone[2:])] * 2

    async def asked(backend: Backend) -> list[set[str]]:
        return await asyncio.gather(*(found(backend, FILTERED["bare table"], Customers.of(*ids)) for ids in sets))

    assert walled.run(asked) == [{*ids} & {OWN, SECOND, OTHER} for ids in sets]


@pytest.mark.parametrize("id", ["1001", "x" * 64])
def test_as_many_customers_as_a_report_may_have(walled: Store, id: str) -> None:
    """Their filter has a place in the connection's settings, however long their ids are."""
    many = Customers.of(OWN, SECOND, *(f"{id}-{number}"[-64:] for number in range(998)))
    assert walled.run(lambda backend: found(backend, FILTERED["bare table"], many)) == {OWN, SECOND}


def test_an_id_that_looks_like_a_list_of_ids_is_one_id() -> None:
    """A row policy reads a text that begins with a bracket as a list."""
    odd = '["1001"]'
    assert [log_comment(Customers.of(*ids)) for ids in (("1001",), ("1001", "1002"), (odd,))] == [
        "1001",
        '["1001","1002"]',
        orjson.dumps([odd]).decode(),
    ]

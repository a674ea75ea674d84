"""What every store does, alike: each test runs on the embedded one, alone and through its server, and over HTTP."""

import asyncio
import io
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import orjson
import pyarrow
import pytest

from gqlreports.backends.base import Backend, Limits, Session, Statement
from gqlreports.errors import (
    QueryTimeout,
    QueryTooLarge,
    ReportsError,
    StoreError,
    StoreUnavailable,
    UnreadableData,
)
from tests.conftest import STORES
from tests.support.sites import Engine
from tests.support.stores import EmbeddedStore, SharedStore, Store
from tests.support.waiting import PATIENCE

pytestmark = pytest.mark.thorough

LONG = Statement("SELECT count() AS n FROM numbers(1000000000000) WHERE sipHash64(number) = 1")
# Rows that reach the output before the query comes to its end: what chDB 4.4 hands to the next caller.
HALF = "SELECT number AS half FROM numbers(400000)"
NEXT = Statement("SELECT {text:String} AS answer", {"text": "clean"})
MINUTE = Limits(60)
AWKWARD = ["a\\b", "\\N", "a\nb", "a\\nb", "tab\t", "'", '"', "{x:String}", "é\u2028", "%s", "$x$", "\r\n--x", ""]


@pytest.fixture(params=[*STORES, "shared"])
def store(request: pytest.FixtureRequest, engine: Engine, tmp_path: Path) -> Store:
    """The same as for other tests, and an embedded store that a server has open."""
    if request.param in ("embedded", "shared"):
        return (EmbeddedStore if request.param == "embedded" else SharedStore)(engine, tmp_path / "store")
    found: Store = request.getfixturevalue("served_store" if request.param == "server" else "cluster_store")
    return found


async def rows(backend: Backend, statement: Statement) -> Any:
    return orjson.loads((await backend.fetch_json(statement)).json)


async def running(backend: Backend) -> int:
    """How many queries of these tests the engine runs."""
    statement = "SELECT count() AS n FROM system.processes WHERE query LIKE '%numbers(%' AND query NOT LIKE '%system.%'"
    number: int = (await rows(backend, Statement(statement)))[0]["n"]
    return number


async def until_nothing_runs(backend: Backend) -> None:
    async with asyncio.timeout(PATIENCE):
        while await running(backend):
            await asyncio.sleep(0.05)


async def fail(backend: Backend) -> None:
    with pytest.raises(StoreError):
        await backend.fetch_json(Statement(f"{HALF} WHERE throwIf(number = 390000, 'no') = 0"))


async def time_out(backend: Backend) -> None:
    with pytest.raises(QueryTimeout):
        await backend.fetch_json(Statement(f"{HALF} WHERE NOT ignore(sleepEachRow(0.00001))"))


async def cancel(backend: Backend) -> None:
    task = asyncio.ensure_future(
        backend.fetch_json(Statement(f"{HALF} UNION ALL SELECT n FROM ({LONG.sql}) WHERE n = 1"))
    )
    await asyncio.sleep(0.3)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


@pytest.mark.parametrize("spoil", [fail, time_out, cancel])
def test_nothing_of_a_failed_query_reaches_the_next_caller(
    store: Store, spoil: Callable[[Backend], Awaitable[None]]
) -> None:
    async def callers(backend: Backend) -> list[Any]:
        for _ in range(3):
            await spoil(backend)
        return [await rows(backend, NEXT) for _ in range(4)]

    assert store.run(callers, Limits(1)) == [[{"answer": "clean"}]] * 4


async def fail_in_a_stream(backend: Backend) -> None:
    # What ClickHouse can hold back until the failure never leaves it, so these rows are many even when compressed.
    row = "hex(sipHash128(number)) AS half"
    statement = f"SELECT {row} FROM numbers(2000000) WHERE throwIf(number = 1900000, 'no') = 0"
    async with backend.stream(Statement(statement), "CSV") as pieces:
        assert await anext(pieces)
        with pytest.raises(StoreError):
            [piece async for piece in pieces]


async def leave_a_stream(backend: Backend) -> None:
    async with backend.stream(Statement("SELECT number FROM numbers(1000000000000)"), "CSV") as pieces:
        assert (await anext(pieces)).startswith(b"0\n1\n")


async def cancel_a_stream(backend: Backend) -> None:
    async def read() -> None:
        async with backend.stream(LONG, "JSONEachRow") as pieces:
            await anext(pieces)

    task = asyncio.ensure_future(read())
    await asyncio.sleep(0.3)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


@pytest.mark.parametrize("end", [fail_in_a_stream, leave_a_stream, cancel_a_stream])
def test_a_stream_that_breaks_off_leaves_nothing_behind(
    store: Store, end: Callable[[Backend], Awaitable[None]]
) -> None:
    async def ended(backend: Backend) -> Any:
        await end(backend)
        await until_nothing_runs(backend)
        return await rows(backend, NEXT)

    assert store.run(ended) == [{"answer": "clean"}]


@pytest.mark.parametrize("form", ["CSV", "JSONEachRow", "ArrowStream"])
@pytest.mark.parametrize("count", [0, 1, 300_000])
def test_a_stream_gives_every_row_in_order(store: Store, form: str, count: int) -> None:
    statement = Statement("SELECT number AS n FROM numbers({count:UInt64})", {"count": count})

    async def read(backend: Backend) -> list[bytes]:
        async with backend.stream(statement, form) as pieces:
            return [piece async for piece in pieces]

    pieces = store.run(read)
    assert len(pieces) > 1 or count < 2
    assert numbers(b"".join(pieces), form) == list(range(count))


def test_a_stream_tells_what_a_fetch_of_the_same_statement_tells(store: Store) -> None:
    statement = Statement("SELECT name, count() AS n FROM migration GROUP BY name ORDER BY name")

    async def read(backend: Backend) -> tuple[int, int, list[tuple[int, int, float]]]:
        told: list[tuple[int, int, float]] = []
        async with backend.stream(statement, "CSV", lambda *facts: told.append(facts)) as pieces:
            assert [piece async for piece in pieces]
        fetched = await backend.fetch_json(statement)
        return fetched.rows_read, fetched.bytes_read, told

    rows, size, told = store.run(read)
    # Where a server does the work for a command, the server keeps the account.
    if not isinstance(store, SharedStore):
        assert rows > 0
        assert [sum(each) for each in zip(*told, strict=True)][:2] == [rows, size]


def numbers(document: bytes, form: str) -> list[int]:
    if form == "CSV":
        return [int(line) for line in document.split()]
    if form == "JSONEachRow":
        return [orjson.loads(line)["n"] for line in document.splitlines()]
    file, found = io.BytesIO(document), []
    while file.tell() < len(document):
        found += pyarrow.ipc.open_stream(file).read_all()["n"].to_pylist()
    return found


def test_a_fetch_tells_what_was_read(store: Store) -> None:
    fetched = store.run(lambda backend: backend.fetch_json(Statement("SELECT sum(number) AS n FROM numbers(100000)")))
    assert (fetched.rows_read, fetched.bytes_read) == (100_000, 800_000)
    assert fetched.milliseconds > 0


def test_cancelling_stops_the_query_in_the_engine(store: Store) -> None:
    async def cancelled(backend: Backend) -> None:
        task = asyncio.ensure_future(backend.fetch_json(LONG))
        while not await running(backend):
            assert not task.done()
            await asyncio.sleep(0.05)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await until_nothing_runs(backend)

    store.run(cancelled, MINUTE)


def test_the_deadline_stops_the_query_in_the_engine(store: Store) -> None:
    async def late(backend: Backend) -> None:
        with pytest.raises(QueryTimeout):
            await backend.fetch_json(LONG)

    store.run(late, Limits(1))
    store.run(until_nothing_runs, MINUTE)


def test_the_memory_of_a_stopped_query_comes_back(store: Store) -> None:
    """A query that gathers ever more; the engine's own count of its memory tells."""
    gathering = Statement("SELECT length(groupArray(number)) AS n FROM numbers(1000000000000) WHERE number % 97 = 0")

    async def held(backend: Backend) -> int:
        [row] = await rows(backend, Statement("SELECT sum(memory_usage) AS bytes FROM system.processes"))
        bytes_held: int = row["bytes"]
        return bytes_held

    async def stopped(backend: Backend) -> tuple[int, int]:
        task = asyncio.ensure_future(backend.fetch_json(gathering))
        while (most := await held(backend)) < 50_000_000:
            assert not task.done()
            await asyncio.sleep(0.05)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await until_nothing_runs(backend)
        return most, await held(backend)

    most, after = store.run(stopped, MINUTE)
    assert after < most / 2


def test_a_query_that_waits_is_cancelled_before_it_runs(store: Store) -> None:
    async def waiting(backend: Backend) -> Any:
        busy = [asyncio.ensure_future(backend.fetch_json(LONG)) for _ in range(8)]
        await asyncio.sleep(0.2)
        for task in reversed(busy):
            task.cancel()
        assert {type(each) for each in await asyncio.gather(*busy, return_exceptions=True)} == {asyncio.CancelledError}
        await until_nothing_runs(backend)
        return await rows(backend, NEXT)

    assert store.run(waiting, MINUTE) == [{"answer": "clean"}]


def test_queries_run_at_once_and_leave_the_event_loop_free(store: Store) -> None:
    """One that takes minutes is seen to run by others, which are answered meanwhile."""

    async def both(backend: Backend) -> None:
        long = asyncio.ensure_future(backend.fetch_json(LONG))
        try:
            async with asyncio.timeout(PATIENCE):
                while not await running(backend):
                    await asyncio.sleep(0.05)
            assert not long.done()
        finally:
            long.cancel()
            await asyncio.gather(long, return_exceptions=True)
        await until_nothing_runs(backend)

    store.run(both, MINUTE)


def test_values_arrive_as_they_are(store: Store) -> None:
    statement = "SELECT {text:String} AS text, {texts:Array(String)} AS texts"

    async def arrived(backend: Backend) -> list[Any]:
        return [await rows(backend, Statement(statement, {"text": text, "texts": [text]})) for text in AWKWARD]

    assert store.run(arrived) == [[{"text": text, "texts": [text]}] for text in AWKWARD]


@pytest.mark.parametrize(
    ("kind", "values"),
    [("Int64", [10**9 + place for place in range(10_000)]), ("String", [f"+1212{place:06}" for place in range(8_000)])],
)
def test_long_lists_arrive_whole(store: Store, kind: str, values: list[object]) -> None:
    statement = Statement(f"SELECT arrayJoin({{values:Array({kind})}}) AS value", {"values": values})
    assert [row["value"] for row in store.run(lambda backend: rows(backend, statement))] == values


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TABLE t (a Int8) ENGINE = Memory",
        "INSERT INTO cdr (callid) VALUES ('x')",
        "DROP TABLE cdr",
        "SELECT 1 SETTINGS max_execution_time = 0",
        "SELECT 1 SETTINGS readonly = 0",
    ],
)
def test_a_report_cannot_write_or_lift_its_limits(store: Store, statement: str) -> None:
    async def refused(backend: Backend) -> str:
        with pytest.raises(StoreError) as error:
            await backend.fetch_json(Statement(statement))
        return str(error.value)

    assert store.run(refused) == "The store may only be read here; the log says why."


@pytest.mark.parametrize(
    ("limits", "statement"),
    [
        (Limits(rows=1000), "SELECT number FROM numbers(100000)"),
        (Limits(memory=10_000_000), "SELECT groupArray(number) FROM numbers(10000000)"),
    ],
)
def test_limits(store: Store, limits: Limits, statement: str) -> None:
    async def limited(backend: Backend) -> None:
        with pytest.raises(QueryTooLarge):
            await backend.fetch_json(Statement(statement))

    store.run(limited, limits)


def test_a_stream_may_have_any_number_of_rows(store: Store) -> None:
    async def read(backend: Backend) -> int:
        async with backend.stream(Statement("SELECT number FROM numbers(100000)"), "CSV") as pieces:
            return sum([piece.count(b"\n") async for piece in pieces])

    assert store.run(read, Limits(rows=1000)) == 100_000


@pytest.mark.parametrize("statement", ["SELECT secret FROM nowhere", "SELECT", "SELECT throwIf(1, 'secret')"])
def test_errors_tell_nothing_of_the_inside(store: Store, statement: str) -> None:
    async def failed(backend: Backend) -> ReportsError:
        with pytest.raises(StoreError) as error:
            await backend.fetch_json(Statement(statement))
        return error.value

    error = store.run(failed)
    assert error.code == "STORE_FAILED"
    assert str(error) == "The store could not answer; the log says why."
    assert error.__cause__ is not None


def test_a_session_has_temporary_tables_of_its_own(store: Store) -> None:
    async def both(backend: Backend) -> tuple[Any, Any]:
        async with backend.session() as first, backend.session() as second:
            for session, rows in ((first, b"1\n2\n"), (second, b"3\n")):
                await session.command(Statement("CREATE TEMPORARY TABLE t (a Int64) ENGINE = Memory"))
                await session.insert("t", ["a"], rows, "CSV")
            return await _sum(first), await _sum(second)

    assert store.run(both) == ([(3,)], [(3,)])


async def _sum(session: Session) -> list[Any]:
    statement = Statement("SELECT sum(a) FROM t WHERE a != {a:Int64}", {"a": 0})
    return [tuple(row) for row in await session.query(statement)]


def test_rows_that_cannot_be_read(store: Store) -> None:
    async def read(backend: Backend) -> None:
        async with backend.session() as session:
            await session.command(Statement("CREATE TEMPORARY TABLE t (a String) ENGINE = Memory"))
            with pytest.raises(UnreadableData):
                await session.insert("t", None, b'{"a": "no end\n', "JSONEachRow")
            assert await _count(session) == 0
            await session.insert("t", None, b'{"a": "b"}\n', "JSONEachRow")
            assert await _count(session) == 1

    store.run(read)


async def _count(session: Session) -> int:
    [[count]] = await session.query(Statement("SELECT count() FROM t"))
    return int(count)


def test_a_closed_store_says_so(store: Store) -> None:
    async def closed(backend: Backend) -> None:
        await backend.close()
        with pytest.raises(StoreUnavailable, match="closed"):
            await backend.fetch_json(NEXT)

    store.run(closed)


def test_closing_stops_what_still_runs(store: Store) -> None:
    async def closing(backend: Backend) -> tuple[float, object]:
        task = asyncio.ensure_future(backend.fetch_json(LONG))
        await asyncio.sleep(0.5)
        before = time.monotonic()
        await backend.close()
        [outcome] = await asyncio.gather(task, return_exceptions=True)
        return time.monotonic() - before, outcome

    seconds, outcome = store.run(closing, MINUTE)
    assert seconds < 5
    assert isinstance(outcome, ReportsError)
    store.reopen()
    store.run(until_nothing_runs)

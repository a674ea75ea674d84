"""The embedded store: what a failed query leaves behind, cancelling, concurrency, and who else has the directory."""

import asyncio
import io
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import orjson
import pyarrow
import pytest

from gqlreports.backends.base import Statement
from gqlreports.backends.embedded import EmbeddedBackend
from gqlreports.backends.reader import Reader, ReadFailed
from gqlreports.errors import QueryTimeout, ReportsError, StoreError, StoreUnavailable
from tests.sites import Engine

LONG = Statement("SELECT count() AS n FROM numbers(1000000000000) WHERE sipHash64(number) = 1")
# Rows that reach the output before the query comes to its end: what chDB 4.4 hands to the next caller.
HALF = "SELECT number AS half FROM numbers(400000)"
NEXT = Statement("SELECT {text:String} AS answer", {"text": "clean"})


async def running(backend: EmbeddedBackend) -> int:
    """How many queries the engine runs, this one among them."""
    fetched = await backend.fetch_json(Statement("SELECT count() AS n FROM system.processes"))
    number: int = orjson.loads(fetched.json)[0]["n"]
    return number


@pytest.fixture
def backend(engine: Engine, tmp_path: Path) -> EmbeddedBackend:
    return engine.open(tmp_path / "store", query_timeout=1)


async def fail(backend: EmbeddedBackend) -> None:
    with pytest.raises(StoreError):
        await backend.fetch_json(Statement(f"{HALF} WHERE throwIf(number = 390000, 'no') = 0"))


async def time_out(backend: EmbeddedBackend) -> None:
    with pytest.raises(QueryTimeout):
        await backend.fetch_json(Statement(f"{HALF} WHERE NOT ignore(sleepEachRow(0.00001))"))


async def kill(backend: EmbeddedBackend) -> None:
    task = asyncio.ensure_future(
        backend.fetch_json(Statement(f"{HALF} UNION ALL SELECT n FROM ({LONG.sql}) WHERE n = 1"))
    )
    await asyncio.sleep(0.3)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


@pytest.mark.parametrize("spoil", [fail, time_out, kill])
def test_nothing_of_a_failed_query_reaches_the_next_caller(
    backend: EmbeddedBackend, spoil: Callable[[EmbeddedBackend], Awaitable[None]]
) -> None:
    async def callers() -> list[bytes]:
        for _ in range(3):
            await spoil(backend)
        return [(await backend.fetch_json(NEXT)).json for _ in range(4)]

    assert {answer.split() and b"".join(answer.split()) for answer in asyncio.run(callers())} == {
        b'[{"answer":"clean"}]'
    }


async def fail_in_a_stream(backend: EmbeddedBackend) -> None:
    async with backend.stream(Statement(f"{HALF} WHERE throwIf(number = 390000, 'no') = 0"), "CSV") as pieces:
        assert await anext(pieces)
        with pytest.raises(StoreError):
            [piece async for piece in pieces]


async def leave_a_stream(backend: EmbeddedBackend) -> None:
    async with backend.stream(Statement("SELECT number FROM numbers(1000000000000)"), "CSV") as pieces:
        assert (await anext(pieces)).startswith(b"0\n1\n")


async def cancel_a_stream(backend: EmbeddedBackend) -> None:
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
    engine: Engine, tmp_path: Path, end: Callable[[EmbeddedBackend], Awaitable[None]]
) -> None:
    backend = engine.open(tmp_path / "store")

    async def ended() -> bytes:
        await end(backend)
        before = time.monotonic()
        while await running(backend) > 1:
            assert time.monotonic() - before < 10
            await asyncio.sleep(0.05)
        return (await backend.fetch_json(NEXT)).json

    assert orjson.loads(asyncio.run(ended())) == [{"answer": "clean"}]


@pytest.mark.parametrize("form", ["CSV", "JSONEachRow", "ArrowStream"])
def test_a_stream_gives_every_row_in_order(engine: Engine, tmp_path: Path, form: str) -> None:
    backend = engine.open(tmp_path / "store")
    statement = Statement("SELECT number AS n FROM numbers({count:UInt64})", {"count": 300_000})

    async def read() -> list[bytes]:
        async with backend.stream(statement, form) as pieces:
            return [piece async for piece in pieces]

    pieces = asyncio.run(read())
    assert len(pieces) > 1
    assert numbers(b"".join(pieces), form) == list(range(300_000))


def numbers(document: bytes, form: str) -> list[int]:
    if form == "CSV":
        return [int(line) for line in document.split()]
    if form == "JSONEachRow":
        return [orjson.loads(line)["n"] for line in document.splitlines()]
    file, found = io.BytesIO(document), []
    while file.tell() < len(document):
        found += pyarrow.ipc.open_stream(file).read_all()["n"].to_pylist()
    return found


def test_a_fetch_tells_what_was_read(engine: Engine, tmp_path: Path) -> None:
    backend = engine.open(tmp_path / "store")
    fetched = asyncio.run(backend.fetch_json(Statement("SELECT sum(number) AS n FROM numbers(100000)")))
    assert (fetched.rows_read, fetched.bytes_read) == (100_000, 800_000)
    assert fetched.milliseconds > 0


def test_the_engine_does_leak_so_these_tests_mean_something(engine: Engine, tmp_path: Path) -> None:
    """If this fails, chDB no longer leaks, and connections could be kept after a failure."""
    path = tmp_path / "store"
    backend = engine.open(path)
    asyncio.run(backend.open())
    reader = Reader(path, "leaking", {})
    with pytest.raises(ReadFailed, match="throwIf"):
        reader.fetch_json(Statement(f"{HALF} WHERE throwIf(number = 390000, 'no') = 0"))
    assert b"clean" not in reader.fetch_json(NEXT).json[:100]
    reader.close()


def test_cancelling_stops_the_query_in_the_engine(engine: Engine, tmp_path: Path) -> None:
    backend = engine.open(tmp_path / "store")

    async def cancelled() -> float:
        task = asyncio.ensure_future(backend.fetch_json(LONG))
        await asyncio.sleep(0.3)
        before = time.monotonic()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        while await running(backend) > 1:
            assert time.monotonic() - before < 10
            await asyncio.sleep(0.05)
        return time.monotonic() - before

    assert asyncio.run(cancelled()) < 5


def test_a_query_that_waits_is_cancelled_before_it_runs(engine: Engine, tmp_path: Path) -> None:
    backend = engine.open(tmp_path / "store", query_timeout=2)

    async def waiting() -> None:
        busy = [asyncio.ensure_future(backend.fetch_json(LONG)) for _ in range(8)]
        await asyncio.sleep(0.2)
        for task in reversed(busy):
            task.cancel()
        assert {type(each) for each in await asyncio.gather(*busy, return_exceptions=True)} == {asyncio.CancelledError}
        await backend.fetch_json(NEXT)

    asyncio.run(waiting())


def test_queries_run_at_once_and_leave_the_event_loop_free(engine: Engine, tmp_path: Path) -> None:
    backend = engine.open(tmp_path / "store")
    sleep = Statement("SELECT sleep(1) AS slept")

    async def both() -> tuple[float, int]:
        ticks = 0

        async def tick() -> None:
            nonlocal ticks
            while True:
                await asyncio.sleep(0.05)
                ticks += 1

        clock = asyncio.ensure_future(tick())
        before = time.monotonic()
        await asyncio.gather(backend.fetch_json(sleep), backend.fetch_json(sleep))
        clock.cancel()
        return time.monotonic() - before, ticks

    seconds, ticks = asyncio.run(both())
    assert seconds < 1.9
    assert ticks >= 5


@pytest.mark.parametrize(
    "value", ["a\\b", "\\N", "a\nb", "a\\nb", "tab\t", "'", '"', "{x:String}", "é\u2028", "%s", ""]
)
def test_values_arrive_as_they_are(engine: Engine, tmp_path: Path, value: str) -> None:
    backend = engine.open(tmp_path / "store")
    statement = Statement(
        "SELECT {text:String} AS text, {texts:Array(String)} AS texts", {"text": value, "texts": [value]}
    )
    assert orjson.loads(asyncio.run(backend.fetch_json(statement)).json) == [{"text": value, "texts": [value]}]


def test_reading_connections_cannot_write(engine: Engine, tmp_path: Path) -> None:
    backend = engine.open(tmp_path / "store")
    for statement in (
        "CREATE TABLE t (a Int8) ENGINE = Memory",
        "INSERT INTO cdr (callid) VALUES ('x')",
        "DROP TABLE cdr",
    ):
        with pytest.raises(StoreError):
            asyncio.run(backend.fetch_json(Statement(statement)))


def test_a_directory_that_another_process_has_open(engine: Engine, tmp_path: Path) -> None:
    engine.open(tmp_path / "store")
    script = (
        "import asyncio, sys; from pathlib import Path; from gqlreports.backends.embedded import EmbeddedBackend;"
        "asyncio.run(EmbeddedBackend(Path(sys.argv[1])).open())"
    )
    done = subprocess.run([sys.executable, "-c", script, str(tmp_path / "store")], capture_output=True, text=True)
    assert done.returncode == 1
    assert "StoreUnavailable: The store is in use by process" in done.stderr


def test_a_directory_that_cannot_be_made(engine: Engine, tmp_path: Path) -> None:
    (tmp_path / "store").write_text("a file")
    with pytest.raises(StoreUnavailable, match="cannot be opened"):
        engine.open(tmp_path / "store")
    engine.close()


def test_a_closed_store_says_so(tmp_path: Path, engine: Engine) -> None:
    engine.close()
    backend = EmbeddedBackend(tmp_path / "store")
    asyncio.run(backend.open())
    asyncio.run(backend.close())
    with pytest.raises(StoreUnavailable, match="closed"):
        asyncio.run(backend.fetch_json(NEXT))


def test_closing_stops_what_still_runs(tmp_path: Path, engine: Engine) -> None:
    engine.close()
    backend = EmbeddedBackend(tmp_path / "store")

    async def closing() -> tuple[float, object]:
        task = asyncio.ensure_future(backend.fetch_json(LONG))
        await asyncio.sleep(0.5)
        before = time.monotonic()
        await backend.close()
        [outcome] = await asyncio.gather(task, return_exceptions=True)
        return time.monotonic() - before, outcome

    seconds, outcome = asyncio.run(closing())
    assert seconds < 5
    assert isinstance(outcome, ReportsError)

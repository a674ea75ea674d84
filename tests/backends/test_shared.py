"""An embedded store that a server has open, as commands use it: who may, one at a time, and what is left behind.

What it does like every other store is in the conformance tests.
"""

import asyncio
import json
import os
import socket
import stat
import subprocess
import sys
from collections.abc import Callable, Coroutine
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

import orjson
import pytest

from gqlreports.backends.base import Backend, Customers, Statement
from gqlreports.backends.connect import Use, connect
from gqlreports.backends.embedded import frames, shared
from gqlreports.backends.embedded.backend import EmbeddedBackend
from gqlreports.backends.embedded.command_socket import FOLDER, NAME, connected, is_hosted, listening
from gqlreports.backends.embedded.shared import SharedBackend
from gqlreports.config import Settings
from gqlreports.errors import StatementRefused, StoreError, StoreUnavailable
from gqlreports.store.definition import definition
from tests.support.sites import REGISTRY, Engine
from tests.support.stores import SharedStore, hosted
from tests.support.waiting import PATIENCE

pytestmark = [pytest.mark.processes, pytest.mark.counted]

LONG = Statement("CREATE TEMPORARY TABLE long AS SELECT * FROM numbers(1000000000000) WHERE sipHash64(number) = 1")
VALUES = (
    None, True, 0, -(2**127), 2**64, 1.5, "", "é\u2028\ud800'", Decimal("-0.00000001"), datetime(2025, 11, 3, 9),
    datetime(2025, 11, 3, 9, 0, 0, 1000, UTC), datetime(2025, 11, 3, tzinfo=timezone(timedelta(hours=5.5))),
    date(2025, 11, 3), b"\x00\xff", [1, [None, ("a", Decimal(1))]], (), {"a": [1], 2: None},
)  # fmt: skip


@pytest.fixture
def store(engine: Engine, tmp_path: Path) -> SharedStore:
    return SharedStore(engine, tmp_path / "store")


async def running(backend: Backend) -> int:
    statement = "SELECT count() AS n FROM system.processes WHERE query LIKE '%numbers(%' AND query NOT LIKE '%system.%'"
    [row] = orjson.loads((await backend.fetch_json(Statement(statement))).json)
    return int(row["n"])


async def until(happened: Callable[[], Coroutine[Any, Any, bool]]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not await happened():
            await asyncio.sleep(0.05)


@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_a_value_is_the_same_at_the_other_end(value: object) -> None:
    arrived = frames.unpacked(carried(frames.packed(value)))
    assert (type(arrived), arrived) == (type(value), value)


def carried(value: object) -> Any:
    """As a frame carries it."""
    [[arrived]] = json.loads(json.dumps([[value]]))
    return arrived


def test_a_value_of_another_type_is_refused() -> None:
    with pytest.raises(TypeError, match="complex"):
        frames.packed([1j])


def test_a_statement_is_the_same_at_the_other_end() -> None:
    statement = Statement("SELECT {a:Array(String)}", {"a": ["x"]}, Customers.of("1001", "1002"), "rollup")
    assert frames.unpacked_statement(carried(frames.packed_statement(statement))) == statement


def test_a_query_returns_values_of_python(store: SharedStore) -> None:
    sql = (
        "SELECT toInt64(-1), 'é', toDecimal64(1.5, 8), toDateTime64('2025-11-03 09:00:00.001', 3, 'UTC'), NULL, [1, 2],"
        " toDate('2025-11-03'), {given:DateTime64(3, 'UTC')} > toDateTime64('2025-11-03', 3, 'UTC')"
    )

    async def query(backend: Backend) -> list[list[Any]]:
        async with backend.session() as session:
            return [
                list(row) for row in await session.query(Statement(sql, {"given": datetime(2025, 11, 4, tzinfo=UTC)}))
            ]

    alone = asyncio.run(query(store.engine.open(store.path)))
    assert store.run(query) == alone
    assert alone[0][:3] == [-1, "é", Decimal("1.5")]


def test_errors_are_the_same_at_the_other_end(store: SharedStore) -> None:
    failing = (
        Statement("SELECT secret FROM nowhere"),
        Statement("SELECT * FROM system.tables", customers=Customers.of("1001")),
    )

    async def errors(backend: Backend) -> list[tuple[object, ...]]:
        found: list[tuple[object, ...]] = []
        for statement in failing:
            with pytest.raises(StoreError) as raised:
                await backend.fetch_json(statement)
            error = raised.value
            found.append((type(error), str(error), error.for_operators, getattr(error.__cause__, "code", None)))
        return found

    assert store.run(errors) == asyncio.run(errors(store.engine.open(store.path)))


def test_a_customer_sees_only_what_is_its_own(store: SharedStore) -> None:
    async def seen(backend: Backend) -> tuple[Any, str]:
        async with backend.session() as session:
            rows = b'{"customer_id": "1", "callid": "a"}\n{"customer_id": "2", "callid": "b"}\n'
            await session.insert("cdr", ["customer_id", "callid"], rows, "JSONEachRow")
        own = await backend.fetch_json(Statement("SELECT callid FROM cdr", customers=Customers.of("1")))
        with pytest.raises(StatementRefused) as refused:
            async with backend.stream(Statement("SELECT * FROM migration", customers=Customers.of("1")), "CSV"):
                pass
        return orjson.loads(own.json), refused.value.reached

    assert store.run(seen) == ([{"callid": "a"}], "migration, which is no table for reports")


def test_a_version_changes_with_each_write(store: SharedStore) -> None:
    counting = Statement("SELECT count() FROM cdr")

    async def versions(backend: Backend) -> list[str | None]:
        first = await backend.version(counting)
        again = await backend.version(counting)
        async with backend.session() as session:
            await session.command(Statement("INSERT INTO cdr (callid, customer_id) VALUES ('a', '1')"))
        return [first, again, await backend.version(counting), await backend.version(Statement("SELECT now()"))]

    first, again, later, never = store.run(versions)
    assert first == again != later
    assert (first is None, never) == (False, None)


def test_the_folder_is_its_owners(store: SharedStore) -> None:
    with hosted(store.engine, store.path):
        folder, file = store.path / FOLDER, store.path / FOLDER / NAME
        assert (stat.S_IMODE(folder.stat().st_mode), stat.S_IMODE(file.stat().st_mode)) == (0o700, 0o600)
        assert is_hosted(store.path)
    assert not file.exists()
    assert not is_hosted(store.path)


ASKING = """
import os, socket, sys
os.setresgid(65534, 65534, 65534)
os.setresuid(65534, 65534, 65534)
asking = socket.socket(socket.AF_UNIX)
try:
    asking.connect(sys.argv[1])
    print(repr(asking.recv(1)))
except PermissionError:
    print("kept out")
"""


@pytest.mark.skipif(os.getuid() != 0, reason="only root can be another user")
def test_another_user_is_kept_out(store: SharedStore, caplog: pytest.LogCaptureFixture) -> None:
    """By the folder, and where that is opened, by its number."""

    def asked() -> str:
        command = [sys.executable, "-c", ASKING, str(store.path / FOLDER / NAME)]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()

    with hosted(store.engine, store.path):
        assert asked() == "kept out"
        for each in (store.path / FOLDER / NAME, store.path / FOLDER, *store.path.parents[:4], store.path):
            if each != Path("/"):
                each.chmod(0o777)
        assert asked() == "b''"
    assert "of user 65534 may not use the store" in caplog.text


def test_a_socket_that_nobody_listens_at_is_no_obstacle(store: SharedStore) -> None:
    settings = Settings(store=f"chdb://{store.path}")
    with hosted(store.engine, store.path):
        pass
    listening(store.path).close()
    assert (store.path / FOLDER / NAME).is_socket()
    assert isinstance(connect(settings, None), EmbeddedBackend)
    with hosted(store.engine, store.path):
        assert isinstance(connect(settings, None), SharedBackend)
        assert isinstance(connect(settings, None, Use.ALONE), EmbeddedBackend)


def test_a_path_that_is_too_long_for_a_socket(engine: Engine, tmp_path: Path) -> None:
    long = SharedStore(engine, tmp_path / ("d" * 90) / ("e" * 90) / "store")
    with pytest.raises(OSError, match="too long"), socket.socket(socket.AF_UNIX) as plain:
        plain.connect(str(long.path / FOLDER / NAME))

    async def answer(backend: Backend) -> bytes:
        return (await backend.fetch_json(Statement("SELECT 1 AS a"))).json

    assert orjson.loads(long.run(answer)) == [{"a": 1}]


def test_where_no_socket_can_be_made_the_server_goes_on(store: SharedStore, caplog: pytest.LogCaptureFixture) -> None:
    store.engine.open(store.path)
    (store.path / FOLDER).write_text("a file")
    with hosted(store.engine, store.path):
        assert not is_hosted(store.path)
    assert "No command can use the store while this process has it open" in caplog.text


def test_a_server_of_another_version(store: SharedStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shared, "__version__", "9.9.9")
    with pytest.raises(StoreUnavailable, match=r"is version .*, and this is 9\.9\.9: restart the server\."):
        store.run(lambda backend: backend.check())


def test_a_server_that_hangs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It has a socket, and takes nothing from it."""
    monkeypatch.setattr(shared, "PATIENCE", 0.1)
    with listening(tmp_path), pytest.raises(StoreUnavailable, match="does not answer"):
        asyncio.run(SharedBackend(tmp_path).open())


def test_rollups_of_other_plugins_are_added(store: SharedStore) -> None:
    """The server has none; a command has those of its reports."""
    kept = "SELECT DISTINCT name FROM system.projections"

    async def names(backend: Backend) -> set[str]:
        return {row["name"] for row in orjson.loads((await backend.fetch_json(Statement(kept))).json)}

    async def dropped(backend: Backend) -> None:
        async with backend.session() as session:
            for name in await names(backend):
                await session.command(Statement(f"ALTER TABLE cdr DROP PROJECTION {name}"))

    async def opened(backend: Backend) -> set[str]:
        before = await names(backend)
        await backend.open()
        return await names(backend) - before

    async def all_of_it(backend: Backend) -> set[str]:
        await dropped(backend)
        return await opened(backend)

    assert store.run(all_of_it) == {each.name for each in REGISTRY.rollups}
    assert definition(REGISTRY).lacking(()) == [each.name for each in REGISTRY.rollups]


def test_one_command_writes_at_a_time(store: SharedStore) -> None:
    async def both(backend: Backend) -> None:
        other = store.backend()
        async with backend.session() as first, backend.session():
            with pytest.raises(
                StoreUnavailable, match=rf"^Process {os.getpid()} is writing to the store: run this again"
            ):
                async with other.session():
                    pass
            await first.command(Statement("SELECT 1"))
            # Reading is no writing.
            await other.fetch_json(Statement("SELECT 1"))
        with pytest.raises(StoreUnavailable, match="is writing"):
            async with other.session():
                pass
        await backend.close()
        async with other.session() as session:
            assert await session.query(Statement("SELECT 1")) == [(1,)]
        await other.close()

    store.run(both)


def test_nobody_writes_without_the_right(store: SharedStore) -> None:
    async def sneaked(backend: Backend) -> None:
        reader, writer = await asyncio.open_unix_connection(sock=connected(store.path))
        connection = shared.Connection(reader, writer)
        with pytest.raises(StoreUnavailable, match="has lost the right to write"):
            await connection.ask("session", client="nobody")
        with pytest.raises(StoreError, match="no session"):
            await connection.ask("command", statement=frames.packed_statement(Statement("DROP TABLE cdr")))
        await connection.end()

    store.run(sneaked)


@pytest.mark.parametrize("times", range(3))
def test_a_command_that_vanishes_leaves_nothing_behind(store: SharedStore, times: int) -> None:
    """Its statement is stopped, its temporary tables are gone, and another may write at once."""

    async def vanished(backend: Backend) -> Any:
        gone = store.backend()

        async def work() -> None:
            async with gone.session() as first, gone.session() as second:
                await first.command(Statement("CREATE TEMPORARY TABLE kept (a Int64) ENGINE = Memory"))
                await asyncio.gather(first.command(LONG), second.command(LONG))

        working = asyncio.ensure_future(work())
        await until(lambda: is_running(backend))
        # As the kernel does for a process that is killed.
        for connection in gone._connections:
            connection.abort()
        async with backend.session() as session:
            assert await running(backend) == 0
            found = await session.query(Statement("SELECT name FROM system.tables WHERE is_temporary"))
        await asyncio.gather(working, return_exceptions=True)
        return found

    assert store.run(vanished) == []


async def is_running(backend: Backend) -> bool:
    return await running(backend) > 0


def test_a_stream_waits_for_who_reads_it(store: SharedStore) -> None:
    progress = Statement("SELECT sum(read_rows) AS n FROM system.processes WHERE query LIKE '%1000000000000)%'")

    async def read(backend: Backend) -> tuple[int, bytes]:
        async with backend.stream(Statement("SELECT number FROM numbers(1000000000000)"), "CSV") as pieces:
            first = await anext(pieces)
            seen = [-1]

            async def stands() -> bool:
                [row] = orjson.loads((await backend.fetch_json(progress)).json)
                seen.append(row["n"])
                return len(seen) > 5 and len(set(seen[-5:])) == 1

            await until(stands)
            return seen[-1], first

    rows, first = store.run(read)
    assert rows < 10_000_000
    assert first.startswith(b"0\n1\n")


@pytest.mark.parametrize("what", ["fetch", "stream", "session"])
def test_a_server_that_shuts_down(store: SharedStore, what: str) -> None:
    """What a command waits for then ends with one sentence, and a server that comes afterwards does the work."""

    async def fetched(backend: Backend) -> None:
        await backend.fetch_json(Statement("SELECT count() FROM numbers(1000000000000) WHERE sipHash64(number) = 1"))

    async def streamed(backend: Backend) -> None:
        async with backend.stream(Statement("SELECT number FROM numbers(1000000000000)"), "CSV") as pieces:
            async for _ in pieces:
                pass

    async def written(backend: Backend) -> None:
        async with backend.session() as session:
            await session.command(LONG)

    work = {"fetch": fetched, "stream": streamed, "session": written}[what]

    async def waiting(backend: SharedBackend, stop: Callable[[], object]) -> str:
        task = asyncio.ensure_future(work(backend))
        await until(lambda: is_running(backend))
        stopping = asyncio.ensure_future(asyncio.to_thread(stop))
        with pytest.raises(StoreUnavailable) as told:
            await task
        await stopping
        await backend.close()
        return str(told.value)

    hosting = hosted(store.engine, store.path)
    hosting.__enter__()
    told = asyncio.run(waiting(store.backend(), partial(hosting.__exit__, None, None, None)))
    assert told == "The server that has the store open shuts down: run this again in a moment."
    assert store.run(lambda backend: is_running(backend)) is False

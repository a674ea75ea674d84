"""Answers that are kept, on every store: never older than their question, one customer's own, and run once."""

import asyncio
import threading
import time
from collections.abc import Callable, Coroutine
from contextvars import copy_context
from typing import Any

import orjson
import pytest

from gqlreports.backends.answer_cache import AnswerCache
from gqlreports.backends.base import Backend, Customers, Fetched, Limits, Statement
from gqlreports.backends.embedded.backend import Writes
from gqlreports.backends.failures import ReadFailed
from gqlreports.backends.request import DEADLINE
from gqlreports.backends.server.changes import ServerVersion
from gqlreports.errors import QueryTimeout, StoreError
from tests.backends.test_conformance import until_nothing_runs
from tests.support.stores import ServedStore, Store

pytestmark = pytest.mark.thorough

ROOM = 1 << 20
SLOW = Statement("SELECT sum(sleepEachRow(0.05)) AS slept FROM numbers(20)")
ENDLESS = Statement("SELECT count() AS n FROM numbers(1000000000000) WHERE sipHash64(number) = 1")
CALLS = Statement("SELECT count() AS n, sum(duration) AS seconds FROM cdr WHERE switch = 'answers'")
Work = Callable[[AnswerCache], Coroutine[Any, Any, None]]


async def write(backend: Backend, *texts: str) -> None:
    """As another process does it, of which the kept answers know nothing."""
    async with backend.session() as session:
        for text in texts:
            await session.command(Statement(text))


def call(number: int, customer: str = "1") -> str:
    return (
        "INSERT INTO cdr (dt, callid, switch, customer_id, duration, sign) "
        f"VALUES ('2025-11-03 09:00:00', 'c{number}', 'answers', '{customer}', 2, 1)"
    )


async def settled(backend: Backend) -> None:
    """Until nothing of the store is so new that its version cannot be told."""
    until = time.monotonic() + 15
    while await backend.version(CALLS) is None:
        assert time.monotonic() < until
        await asyncio.sleep(0.1)


async def read(backend: Backend, statement: Statement) -> Any:
    return orjson.loads((await backend.fetch_json(statement)).json)


def run(store: Store, work: Work, room: int = ROOM) -> None:
    async def answered(backend: Backend) -> None:
        await settled(backend)
        await work(AnswerCache(backend, room))
        await write(backend, "DELETE FROM cdr WHERE switch = 'answers'")

    store.run(answered, Limits(60))


@pytest.mark.parametrize(
    "change",
    [
        call(3),
        "INSERT INTO cdr (dt, callid, switch, sign) SELECT now(), 'many', 'answers', 1 FROM numbers(2)",
        "DELETE FROM cdr WHERE switch = 'answers' AND callid = 'c1'",
        "ALTER TABLE cdr UPDATE duration = 3 WHERE switch = 'answers'",
        "ALTER TABLE cdr DELETE WHERE switch = 'answers' AND callid = 'c1' SETTINGS mutations_sync = 2",
    ],
)
def test_an_answer_is_kept_until_the_data_changes(whole_store: Store, change: str) -> None:
    async def work(answered: AnswerCache) -> None:
        backend = answered._backend
        await write(backend, call(1), call(2))
        first = again = await answered.fetch_json(CALLS)
        assert not first.cached
        for _ in range(50):
            # On a server a merge between the two is another version, too.
            again = await answered.fetch_json(CALLS)
            if again.cached:
                break
        assert again.cached
        assert first.json == again.json
        assert (again.rows_read, again.bytes_read, again.milliseconds) == (0, 0, 0)
        await write(backend, change)
        assert await read(answered, CALLS) == await read(backend, CALLS) != orjson.loads(first.json)

    run(whole_store, work)


def test_dictionaries_are_part_of_the_data(whole_store: Store) -> None:
    number = "15550001234"
    known = Statement(f"SELECT dictHas('did_window', ('7', '{number}'), toInt64(1)) AS known")
    insert = f"INSERT INTO did (customer_id, number, valid_from) VALUES ('7', '{number}', 0)"

    async def work(answered: AnswerCache) -> None:
        backend = answered._backend
        await read(answered, known)
        await settled(backend)
        assert await read(answered, known) == await read(answered, known) == [{"known": 0}]
        # In the same second, so that no time of the store tells one reload from the other.
        await write(backend, "SYSTEM RELOAD DICTIONARY did_window", insert)
        assert await read(answered, known) == [{"known": 0}]
        await write(backend, "SYSTEM RELOAD DICTIONARY did_window")
        assert await read(answered, known) == [{"known": 1}]
        await settled(backend)
        assert await read(answered, known) == await read(answered, known) == [{"known": 1}]
        assert answered.counts.hits >= 2
        await write(backend, "DELETE FROM did WHERE customer_id = '7'", "SYSTEM RELOAD DICTIONARY did_window")

    run(whole_store, work)


@pytest.mark.parametrize(
    "changing", ["now64(9)", "NOW64(9)", "rand()", "toString(generateUUIDv4())", "CURRENT_TIMESTAMP", "today()"]
)
def test_what_changes_with_the_time_or_by_chance_is_not_kept(whole_store: Store, changing: str) -> None:
    async def work(answered: AnswerCache) -> None:
        for customers in (None, Customers.of("1"), Customers.of("1", "2")):
            statement = Statement(f"SELECT {changing} AS moment, count() AS n FROM cdr", customers=customers)
            assert await answered.version(statement) is None
            for _ in range(2):
                assert not (await answered.fetch_json(statement)).cached

    run(whole_store, work)


def test_two_customers_never_share_an_answer(whole_store: Store) -> None:
    text = "SELECT groupUniqArray(customer_id) AS seen FROM cdr WHERE switch = 'answers'"

    async def work(answered: AnswerCache) -> None:
        await write(answered._backend, call(1, "1"), call(2, "2"))
        for _ in range(2):
            seen = [
                await read(answered, Statement(text, customers=Customers.of(*ids))) for ids in ("1", "2", "3", "12")
            ]
            assert seen[:3] == [[{"seen": ["1"]}], [{"seen": ["2"]}], [{"seen": []}]]
            assert {*seen[3][0]["seen"]} == {"1", "2"}
        assert (answered.counts.misses, answered.counts.hits) == (4, 4)

    run(whole_store, work)


def test_values_of_other_kinds_are_other_questions(whole_store: Store) -> None:
    values: list[object] = [1, "1", ["1"], ["1", "2"], "['1']"]

    async def work(answered: AnswerCache) -> None:
        kinds = ["UInt8", "String", "Array(String)", "Array(String)", "String"]
        for value, kind in zip(values, kinds, strict=True):
            statement = Statement("SELECT toString({v:%s}) AS v" % kind, {"v": value})  # noqa: UP031
            assert await read(answered, statement) == await read(answered._backend, statement)
        assert answered.counts.hits == 0

    run(whole_store, work)


def test_who_asks_the_same_at_once_is_answered_by_one_query(whole_store: Store) -> None:
    async def work(answered: AnswerCache) -> None:
        assert await answered.version(SLOW) is not None
        callers = [asyncio.ensure_future(answered.fetch_json(SLOW)) for _ in range(4)]
        hurried = _with_seconds(0.6, answered.fetch_json(SLOW))
        await asyncio.sleep(0.5)
        # The one who came first leaves, and so does one in the middle.
        callers[0].cancel()
        callers[2].cancel()
        with pytest.raises(QueryTimeout):
            await hurried
        found = await asyncio.gather(*callers, return_exceptions=True)
        assert [type(each) for each in found] == [
            asyncio.CancelledError,
            Fetched,
            asyncio.CancelledError,
            Fetched,
        ]
        assert (answered.counts.misses, answered.counts.shared) == (1, 4)
        assert (await answered.fetch_json(SLOW)).cached

    run(whole_store, work)


def test_a_query_ends_when_all_who_wait_have_left(whole_store: Store) -> None:
    async def work(answered: AnswerCache) -> None:
        callers = [asyncio.ensure_future(answered.fetch_json(ENDLESS)) for _ in range(3)]
        hurried = _with_seconds(2, answered.fetch_json(ENDLESS))
        while (answered.counts.misses, answered.counts.shared) != (1, 3):
            assert not hurried.done()
            await asyncio.sleep(0.01)
        for each in callers:
            each.cancel()
        with pytest.raises(QueryTimeout):
            await hurried
        await until_nothing_runs(answered._backend)
        # Nobody is left with what was stopped.
        with pytest.raises(QueryTimeout):
            await _with_seconds(1, answered.fetch_json(ENDLESS))
        assert answered.counts.misses == 2

    run(whole_store, work)


def test_a_failure_is_told_to_all_and_never_kept(whole_store: Store) -> None:
    failing = Statement("SELECT sleep(0.3) AS s, throwIf((SELECT count() FROM cdr WHERE switch = 'answers') = 0) AS t")

    async def work(answered: AnswerCache) -> None:
        await settled(answered._backend)
        found = await asyncio.gather(*(answered.fetch_json(failing) for _ in range(3)), return_exceptions=True)
        assert all(isinstance(each, StoreError) for each in found)
        assert (answered.counts.misses, answered.counts.bytes) == (1, 0)
        with pytest.raises(StoreError):
            await answered.fetch_json(failing)
        assert answered.counts.misses == 2

    run(whole_store, work)


def test_what_is_kept_has_a_bound_and_the_least_used_goes(whole_store: Store) -> None:
    room = 40_000

    def sized(number: int, size: int) -> Statement:
        return Statement("SELECT repeat('x', {size:UInt32}) AS x, {n:UInt32} AS n", {"size": size, "n": number})

    async def work(answered: AnswerCache) -> None:
        assert not (await answered.fetch_json(sized(0, room // 8))).cached
        assert not (await answered.fetch_json(sized(0, room // 8))).cached
        assert answered.counts.bytes == 0
        for number in range(30):
            await answered.fetch_json(sized(number, 2000))
            assert (await answered.fetch_json(sized(0, 2000))).cached
            assert answered.counts.bytes <= room
        assert not (await answered.fetch_json(sized(1, 2000))).cached
        assert (await answered.fetch_json(sized(29, 2000))).cached

    run(whole_store, work, room)


def test_while_a_write_runs_there_is_no_version() -> None:
    writes, begun, end = Writes(), threading.Event(), threading.Event()

    def write() -> None:
        begun.set()
        end.wait()

    seen = [writes.version]
    thread = threading.Thread(target=writes.counted, args=(write,))
    thread.start()
    begun.wait()
    assert writes.version is None
    writes.counted(int)
    assert writes.version is None
    end.set()
    thread.join()
    seen.append(writes.version)
    with pytest.raises(ValueError, match="x"):
        writes.counted(int, "x")
    seen.append(writes.version)
    assert None not in seen
    assert len(set(seen)) == 3


def _with_seconds(seconds: float, work: Coroutine[Any, Any, Fetched]) -> "asyncio.Task[Fetched]":
    context = copy_context()
    context.run(DEADLINE.set, time.monotonic() + seconds)
    return asyncio.get_running_loop().create_task(work, context=context)


def test_what_an_operator_defined_is_not_kept(whole_store: Store) -> None:
    async def work(answered: AnswerCache) -> None:
        await write(answered._backend, "CREATE OR REPLACE FUNCTION itsMoment AS () -> now64(9)")
        try:
            assert await answered.version(Statement("SELECT itsMoment() AS moment")) is None
        finally:
            await write(answered._backend, "DROP FUNCTION itsMoment")

    run(whole_store, work)


def test_where_some_rows_are_elsewhere_nothing_is_kept(served_store: ServedStore) -> None:
    """As in a cluster, whose replicas do not all know the same."""
    far = "CREATE TABLE far (n UInt8) AS remote('127.0.0.1:1', 'nowhere', 'far')"

    async def versions(backend: Backend) -> list[str | None]:
        return [await backend.version(CALLS) for _ in range(2)]

    async def written(backend: Backend, text: str) -> None:
        await write(backend, text)

    served_store.run(settled)
    served_store.run(lambda backend: written(backend, far))
    try:
        assert served_store.run(versions) == [None, None]
    finally:
        served_store.run(lambda backend: written(backend, "DROP TABLE far"))
    assert None not in served_store.run(versions)


def test_a_server_that_does_not_tell_is_asked_no_more(caplog: pytest.LogCaptureFixture) -> None:
    asked: list[Statement] = []

    async def ask(statement: Statement) -> Fetched:
        asked.append(statement)
        raise StoreError("No.") from ReadFailed("Code: 497. DB::Exception: Not enough privileges.")

    async def versions() -> list[str | None]:
        version = ServerVersion(ask)
        return [await version.now() for _ in range(3)]

    assert asyncio.run(versions()) == [None] * 3
    assert len(asked) == 1
    assert caplog.text.count("system.parts") == 1


def test_many_who_want_the_version_at_once_share_a_question(served_store: ServedStore) -> None:
    async def shared(backend: Backend) -> None:
        await settled(backend)
        asked: list[float] = []

        async def ask(statement: Statement) -> Fetched:
            asked.append(time.monotonic())
            return await backend.fetch_json(statement)

        version = ServerVersion(ask)
        await version.now()
        asked.clear()

        async def one(delay: float) -> None:
            await asyncio.sleep(delay)
            called = time.monotonic()
            assert await version.now() is not None
            # Some question was asked after the call, so that its answer is not older.
            assert any(moment >= called for moment in asked)

        await asyncio.gather(*(one(n / 2000) for n in range(60)))
        assert len(asked) < 40

    served_store.run(shared)

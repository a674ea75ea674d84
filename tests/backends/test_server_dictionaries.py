"""A report under which a dictionary is renewed has the former values or the new ones, never some of both."""

import asyncio
import logging
from collections.abc import Iterator
from typing import Any

import orjson
import pytest

from gqlreports.backends.base import Backend, Customers, Limits, Statement
from gqlreports.backends.server.backend import ServerBackend
from gqlreports.backends.server.http import parse_address
from gqlreports.errors import QueryTimeout
from gqlreports.store.definition import definition
from tests.clickhouse.server import ClickHouse, Users, user
from tests.support.stores import ServedStore, command, new_database

pytestmark = pytest.mark.processes

CENTER = "dictGet(concat({database:String}, '.rate_center'), 'rate_center', toUInt64(2012000))"
SLOW = Statement(
    # The one is looked up at the beginning, and the other a second and a half later.
    f"SELECT {CENTER} AS rc FROM numbers(1) "
    f"UNION ALL SELECT dictGet(concat({{database:String}}, '.rate_center'), 'rate_center', toUInt64(2012000 + slept)) "
    "FROM (SELECT sleep(1.5) AS slept FROM numbers(1))",
    customers=Customers.of("1"),
)
GROUPED = Statement(f"SELECT rc, count() AS n FROM ({SLOW.sql}) GROUP BY rc ORDER BY rc", customers=Customers.of("1"))
RIGHTS = "<grants><query>GRANT SELECT, dictGet ON *.*</query>{}</grants>"
NO_TIMES = "<query>REVOKE SELECT ON system.dictionaries</query>"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClickHouse]:
    server = ClickHouse(tmp_path_factory.mktemp("renewed"), Users(user("blind", "x", RIGHTS.format(NO_TIMES))))
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="module")
def store(server: ClickHouse) -> ServedStore:
    return new_database(server.url("").rstrip("/"))


def renew(store: ServedStore, center: str) -> None:
    url = f"{store.url}/{store.database}"
    command(
        url,
        f"INSERT INTO numbering (prefix, rate_center, state, loaded_at) SELECT '2012000', '{center}', 'NJ', now64(6)",
    )
    command(url, "SYSTEM RELOAD DICTIONARY rate_center")


async def printed(backend: Backend, statement: Statement) -> list[str]:
    rows = orjson.loads((await backend.fetch_json(statement)).json)
    return sorted(row["rc"] for row in rows)


async def streamed(backend: Backend, statement: Statement) -> list[str]:
    async with backend.stream(statement, "JSONEachRow") as pieces:
        lines = b"".join([piece async for piece in pieces]).splitlines()
    return sorted(row["rc"] for row in map(orjson.loads, lines) for _ in range(row["n"]))


async def renewed_meanwhile(store: ServedStore, backend: Backend, read: Any, statement: Statement) -> list[str]:
    """What is read while the rate center `A` becomes `B`."""
    await asyncio.to_thread(renew, store, "A")
    await backend.open()
    await asyncio.sleep(1.1)
    reading = asyncio.ensure_future(read(backend, statement))
    await asyncio.sleep(0.5)
    await asyncio.to_thread(renew, store, "B")
    try:
        found: list[str] = await reading
        return found
    finally:
        await backend.close()


@pytest.mark.parametrize(("read", "statement"), [(printed, SLOW), (streamed, GROUPED)])
def test_an_answer_is_not_mixed(store: ServedStore, read: Any, statement: Statement) -> None:
    found = asyncio.run(renewed_meanwhile(store, store.backend(), read, statement))
    assert found in (["A", "A"], ["B", "B"])


def test_a_limit_of_time_holds_all_the_same(store: ServedStore) -> None:
    """It is that of all tries together."""

    async def timed() -> Any:
        backend = store.backend(Limits(seconds=2))
        return await renewed_meanwhile(store, backend, printed, SLOW)

    with pytest.raises(QueryTimeout):
        asyncio.run(timed())


def test_a_user_who_may_not_see_the_times(
    server: ClickHouse, store: ServedStore, caplog: pytest.LogCaptureFixture
) -> None:
    """Answers come all the same, and the log says once what they may be."""
    backend = ServerBackend(parse_address(server.url(store.database, "blind:x")), definition())

    async def twice() -> list[list[str]]:
        try:
            return [await printed(backend, SLOW) for _ in range(2)]
        finally:
            await backend.close()

    renew(store, "A")
    with caplog.at_level(logging.WARNING, "gqlreports"):
        assert asyncio.run(twice()) == [["A", "A"]] * 2
    told = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert told == ["A report may mix renewed data with former: grant SELECT on system.dictionaries."]

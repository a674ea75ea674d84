"""The server backend alone: what may be wrong with a server or on the way to it, and what then becomes of a query."""

import asyncio
import http.server
import logging
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import orjson
import pytest

from gqlreports.backends.base import Backend, Customers, Limits, Statement
from gqlreports.backends.request import REQUEST_ID
from gqlreports.backends.server.backend import ServerBackend
from gqlreports.backends.server.http import Address, parse_address
from gqlreports.config import Settings
from gqlreports.errors import InvalidInput, QueryTimeout, StoreError, StoreUnavailable
from gqlreports.store.definition import definition
from tests.clickhouse.proxy import Proxy, proxied
from tests.clickhouse.server import ClickHouse, Users, free_port, user
from tests.support.stores import ServedStore, new_database

pytestmark = pytest.mark.processes

SECRET = "s3cret-of-the-store"
LARGE = Statement("SELECT number AS n, toString(sipHash64(number)) AS text FROM numbers(200000)")


@pytest.fixture(scope="module")
def clickhouse(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClickHouse]:
    """A server of this module's own, which may be stopped."""
    server = ClickHouse(tmp_path_factory.mktemp("own"))
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="module")
def asking_for_a_password(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClickHouse]:
    server = ClickHouse(tmp_path_factory.mktemp("locked"), Users(user("reports", SECRET)))
    server.start()
    yield server
    server.stop()


async def fetched(backend: Backend, statement: Statement) -> Any:
    try:
        return orjson.loads((await backend.fetch_json(statement)).json)
    finally:
        await backend.close()


def failed(url: str, statement: str = "SELECT 1") -> str:
    """What a caller is told."""
    with pytest.raises(StoreUnavailable) as error:
        asyncio.run(fetched(ServerBackend(parse_address(url), None, Limits(20)), Statement(statement)))
    return str(error.value)


def test_nobody_answers_there() -> None:
    assert failed(f"clickhouse://127.0.0.1:{free_port()}") == "The store cannot be reached; try again in a moment."


def test_opening_does_not_wait_for_a_server() -> None:
    before = time.monotonic()
    with pytest.raises(StoreUnavailable):
        asyncio.run(ServerBackend(parse_address(f"clickhouse://127.0.0.1:{free_port()}")).open())
    assert time.monotonic() - before < 15


def test_a_password(asking_for_a_password: ClickHouse) -> None:
    backend = ServerBackend(parse_address(asking_for_a_password.url(user=f"reports:{SECRET}")))
    assert asyncio.run(fetched(backend, Statement("SELECT 1 AS one"))) == [{"one": 1}]


@pytest.mark.parametrize("user", [f"reports:not-{SECRET}@", f"nobody:{SECRET}@", f"default:{SECRET}@"])
def test_a_wrong_password_is_told_nowhere(
    asking_for_a_password: ClickHouse, user: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        told = failed(f"clickhouse://{user}127.0.0.1:{asking_for_a_password.port}")
    assert told == "The store refuses its user; the operator must check GQLREPORTS_STORE."
    assert "Authentication failed" in caplog.text
    assert SECRET not in caplog.text


def test_secrets_are_in_no_repr(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GQLREPORTS_STORE", f"clickhouse://reports:{SECRET}@host/db")
    monkeypatch.setenv("GQLREPORTS_DIRECTORY", f"postgresql+psycopg://reports:{SECRET}@host/db")
    monkeypatch.setenv("GQLREPORTS_STORE_TOKEN", SECRET)
    settings = Settings()
    address = parse_address(settings.store_url, token=None)
    assert address.password == SECRET
    for shown in (settings, address, Address("host", 1, token=SECRET), ServerBackend(address)):
        assert SECRET not in f"{shown!r} {shown}"


def test_a_database_that_is_not_there(clickhouse: ClickHouse) -> None:
    assert failed(clickhouse.url("nowhere")) == "The store's database does not exist; the operator must create it."


def test_something_else_answers_there() -> None:
    class Hello(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.send_error(404)

        def log_message(self, *arguments: object) -> None:
            pass

    server = http.server.HTTPServer(("127.0.0.1", 0), Hello)
    threading.Thread(target=server.serve_forever).start()
    try:
        told = failed(f"clickhouse://127.0.0.1:{server.server_port}")
    finally:
        server.shutdown()
        server.server_close()
    assert told == "What answers at the store's address is not ClickHouse; the log says what it is."


@pytest.mark.parametrize(
    "url",
    [
        f"clickhouse://u:{SECRET}@",
        f"clickhouse://u:{SECRET}@host:port/db",
        f"clickhouse://u:{SECRET}@host/db?secure=1",
        f"http://u:{SECRET}@host/db",
        "clickhouse://",
        f"clickhouse://u:{SECRET}@..:1/db",
        f"clickhouse://u:{SECRET}@{'a' * 64}/db",
    ],
)
def test_an_address_that_is_none(url: str) -> None:
    with pytest.raises(InvalidInput) as error:
        parse_address(url)
    assert "GQLREPORTS_STORE" in str(error.value)
    assert SECRET not in str(error.value)


def test_addresses() -> None:
    assert parse_address("clickhouse://host") == Address("host", 8123)
    assert parse_address("clickhouses://a%40b:p%2Fw@[::1]:9/d%20b/") == Address("::1", 9, "d b", "a@b", "p/w", True)
    assert parse_address("clickhouses://host", token="t").port == 8443
    with pytest.raises(InvalidInput, match="token"):
        parse_address("clickhouse://u:p@host", token="t")
    with pytest.raises(InvalidInput, match="TLS"):
        parse_address("clickhouse://u:p@host", ca=Path("ca"))


def test_a_slow_server_is_waited_for_or_given_up(clickhouse: ClickHouse) -> None:
    async def slow() -> tuple[Any, float]:
        async with proxied(Proxy(), clickhouse.port) as proxy:
            address = parse_address(f"clickhouse://127.0.0.1:{proxy.port}")
            patient, hasty = ServerBackend(address, None, Limits(40)), ServerBackend(address, None, Limits(1))
            await patient.open()
            await hasty.open()
            proxy.delay = 2
            answer = await fetched(patient, Statement("SELECT 1 AS one"))
            before = time.monotonic()
            with pytest.raises(QueryTimeout):
                await hasty.fetch_json(Statement("SELECT 1"))
            seconds = time.monotonic() - before
            await hasty.close()
            return answer, seconds

    answer, seconds = asyncio.run(slow())
    assert answer == [{"one": 1}]
    assert 0.9 < seconds < 4


async def whole(backend: Backend) -> int:
    return len(orjson.loads((await backend.fetch_json(LARGE)).json))


async def in_pieces(backend: Backend) -> int:
    async with backend.stream(LARGE, "CSV") as pieces:
        return sum([piece.count(b"\n") async for piece in pieces])


def test_an_answer_that_is_cut_off_is_none(clickhouse: ClickHouse) -> None:
    """Once: a fetch is tried again.  A stream has given rows already, so it fails."""

    async def cut(cuts: int, read: Any) -> int:
        async with proxied(Proxy(after=300_000), clickhouse.port) as proxy:
            backend = ServerBackend(parse_address(f"clickhouse://127.0.0.1:{proxy.port}"), None, Limits(30))
            await backend.open()
            proxy.cuts = cuts
            try:
                count: int = await read(backend)
                return count
            finally:
                await backend.close()

    assert asyncio.run(cut(0, whole)) == asyncio.run(cut(0, in_pieces)) == 200_000
    assert asyncio.run(cut(1, whole)) == 200_000
    with pytest.raises(StoreError):
        asyncio.run(cut(1, in_pieces))
    with pytest.raises(StoreUnavailable):
        asyncio.run(cut(1000, whole))


def test_the_log_of_a_failure_has_no_rows(clickhouse: ClickHouse, caplog: pytest.LogCaptureFixture) -> None:
    """ClickHouse puts the rows that it still held back in front of its words."""
    sql = "SELECT 'secret-row' AS row FROM numbers(100000) WHERE throwIf(number = 99999, 'too far') = 0"
    backend = ServerBackend(parse_address(clickhouse.url()))

    async def failed_stream() -> None:
        async with backend.stream(Statement(sql), "CSV") as pieces:
            async for _ in pieces:
                pass

    async def both() -> None:
        for work in (failed_stream(), backend.fetch_json(Statement(sql))):
            with pytest.raises(StoreError):
                await work
        await backend.close()

    with caplog.at_level(logging.DEBUG, "gqlreports"):
        asyncio.run(both())
    told = [record.getMessage() for record in caplog.records]
    assert len(told) == 2
    for each in told:
        assert each.startswith("The store: Code: 395. DB::Exception: too far")
        assert "secret-row" not in each.partition("too far")[0]
        assert len(each) < 4100


def test_an_insert_is_never_sent_twice(clickhouse: ClickHouse) -> None:
    store = new_database(clickhouse.url("").rstrip("/"))

    async def lost() -> None:
        async with proxied(Proxy(), clickhouse.port) as proxy:
            backend = ServerBackend(parse_address(f"clickhouse://127.0.0.1:{proxy.port}/{store.database}"))
            async with backend.session() as session:
                await session.command(Statement("CREATE TABLE t (a Int64) ENGINE = MergeTree ORDER BY a"))
                await asyncio.sleep(0.1)
                proxy.swallows = True
                with pytest.raises(StoreUnavailable):
                    await session.insert("t", None, b"1\n2\n3\n", "CSV")
            await backend.close()

    asyncio.run(lost())
    counted = store.run(lambda backend: backend.fetch_json(Statement("SELECT count() AS n FROM t")))
    assert orjson.loads(counted.json)[0]["n"] in (0, 3)


def test_what_is_on_the_wire(clickhouse: ClickHouse) -> None:
    """The query's id begins with the request's, values are in the body, and answers are compressed."""
    statement = Statement(
        "SELECT {customer:String} AS customer, {list:Array(Int64)} AS list", {"customer": "o'hara", "list": [7, 8]}
    )

    async def asked() -> bytes:
        REQUEST_ID.set("request-17")
        async with proxied(Proxy(), clickhouse.port) as proxy:
            backend = ServerBackend(parse_address(f"clickhouse://127.0.0.1:{proxy.port}"))
            await backend.open()
            proxy.seen.clear()
            await fetched(backend, statement)
            return bytes(proxy.seen)

    head, _, body = asyncio.run(asked()).partition(b"\r\n\r\n")
    line = head.split(b"\r\n")[0]
    for part in (
        b"query_id=request-17-",
        b"readonly=1",
        b"max_execution_time=60",
        b"max_memory_usage=",
        b"max_result_rows=",
        b"optimize_use_projections=0",
    ):
        assert part in line
    assert b"Accept-Encoding: zstd" in head
    assert b"hara" not in head
    assert b"hara" in body
    assert b"[7, 8]" in body or b"[7,8]" in body


def test_a_statement_reads_a_table_once_as_it_is(tmp_path: Path) -> None:
    """Whatever the profile says: what names a table twice finds the same rows both times."""
    snapshot = "enable_shared_storage_snapshot_in_query"
    server = ClickHouse(
        tmp_path, Users(user("reports", SECRET, profile="loose"), f"<loose><{snapshot}>0</{snapshot}></loose>")
    )
    server.start()
    try:
        backend = ServerBackend(parse_address(server.url(user=f"reports:{SECRET}")))
        asked = Statement(f"SELECT toUInt8(getSetting('{snapshot}')) AS once")
        assert asyncio.run(fetched(backend, asked)) == [{"once": 1}]
    finally:
        server.stop()


def test_a_reports_query_carries_its_customers_filter(clickhouse: ClickHouse) -> None:
    """It is set with `readonly`, in the same request; what is no report's has none."""

    async def asked(customers: Customers | None) -> dict[str, list[str]]:
        async with proxied(Proxy(), clickhouse.port) as proxy:
            backend = ServerBackend(parse_address(f"clickhouse://127.0.0.1:{proxy.port}/default"))
            await backend.fetch_json(Statement("SELECT 1 AS one", {}, customers))
            proxy.seen.clear()
            await backend.fetch_json(Statement("SELECT 1 AS one", {}, customers))
            await backend.close()
            return parse_qs(urlsplit(proxy.seen.split(b" ")[1].decode()).query)

    settings = asyncio.run(asked(Customers.of("o'hara")))
    assert settings["readonly"] == ["1"]
    assert settings["log_comment"] == ["o'hara"]
    [filters] = settings["additional_table_filters"]
    for table in ("cdr", "cdr_local", "did", "did_local", "did_window"):
        assert rf"'default.{table}': 'customer_id = \'o\\\'hara\''" in filters
    assert not {"additional_table_filters", "log_comment"} & set(asyncio.run(asked(None)))


def test_it_refuses_a_store_that_lacks_a_migration(clickhouse: ClickHouse) -> None:
    async def refused(backend: ServerBackend) -> list[str]:
        told = []
        for work in (backend.open(), backend.fetch_json(Statement("SELECT 1")), _entered(backend)):
            with pytest.raises(StoreUnavailable) as error:
                await work
            told.append(str(error.value))
        await backend.close()
        return told

    backend = ServerBackend(parse_address(clickhouse.url()), definition())
    pending = ", ".join(definition().pending([]))
    expected = f"The store lacks {pending}: run `gqlreports migrate`, then start again."
    assert asyncio.run(refused(backend)) == [expected] * 3


async def _entered(backend: ServerBackend) -> None:
    async with backend.session():
        pass


def test_a_server_that_stops_and_starts_under_load(clickhouse: ClickHouse) -> None:
    """Each answer is right, each failure says that the store cannot be reached; once it is back, all are answered."""
    store = new_database(clickhouse.url("").rstrip("/"))
    expected = [{"n": sum(range(1000))}]

    async def loaded() -> list[str]:
        backend, answered, told = store.backend(Limits(20)), [0] * 8, list[str]()
        stopped = asyncio.Event()

        async def caller(place: int) -> None:
            while not stopped.is_set():
                try:
                    fetched = await backend.fetch_json(Statement("SELECT sum(number) AS n FROM numbers(1000)"))
                    assert orjson.loads(fetched.json) == expected
                    answered[place] += 1
                except StoreUnavailable as error:
                    told.append(str(error))

        async def all_are_answered() -> None:
            before = list(answered)
            async with asyncio.timeout(60):
                while any(now == then for now, then in zip(answered, before, strict=True)):
                    assert not any(each.done() for each in callers)
                    await asyncio.sleep(0.02)

        callers = [asyncio.ensure_future(caller(place)) for place in range(8)]
        await all_are_answered()
        await asyncio.to_thread(clickhouse.stop)
        await asyncio.sleep(0.5)
        await asyncio.to_thread(clickhouse.start)
        await all_are_answered()
        stopped.set()
        await asyncio.gather(*callers)
        await backend.close()
        return told

    told = asyncio.run(loaded())
    assert set(told) <= {"The store cannot be reached; try again in a moment."}


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for 127.0.0.1 that is its own authority, with its key."""
    path = tmp_path_factory.mktemp("tls") / "both.pem"
    command = (
        "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -addext subjectAltName=IP:127.0.0.1"
    )
    made = subprocess.run([*command.split(), "-keyout", "-", "-out", "-"], capture_output=True, check=True)
    path.write_bytes(made.stdout)
    return path


def test_tls(asking_for_a_password: ClickHouse, certificate: Path) -> None:
    """A proxy that asks for a client's certificate; without one, or by another authority, nothing is asked there."""
    secret = f"reports:{SECRET}@"

    async def asked(user: str, ca: Path | None, own: Path | None, seen: bytearray) -> Any:
        async with proxied(Proxy(seen=seen), asking_for_a_password.port, _mutual(certificate)) as proxy:
            address = parse_address(f"clickhouses://{user}127.0.0.1:{proxy.port}", ca=ca, certificate=own)
            return await fetched(ServerBackend(address, None, Limits(8)), Statement("SELECT 1 AS one"))

    assert asyncio.run(asked(secret, certificate, certificate, bytearray())) == [{"one": 1}]
    for ca, own in ((None, certificate), (certificate, None)):
        seen = bytearray()
        with pytest.raises(StoreUnavailable):
            asyncio.run(asked(secret, ca, own, seen))
        assert not seen


def test_a_certificate_in_place_of_a_password(asking_for_a_password: ClickHouse, certificate: Path) -> None:
    """The user is named by it; this server has no TLS of its own, so it refuses."""

    async def asked() -> bytes:
        async with proxied(Proxy(), asking_for_a_password.port, _mutual(certificate)) as proxy:
            url = f"clickhouses://reports@127.0.0.1:{proxy.port}"
            address = parse_address(url, ca=certificate, certificate=certificate)
            with pytest.raises(StoreUnavailable, match="refuses its user"):
                await fetched(ServerBackend(address, None, Limits(8)), Statement("SELECT 1"))
            return bytes(proxy.seen)

    head = asyncio.run(asked()).partition(b"\r\n\r\n")[0]
    assert b"X-ClickHouse-SSL-Certificate-Auth: on" in head
    assert b"Authorization" not in head


def _mutual(certificate: Path) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(certificate))
    context.load_cert_chain(certificate)
    context.verify_mode = ssl.CERT_REQUIRED
    return context


def test_a_token(clickhouse: ClickHouse) -> None:
    """It is shown as RFC 6750 says; this server knows no tokens, so it refuses, and the token is told nowhere."""

    async def asked() -> bytes:
        async with proxied(Proxy(), clickhouse.port) as proxy:
            backend = ServerBackend(parse_address(f"clickhouse://127.0.0.1:{proxy.port}", token=SECRET))
            with pytest.raises(StoreUnavailable) as error:
                await fetched(backend, Statement("SELECT 1"))
            assert SECRET not in str(error.value)
            return bytes(proxy.seen)

    assert f"Authorization: Bearer {SECRET}".encode() in asyncio.run(asked())


def test_another_database_than_default(served_store: ServedStore) -> None:
    where = Statement("SELECT currentDatabase() AS name")
    fetched = served_store.run(lambda backend: backend.fetch_json(where))
    assert orjson.loads(fetched.json) == [{"name": served_store.database}]

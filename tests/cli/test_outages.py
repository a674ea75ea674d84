"""A server that is killed under a command, and comes back: the command ends in one line, and the next one goes on."""

import asyncio
import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from gqlreports.backends.base import Statement
from gqlreports.backends.server.backend import ServerBackend
from gqlreports.backends.server.http import parse_address
from gqlreports.errors import StoreUnavailable
from tests.clickhouse.server import ClickHouse, free_port
from tests.support.commands import inside
from tests.support.stores import ServedStore, command, new_database

pytestmark = pytest.mark.processes

CALLS = 60_000
SPAN = ("--customer", "1001", "--from", "2025-11-01T00:00:00Z", "--to", "2025-12-01T00:00:00Z")
EXAMPLE = Path(__file__).parent.parent.parent / "docs" / "example"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClickHouse]:
    server = ClickHouse(tmp_path_factory.mktemp("dying"))
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="module")
def store(server: ClickHouse) -> ServedStore:
    return new_database(server.url("").rstrip("/"))


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, store: ServedStore) -> Path:
    folder = tmp_path_factory.mktemp("home")
    assert inside(("load", "customers", str(EXAMPLE / "customers.csv")), folder, variables(folder, store)).code == 0
    [headings, first, *_] = (EXAMPLE / "calls.csv").read_text().splitlines()
    rest = first.split(",", 3)[3]
    lines = (f"2025-11-03 09:00:00.000,call-{place},0,{rest}" for place in range(CALLS))
    (folder / "calls.csv").write_text("\n".join((headings, *lines)))
    return folder


def variables(home: Path, store: ServedStore) -> dict[str, str]:
    return {"GQLREPORTS_HOME": str(home), "GQLREPORTS_STORE": url(store)}


def url(store: ServedStore) -> str:
    return f"{store.url}/{store.database}"


def asked(server: ClickHouse, sql: str) -> str:
    """What the server answers; nothing where there is none."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{server.port}/", sql.encode(), timeout=2) as answer:
            found: bytes = answer.read()
    except OSError:
        return ""
    return found.decode().strip()


def killed_under(server: ClickHouse, home: Path, store: ServedStore, words: tuple[str, ...], moment: str) -> None:
    """A command under which the server is killed, as soon as the query for the moment has a row, tells one line."""
    others = {name: value for name, value in os.environ.items() if not name.startswith("GQLREPORTS_")}
    process = subprocess.Popen(
        [str(Path(sys.executable).with_name("gqlreports")), *words],
        cwd=home,
        env=others | variables(home, store),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    while not asked(server, moment):
        assert process.poll() is None, process.communicate()
        time.sleep(0.002)
    server.stop()
    try:
        printed, told = process.communicate(timeout=60)
    finally:
        server.start()
    assert (printed, process.returncode) == ("", 1)
    [line] = told.splitlines()
    assert line.startswith("error: The store cannot be reached: ")


def test_in_the_middle_of_a_load_and_of_a_copy(server: ClickHouse, store: ServedStore, home: Path) -> None:
    """Run again, each call is there once; a part of a month is named and never gone on from."""
    inserts = "SELECT 1 FROM system.processes WHERE query LIKE 'INSERT INTO {}%'"
    for table in ("checked", "cdr"):
        killed_under(server, home, store, ("load", "cdrs", "calls.csv"), inserts.format(table))
    done = inside(("load", "cdrs", "calls.csv"), home, variables(home, store))
    assert (done.stderr, done.code) == ("", 0)
    counts = asked(server, f"SELECT count(), uniqExact(callid) FROM {store.database}.cdr")
    assert counts == f"{CALLS}\t{CALLS}"

    target = new_database(store.url)
    words = ("copy", url(store), url(target))
    killed_under(server, home, store, words, f"SELECT 1 FROM {target.database}.cdr LIMIT 1")
    done = inside(words, home, variables(home, store))
    there = asked(server, f"SELECT count() FROM {target.database}.cdr")
    assert done.stderr == (
        f"error: The target has {there} of the {CALLS} rows of cdr 202511: remove them, then copy again.\n"
    )
    command(url(target), "ALTER TABLE cdr DROP PARTITION 202511")
    done = inside(words, home, variables(home, store))
    assert (done.stdout.splitlines()[0], done.code) == (f"cdr 202511: {CALLS} rows copied", 0)


def test_in_the_middle_of_a_report(server: ClickHouse, store: ServedStore, home: Path) -> None:
    """Neither the file nor a part of it stays."""
    running = "SELECT 1 FROM system.processes WHERE query LIKE '%customer%' AND query NOT LIKE '%processes%'"
    killed_under(server, home, store, ("run", "PER_NUMBER", *SPAN, "-o", "report.csv"), running)
    assert {each.name for each in home.iterdir() if "report" in each.name} == set()
    done = inside(("run", "PER_NUMBER", *SPAN, "-o", "report.csv"), home, variables(home, store))
    assert (done.stderr, done.code) == ("", 0)


def test_in_the_middle_of_a_stream(server: ClickHouse, store: ServedStore) -> None:
    """What came before is no whole answer; once the server is back, the same backend reads on."""
    rows = Statement("SELECT number, toString(sipHash64(number)) AS text FROM numbers(100000000)")

    async def cut_off(backend: ServerBackend) -> None:
        async with backend.stream(rows, "CSV") as pieces:
            await anext(pieces)
            await asyncio.to_thread(server.stop)
            async for _ in pieces:
                pass

    async def read() -> bytes:
        backend = ServerBackend(parse_address(url(store)))
        try:
            with pytest.raises(StoreUnavailable):
                await cut_off(backend)
            await asyncio.to_thread(server.start)
            return (await backend.fetch_json(Statement("SELECT 1 AS one"))).json
        finally:
            await backend.close()

    assert b'"one":1' in asyncio.run(read())


COMMANDS = (
    ("load", "cdrs", "calls.csv"),
    ("run", "DTMF", *SPAN),
    ("load", "dids", "dids.csv"),
    ("load", "numbering", "co_codes.tsv"),
    ("run", "DTMF", *SPAN, "-o", "report.csv"),
    ("explain", "DTMF", *SPAN),
    ("serve", "--port", "0"),
    ("migrate",),
    ("migrate", "--dry-run"),
    ("copy", "{store}", "{store}"),
)
NOWHERE = ("clickhouse://127.0.0.1:{free}/default", "The store cannot be reached: ")
WRONG = (
    ("clickhouse://127.0.0.1:{native}/default", "What answers at the store's address is not ClickHouse: "),
    ("clickhouses://127.0.0.1:{http}/default", "The store cannot be reached: "),
    ("clickhouse://127.0.0.1:{http}/nowhere", "The store's database does not exist: Database nowhere does"),
    ("clickhouse://nobody:x@127.0.0.1:{http}/default", "The store refuses its user: nobody: "),
    ("clickhouse://127.0.0.1:{http}/default", "The store lacks 1 (calls, DIDs and numbering data), 2"),
)


@pytest.mark.parametrize(
    ("words", "address", "told"),
    [(words, *NOWHERE) for words in COMMANDS] + [(words, *wrong) for wrong in WRONG for words in COMMANDS[:2]],
)
def test_one_line_tells_what_is_wrong_with_the_address(
    server: ClickHouse, home: Path, words: tuple[str, ...], address: str, told: str
) -> None:
    where = address.format(free=free_port(), native=server.native_port, http=server.port)
    typed = [word.replace("{store}", where) for word in words]
    done = inside(typed, EXAMPLE, {"GQLREPORTS_HOME": str(home), "GQLREPORTS_STORE": where})
    assert (done.stdout, done.code) == ("", 1)
    [line] = done.stderr.splitlines()
    assert line.startswith(f"error: {told}")
    assert not (EXAMPLE / "report.csv").exists()

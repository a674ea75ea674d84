"""Exports of very many calls: all of them, in bounded memory, whole or seen to be cut off."""

import asyncio
import io
import re
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import orjson
import pyarrow
import pyarrow.parquet
import pytest

from gqlreports.backends.base import Backend, Statement
from gqlreports.directory.directory import Directory
from gqlreports.directory.models import Customer
from gqlreports.directory.principal import Role
from gqlreports.web.app import create_app
from tests.conftest import WHOLE_STORES
from tests.export.test_parts import as_written
from tests.support.directories import new_directory
from tests.support.export_parts import Question, Shown
from tests.support.many_calls import SPAN, fill, left
from tests.support.processes import Process, started
from tests.support.readers import READERS, Rows
from tests.support.serving import served
from tests.support.sites import REGISTRY, Engine
from tests.support.stores import EmbeddedStore, Store, drop, new_database
from tests.support.waiting import PATIENCE

pytestmark = [pytest.mark.thorough, pytest.mark.processes]

LETTERS = 8
"""Times 32, in each call."""
QUARTER = "2025-11-01T02:46:40Z"
"""When a quarter of the many calls have begun."""
SOME, MANY = "some", "many"
CALLS = {SOME: 25_000, MANY: 400_000}
PAGE = 10_000
PATH = "/export/group_by_tech_prefix/calls"


@dataclass
class Filled:
    """A store with many calls, the variables that a server needs for it, and the home of its directory."""

    store: Store
    variables: dict[str, str]
    home: Path

    def directory(self) -> tuple[Directory, dict[str, str]]:
        """The directory, and the headers of a member of staff."""
        directory = new_directory(self.home)
        directory.save_customers([Customer(id=each, name=each, currency="USD") for each in CALLS])
        return directory, {"Authorization": f"Bearer {directory.create_key('staff', Role.STAFF)}"}


@dataclass
class Api:
    url: str
    headers: dict[str, str]

    @contextmanager
    def streamed(self, form: str, customer: str = SOME, **more: str) -> Iterator[httpx2.Response]:
        address, arguments = f"{self.url}{PATH}.{form}", {"customer": customer, **SPAN, **more}
        with httpx2.stream("GET", address, params=arguments, headers=self.headers, timeout=60) as response:
            assert response.status_code == 200
            yield response

    def file(self, form: str, customer: str = SOME, **more: str) -> bytes:
        with self.streamed(form, customer, **more) as response:
            return response.read()

    def ask(self, query: str, variables: Mapping[str, Any]) -> dict[str, Any]:
        asked = {"query": query, "variables": variables}
        answer = httpx2.post(f"{self.url}/graphql", json=asked, headers=self.headers, timeout=60).json()
        data: dict[str, Any] = answer["data"]
        return data


async def fill_all(backend: Backend) -> None:
    for customer, calls in CALLS.items():
        await fill(backend, customer, calls, LETTERS)


@pytest.fixture(scope="module", params=WHOLE_STORES)
def filled(
    request: pytest.FixtureRequest, engine: Engine, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Filled]:
    home = tmp_path_factory.mktemp("many-calls")
    if request.param == "embedded":
        embedded = EmbeddedStore(engine, home / "store")
        embedded.run(fill_all)
        yield Filled(embedded, {"GQLREPORTS_HOME": str(home)}, home)
        return
    store = new_database(request.getfixturevalue("server_url"))
    store.run(fill_all)
    address = f"{store.url}/{store.database}"
    yield Filled(store, {"GQLREPORTS_HOME": str(home), "GQLREPORTS_STORE": address}, home)
    drop(store)


@pytest.fixture
def api(filled: Filled) -> Iterator[Api]:
    """The application in a thread of the test."""
    directory, headers = filled.directory()
    with served(create_app(REGISTRY, filled.store.backend(), directory)) as url:
        yield Api(url, headers)
    filled.store.reopen()


@contextmanager
def process_of(filled: Filled) -> Iterator[tuple[Process, Api]]:
    """The server as a process of its own, which may be killed."""
    filled.store.reopen()
    directory, headers = filled.directory()
    directory.close()
    with started(filled.home, filled.variables) as process:
        yield process, Api(process.url, headers)


# ---- all of them ----


def pages(api: Api) -> tuple[list[Shown], Rows]:
    """All calls, as GraphQL gives them page by page."""
    found: Rows = []
    after: dict[str, str] = {}
    while True:
        question = Question("GROUP_BY_TECH_PREFIX", "calls", {"first": PAGE, **after}, customer=SOME, span=SPAN)
        columns, rows = question.answer(api.ask, "cursor")
        if not rows:
            return columns, found
        after = {"after": rows[-1].pop("cursor")}
        found += [{name: value for name, value in row.items() if name != "cursor"} for row in rows]


def test_all_calls_are_in_each_format(api: Api) -> None:
    columns, rows = pages(api)
    assert len(rows) == left(CALLS[SOME]) > 2 * PAGE
    for form in ("csv", "jsonl", "parquet"):
        assert READERS[form](api.file(form), columns) == as_written(form, rows, columns, "UTC")


# ---- memory ----


def peak(process: Process) -> int:
    """The most memory that a process ever had, in bytes."""
    lines = Path(f"/proc/{process.running.pid}/status").read_text().splitlines()
    [found] = [line.split()[1] for line in lines if line.startswith("VmHWM:")]
    return int(found) * 1024


@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_memory_does_not_grow_with_the_file(filled: Filled, form: str) -> None:
    """Of a server that has exported a quarter, all takes hardly more, by its own count of its peak."""
    with process_of(filled) as (process, api):

        def exported(**range: str) -> int:
            with api.streamed(form, MANY, **range) as response:
                for _ in response.iter_raw():
                    pass
            return peak(process)

        # What is kept from the first export on is no part of the second's growth.
        _, quarter, whole = exported(to=QUARTER), exported(to=QUARTER), exported()
    letters = (CALLS[MANY] - CALLS[MANY] // 4) * 32 * LETTERS
    assert whole - quarter < letters / 2


# ---- those who leave, and what is cut off ----


async def until_none_streams(backend: Backend) -> None:
    async with asyncio.timeout(PATIENCE):
        while await streaming(backend):
            await asyncio.sleep(0.05)


async def streaming(backend: Backend) -> int:
    """How many exports of calls the engine runs."""
    condition = "query LIKE '%taken_back%' OR query LIKE '%corrected%'"
    statement = f"SELECT count() AS n FROM system.processes WHERE ({condition}) AND query NOT LIKE '%system.%'"
    number: int = orjson.loads((await backend.fetch_json(Statement(statement))).json)[0]["n"]
    return number


@pytest.mark.parametrize("form", ["csv", "parquet.zip"])
def test_a_caller_who_leaves_stops_the_query(filled: Filled, api: Api, form: str) -> None:
    with api.streamed(form, MANY) as response:
        # Without a name, the iterator would end at once, and the connection with it.
        pieces = response.iter_raw()
        assert next(pieces)
        assert filled.store.run(streaming) == 1
    filled.store.run(until_none_streams)


def test_what_a_server_that_dies_has_sent_is_no_whole_file(filled: Filled) -> None:
    for form, whole in WHOLE.items():
        with process_of(filled) as (process, api):
            assert whole(api.file(form))
            received = bytearray()
            with api.streamed(form, MANY) as response, pytest.raises(httpx2.TransportError):
                _receive_from(process, response, received)
        assert received
        assert not whole(bytes(received)), form


def _receive_from(process: Process, response: httpx2.Response, received: bytearray) -> None:
    """Receive what a server sends that is killed after the first piece."""
    for piece in response.iter_raw():
        received += piece
        process.running.kill()


def _whole_archive(file: bytes) -> bool:
    try:
        return zipfile.ZipFile(io.BytesIO(file)).testzip() is None
    except zipfile.BadZipFile:
        return False


def _whole_parquet(file: bytes) -> bool:
    try:
        return bool(pyarrow.parquet.read_table(io.BytesIO(file)).num_rows)
    except pyarrow.ArrowInvalid:
        return False


WHOLE: dict[str, Callable[[bytes], bool]] = {
    "csv": lambda file: re.fullmatch(rb"# [0-9]+ rows", file.splitlines()[-1]) is not None,
    "jsonl": lambda file: re.fullmatch(rb'\{"rowCount":[0-9]+\}', file.splitlines()[-1]) is not None,
    "parquet": _whole_parquet,
    "csv.zip": _whole_archive,
}
"""How a reader sees that a file is whole."""

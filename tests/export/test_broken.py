"""An export that breaks off can be seen to be broken, and one whose caller leaves stops its query."""

import asyncio
import io
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx2
import orjson
import pyarrow
import pytest
import uvicorn

from gqlreports.backends.base import Customers, Limits, Statement
from gqlreports.backends.embedded.backend import EmbeddedBackend
from gqlreports.cli.printing import write_file
from gqlreports.errors import LimitExceeded, QueryCancelled, QueryTimeout, StoreBusy, StoreError, StoreUnavailable
from gqlreports.export import xlsx
from gqlreports.export.columns import row_columns
from gqlreports.export.export import Export
from gqlreports.export.formats import FORMATS
from gqlreports.export.parts import RowsPart
from gqlreports.plugins import CountingBasis
from gqlreports.schema.request import ReportRequest
from gqlreports.web import export as web_export
from tests.export.conftest import SPAN, Exports
from tests.support.export_reports import REGISTRY
from tests.support.readers import READERS
from tests.support.sites import Site, nothing

pytestmark = pytest.mark.thorough

MANY = REGISTRY.reports["MANY"]


def many(rows: int = 300_000) -> Export:
    start, end = (datetime(2025, month, 20, tzinfo=UTC) for month in (10, 11))
    parameters = MANY.report.Parameters.model_validate({"rows": rows})
    request = ReportRequest(MANY, Customers.of("5003"), start, end, parameters, CountingBasis.CALL, staff=True)
    return Export(request, RowsPart(), row_columns(request.columns))


async def kill(backend: EmbeddedBackend) -> None:
    """Stop all that is streamed, as the engine's operator may."""
    async with backend.session() as session:
        await session.command(Statement("KILL QUERY WHERE Settings['log_comment'] LIKE 'reader-%'"))


async def running(backend: EmbeddedBackend) -> int:
    fetched = await backend.fetch_json(Statement("SELECT count() AS n FROM system.processes"))
    number: int = orjson.loads(fetched.json)[0]["n"]
    return number


@pytest.mark.parametrize("form", READERS)
def test_what_came_before_a_failure_is_no_whole_file(site: Site, form: str) -> None:
    backend, killing = site.backend, list[asyncio.Task[None]]()

    pieces = b""

    def on_rows(count: int) -> None:
        # A workbook comes as a whole; of the others the first piece has to be there.
        if not killing and (pieces or form == "xlsx"):
            killing.append(asyncio.get_running_loop().create_task(kill(backend)))

    async def read() -> bytes:
        nonlocal pieces
        try:
            async for piece in FORMATS[form].write(many(), backend, on_rows):
                pieces += piece
                await asyncio.gather(*killing)
        except QueryCancelled:
            return pieces
        pytest.fail("it came to its end")

    file = asyncio.run(read())
    if form == "xlsx":
        assert file == b""
    elif form == "parquet":
        assert file.startswith(b"PAR1")
        with pytest.raises(pyarrow.ArrowInvalid):
            pyarrow.parquet.read_table(io.BytesIO(file))
    else:
        assert len(file.splitlines()) > 1000
        assert file.splitlines()[-1].count(b"rows") == file.splitlines()[-1].count(b"rowCount") == 0


@contextmanager
def served(exports: Exports) -> Iterator[str]:
    """The address of a real server in a thread."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = uvicorn.Server(uvicorn.Config(exports.app, port=port, log_level="critical", lifespan="off"))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        while not server.started:
            time.sleep(0.02)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join()


@contextmanager
def streamed(exports: Exports, url: str, form: str) -> Iterator[httpx2.Response]:
    headers = {"Authorization": f"Bearer {exports.site.staff_key}"}
    parameters = {"customer": "5003", **SPAN, "parameters": '{"rows": 1000000}'}
    with httpx2.stream("GET", f"{url}/export/many.{form}", params=parameters, headers=headers, timeout=60) as response:
        assert response.status_code == 200
        yield response


@pytest.mark.parametrize("form", ["csv", "jsonl"])
def test_a_response_that_breaks_off_has_no_end(exports: Exports, form: str) -> None:
    with served(exports) as url, streamed(exports, url, form) as response:
        pieces = response.iter_raw()
        assert next(pieces)
        asyncio.run(kill(exports.site.backend))
        with pytest.raises(httpx2.RemoteProtocolError):
            list(pieces)


def test_a_caller_who_leaves_stops_the_query(exports: Exports) -> None:
    with served(exports) as url:
        with streamed(exports, url, "csv") as response:
            assert next(response.iter_raw())
            wait_until(lambda: asyncio.run(running(exports.site.backend)) > 1)
        wait_until(lambda: asyncio.run(running(exports.site.backend)) == 1)


def wait_until(met: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not met():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_caller_who_takes_nothing_is_cut_off(exports: Exports, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(web_export, "PATIENCE", 0.2)
    query = "&".join(f"{name}={value}" for name, value in {"customer": "5003", **SPAN}.items())
    key = f"Bearer {exports.site.staff_key}".encode()
    scope = {
        **{"type": "http", "method": "GET", "path": "/export/dtmf.csv", "query_string": query.encode()},
        **{"headers": [(b"authorization", key)], "asgi": {"spec_version": "2.3"}},
    }

    async def receive() -> Any:
        await asyncio.sleep(60)

    async def send(message: Any) -> None:
        if message["type"] == "http.response.body":
            await asyncio.sleep(60)

    with pytest.raises(TimeoutError):
        asyncio.run(exports.app(scope, receive, send))


def test_a_failure_before_the_first_row_is_an_error_with_its_status(exports: Exports) -> None:
    site = exports.site
    backend = site.backend
    backend._limits = Limits(seconds=0.01)
    try:
        response = exports.get("many.csv", parameters={"rows": 1_000_000})
    finally:
        backend._limits = Limits()
    assert response.status_code == 504
    assert response.json()["errors"][0]["extensions"] == {"code": "TIMEOUT"}


def test_only_the_time_of_the_store_counts(exports: Exports) -> None:
    """A caller may take its time; a query may not."""
    backend = exports.site.backend

    async def slowly(seconds: float) -> int:
        count = 0
        async for _ in FORMATS["csv"].write(many(40_000), backend, nothing):
            count += 1
            await asyncio.sleep(seconds)
        return count

    backend._limits = Limits(seconds=3)
    try:
        assert asyncio.run(slowly(0.4)) > 8
        backend._limits = Limits(seconds=0.01)
        with pytest.raises(QueryTimeout):
            asyncio.run(slowly(0))
    finally:
        backend._limits = Limits()


def test_a_sheet_that_is_too_small(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(xlsx, "MOST_ROWS", 20_000)
    backend = site.backend

    async def pieces(rows: int) -> list[bytes]:
        return [piece async for piece in FORMATS["xlsx"].write(many(rows), backend, nothing)]

    assert len(READERS["xlsx"](b"".join(asyncio.run(pieces(20_000))), MANY.columns(staff=True))) == 20_000
    with pytest.raises(LimitExceeded, match="csv or parquet"):
        asyncio.run(pieces(20_001))


def test_a_file_is_there_once_it_is_whole(site: Site, tmp_path: Path) -> None:
    file, backend = tmp_path / "many.csv", site.backend
    assert asyncio.run(write_file(many(40_000), backend, FORMATS["csv"], file)) == 40_000
    assert [path.name for path in tmp_path.iterdir()] == ["many.csv"]
    before = file.read_bytes()

    async def broken() -> None:
        writing = asyncio.ensure_future(write_file(many(), backend, FORMATS["csv"], file))
        while not (tmp_path / "many.csv.part").exists() or not (tmp_path / "many.csv.part").stat().st_size:
            await asyncio.sleep(0)
        await kill(backend)
        await writing

    with pytest.raises(QueryCancelled):
        asyncio.run(broken())
    assert [path.name for path in tmp_path.iterdir()] == ["many.csv"]
    assert file.read_bytes() == before


@pytest.mark.parametrize("error", [StoreUnavailable("no"), StoreBusy("no"), QueryCancelled("no")])
def test_a_store_that_may_answer_later(exports: Exports, monkeypatch: pytest.MonkeyPatch, error: StoreError) -> None:
    def refuse(backend: EmbeddedBackend, statement: Statement, form: str, *more: object) -> None:
        raise error

    monkeypatch.setattr(EmbeddedBackend, "stream", refuse)
    response = exports.get("dtmf.csv")
    assert response.status_code == 503
    assert int(response.headers["retry-after"]) > 0
    assert response.json()["errors"][0]["extensions"] == {"code": error.code}

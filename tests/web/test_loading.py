"""CDRs posted over HTTP, as switches do it: what is kept of each body, and what each poster is told."""

import asyncio
import base64
import gzip
import io
import json
import socket
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, quote_plus, urlsplit

import httpx2
import pyarrow
import pyarrow.csv
import pyarrow.parquet
import pytest

from gqlreports.backends.base import Backend, Statement
from gqlreports.backends.embedded.backend import EmbeddedBackend
from gqlreports.directory.directory import Directory
from gqlreports.directory.models import Customer
from gqlreports.directory.principal import Role
from gqlreports.errors import InvalidInput
from gqlreports.store import formats
from gqlreports.store.definition import definition
from gqlreports.web import arrival, gathering
from gqlreports.web.app import create_app
from gqlreports.web.errors import Refused
from gqlreports.web.load_options import load_options, with_parameters
from tests.store.test_layouts import sample
from tests.store.test_load_cdrs import Row, cdr_row, stored
from tests.support import sites
from tests.support.awkward import COLUMNS, csv_line
from tests.support.directories import new_directory
from tests.support.serving import served
from tests.support.sites import Engine
from tests.support.stores import ServedStore, new_database
from tests.support.waiting import PATIENCE, wait_until

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

pytestmark = pytest.mark.counted

NOTHING = {
    "loaded": 0, "corrected": 0, "thereBefore": 0, "repeated": 0, "leftOut": 0, "rejected": 0, "rejects": [],
    "rejectsCut": False, "unknownCustomers": {}, "unknownCustomersCut": False,
}  # fmt: skip
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
Rows = list[dict[str, Any]]


def csv_of(rows: Sequence[Row]) -> bytes:
    return "".join(csv_line(row) for row in (COLUMNS, *(list(each.values()) for each in rows))).encode()


def lines_of(rows: Sequence[Row]) -> bytes:
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


def parquet_of(rows: Sequence[Row]) -> bytes:
    file = io.BytesIO()
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(list(rows)), file)
    return file.getvalue()


@dataclass
class Server:
    """A served application, and what its store holds."""

    url: str
    directory: Directory
    key: str
    backend: EmbeddedBackend | None
    store: ServedStore | None

    def post(
        self, body: Any, key: str | None = None, headers: Mapping[str, str] | None = None, **parameters: str
    ) -> Any:
        own = {"Authorization": f"Bearer {key or self.key}", **(headers or {})}
        return httpx2.post(f"{self.url}/load/cdrs", content=body, headers=own, params=parameters, timeout=PATIENCE)

    def loaded(self, body: Any, **options: Any) -> dict[str, Any]:
        """What a load answers, without its id."""
        response = self.post(body, **options)
        assert response.status_code == 200, response.text
        answer: dict[str, Any] = response.json()
        assert answer.pop("load")
        return answer

    def refused(self, body: Any, **options: Any) -> tuple[int, str, str]:
        response = self.post(body, **options)
        [error] = response.json()["errors"]
        return response.status_code, error["extensions"]["code"], error["message"]

    def query(self, sql: str) -> Any:
        async def found(backend: Backend) -> Any:
            async with backend.session() as session:
                return await session.query(Statement(sql))

        if self.backend is not None:
            return asyncio.run(found(self.backend))
        assert self.store is not None
        return self.store.run(found)

    def rows(self, prefix: str) -> Rows:
        """The calls whose ids begin so, in the columns that a file has."""
        names = [*COLUMNS, "sign"]
        sql = (
            f"SELECT {', '.join(names)} FROM cdr WHERE startsWith(callid, '{prefix}') ORDER BY callid, loaded_at, sign"
        )
        return [dict(zip(names, row, strict=True)) for row in self.query(sql)]


@pytest.fixture(scope="module", params=["embedded", "server"])
def server(
    request: pytest.FixtureRequest, engine: Engine, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("loading")
    directory = new_directory(folder)
    directory.save_customers([Customer(id="5001", name="Known", currency="USD")])
    backend: EmbeddedBackend | None = None
    store: ServedStore | None = None
    used: Backend
    if request.param == "embedded":
        engine.close()
        used = backend = EmbeddedBackend(folder / "store", definition(sites.REGISTRY), connections=4)
    else:
        store = new_database(request.getfixturevalue("server_url"))
        used = store.backend()
    key = directory.create_key("switch east", Role.LOADER)
    with served(create_app(sites.REGISTRY, used, directory)) as url:
        yield Server(url, directory, key, backend, store)


def expected(rows: Sequence[Row]) -> Rows:
    names = [*COLUMNS, "sign"]
    return [{name: value for name, value in stored(row).items() if name in names} for row in rows]


def comparable(rows: Rows) -> Rows:
    return [row | {"dt": row["dt"].replace(tzinfo=None)} for row in rows]


def xml_of(rows: Sequence[Row]) -> bytes:
    return sample("freeswitch-xml").read_bytes()


BODIES: dict[str, Callable[[Sequence[Row]], bytes]] = {
    "csv": csv_of,
    "csv-semicolons": lambda rows: csv_of(rows).replace(b",", b";"),
    "lines": lines_of,
    "array": lambda rows: json.dumps(rows, indent=1).encode(),
    "parquet": parquet_of,
    "gzip": lambda rows: gzip.compress(csv_of(rows)),
    "zstd": lambda rows: zstd.compress(lines_of(rows)),
}


@pytest.mark.parametrize("form", BODIES)
def test_the_formats(server: Server, form: str) -> None:
    rows = [cdr_row(number, callid=f"{form}-{number}") for number in range(3)]
    body = BODIES[form](rows)
    assert server.loaded(body) == NOTHING | {"loaded": 3}
    assert comparable(server.rows(f"{form}-")) == comparable(expected(rows))
    assert server.loaded(body) == NOTHING | {"thereBefore": 3}
    assert len(server.rows(f"{form}-")) == 3


def test_one_object(server: Server) -> None:
    row = cdr_row(0, callid="object-0")
    assert server.loaded(json.dumps(row).encode(), headers={"Content-Type": "application/json"})["loaded"] == 1
    assert server.loaded(json.dumps(row, indent=2).encode())["thereBefore"] == 1


@pytest.mark.parametrize("encoding", ["gzip", "zstd"])
def test_content_encoding(server: Server, encoding: str) -> None:
    plain = csv_of([cdr_row(0, callid=f"encoded-{encoding}")])
    compress = gzip.compress if encoding == "gzip" else zstd.compress
    header = {"Content-Encoding": encoding}
    assert server.loaded(compress(plain), headers=header)["loaded"] == 1
    # A compressed file that a client compresses again.
    assert server.loaded(compress(gzip.compress(plain)), headers=header)["thereBefore"] == 1
    status, code, _ = server.refused(plain, headers={"Content-Encoding": "br"})
    assert (status, code) == (415, "BAD_REQUEST")


def calls_of(layout: str) -> list[bytes]:
    """Each call of a sample of FreeSWITCH as it posts it."""
    if layout == "freeswitch-json":
        return [line for line in sample(layout).read_bytes().splitlines() if line.strip()]
    text = sample(layout).read_text()
    return [f"<cdr {part.split('</cdr>')[0]}</cdr>".encode() for part in text.split("<cdr ")[1:]]


@pytest.mark.parametrize("layout", ["freeswitch-json", "freeswitch-xml"])
@pytest.mark.parametrize("form", ["plain", "urlencoded", "base64", "curl"])
def test_freeswitch_posts_a_call(server: Server, layout: str, form: str) -> None:
    """As mod_json_cdr and mod_xml_cdr do it: the key is a password, and the call's id is added to any address."""
    truth = json.loads((sample(layout).parent / f"{layout}.json").read_text())
    switch = f"{layout}-{form}"
    key = base64.b64encode(f"freeswitch:{server.key}".encode()).decode()
    told: Counter[str] = Counter()
    for call in calls_of(layout):
        body, kind = call, "application/json"
        if form == "urlencoded":
            body, kind = b"cdr=" + quote(call).encode(), FORM["Content-Type"]
        elif form == "base64":
            body, kind = b"cdr=" + base64.b64encode(call), "application/x-www-form-base64-encoded"
        elif form == "curl":
            kind = FORM["Content-Type"]
        address = f"{server.url}/load/cdrs?set=switch={switch}&layout={layout}?uuid=a_1234"
        headers = {"Authorization": f"Basic {key}", "Content-Type": kind}
        response = httpx2.post(address, content=body, headers=headers, timeout=PATIENCE)
        assert response.status_code == 200, response.text
        told.update({name: value for name, value in response.json().items() if type(value) is int})
    [[number]] = server.query(f"SELECT count() FROM cdr WHERE switch = '{switch}'")
    assert number == told["loaded"] == len(truth["calls"])
    assert (told["leftOut"], told["rejected"]) == (truth["left_out"], len(truth["rejected"]))


def test_replacing(server: Server) -> None:
    rows = [cdr_row(number, callid=f"replaced-{number}") for number in range(2)]
    changed = [rows[0] | {"customer_charge": "9"}, rows[1], cdr_row(2, callid="replaced-2")]
    server.loaded(csv_of(rows))
    told = server.loaded(csv_of(changed), replace="true")
    assert told == NOTHING | {"loaded": 1, "corrected": 1, "thereBefore": 1}
    assert server.loaded(csv_of(changed), replace="true") == NOTHING | {"thereBefore": 3}
    kept: Counter[tuple[str, str]] = Counter()
    for row in server.rows("replaced-"):
        kept[row["callid"], str(row["customer_charge"].normalize())] += row["sign"]
    charge = "0.12345678"
    assert +kept == {("replaced-0", "9"): 1, ("replaced-1", charge): 1, ("replaced-2", charge): 1}


def test_what_is_told_of_rows(server: Server) -> None:
    rows = [
        cdr_row(0, callid="told-0"),
        cdr_row(1, callid="told-1", dt="yesterday"),
        cdr_row(0, callid="told-0"),
        cdr_row(2, callid="told-2", customer_id="nobody"),
        cdr_row(3, callid=""),
    ]
    assert server.loaded(csv_of(rows)) == NOTHING | {
        "loaded": 2,
        "repeated": 1,
        "rejected": 2,
        "rejects": [{"line": 3, "reason": "bad time in dt"}, {"line": 6, "reason": "no callid"}],
        "unknownCustomers": {"nobody": 1},
    }


def test_many_rejects_are_told_in_part(server: Server) -> None:
    rows = [cdr_row(number, callid=f"cut-{number}", dt="never", customer_id=f"c{number}") for number in range(1200)]
    more = [cdr_row(number, callid=f"uncut-{number}", customer_id=f"c{number}") for number in range(1200)]
    told = server.loaded(csv_of([*rows, *more]))
    assert (told["loaded"], told["rejected"], told["rejectsCut"], len(told["rejects"])) == (1200, 1200, True, 1000)
    assert (told["unknownCustomersCut"], len(told["unknownCustomers"])) == (True, 1000)


def test_constants_and_attempts_from_1(server: Server) -> None:
    row = cdr_row(0, callid="constant-0", branch_idx="1")
    del row["customer_id"]
    body = lines_of([row])
    assert server.refused(body)[:2] == (422, "LOAD_REFUSED")
    address = f"{server.url}/load/cdrs?set=customer_id=5001&set=switch=west&firstBranch=1"
    response = httpx2.post(address, content=body, headers={"Authorization": f"Bearer {server.key}"}, timeout=PATIENCE)
    assert response.json()["loaded"] == 1
    [found] = server.rows("constant-")
    assert (found["customer_id"], found["switch"], found["branch_idx"]) == ("5001", "west", 0)


def test_small_bodies_are_gathered(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each is told what became of its own rows, and a bad one costs the others nothing."""
    monkeypatch.setattr(gathering, "GATHERED_FOR", 0.5)
    before = [cdr_row(0, callid="many-there", customer_id="nobody")]
    server.loaded(csv_of(before))

    def bodies(number: int) -> tuple[bytes, dict[str, Any] | None]:
        own = [cdr_row(row, callid=f"many-{number}-{row}") for row in range(number % 3 + 1)]
        new = NOTHING | {"loaded": len(own)}
        if number % 8 == 1:
            return csv_of([*own, own[0]]), new | {"repeated": 1}
        if number % 8 == 2:
            reject = {"line": len(own) + 2, "reason": "bad number in duration"}
            return csv_of([*own, cdr_row(9, duration="long")]), new | {"rejected": 1, "rejects": [reject]}
        if number % 8 == 3:
            return csv_of([*own, *before]), new | {"thereBefore": 1, "unknownCustomers": {"nobody": 1}}
        if number % 8 == 4:
            return csv_of(own)[:-40] + b'"never closed', None
        if number % 8 == 5:
            return b"nothing that anybody knows", None
        if number % 8 == 6:
            return lines_of(own), new
        if number % 8 == 7:
            unused = csv_of([{**own[0], "unused": "1"}]).replace(csv_line(COLUMNS).encode()[:-1], b"", 1)
            return csv_line([*COLUMNS, "unused"]).encode() + unused.split(b"\n", 1)[1], NOTHING | {"loaded": 1}
        return csv_of(own).removesuffix(b"\n"), new

    numbers = range(32)
    with ThreadPoolExecutor(len(numbers)) as threads:
        answers = list(threads.map(lambda number: server.post(bodies(number)[0]), numbers))
    loads: Counter[str] = Counter()
    for number, response in zip(numbers, answers, strict=True):
        _, told = bodies(number)
        answer = response.json()
        if response.status_code == 200:
            loads[answer.pop("load")] += 1
        if told is not None:
            assert (response.status_code, answer) == (200, told), number
        elif number % 8 == 5:
            assert response.status_code == 422, number
    assert max(loads.values()) > 1
    whole = [number for number in numbers if number % 8 not in (4, 5)]
    keys = Counter(row["callid"] for row in server.rows("many-"))
    rows_of = {number: 1 if number % 8 == 7 else number % 3 + 1 for number in whole}
    assert {f"many-{number}-{row}" for number in whole for row in range(rows_of[number])} <= keys.keys()
    assert set(keys.values()) == {1}


def test_the_same_call_in_two_bodies_at_once(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gathering, "GATHERED_FOR", 0.5)
    body = csv_of([cdr_row(0, callid="twice-0")])
    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(server.loaded, [body] * 8))
    assert Counter(each["loaded"] for each in answers) == {1: 1, 0: 7}
    assert all(each["loaded"] + each["thereBefore"] == 1 for each in answers)
    assert len(server.rows("twice-")) == 1


def test_attempts_of_a_call_in_any_order(server: Server) -> None:
    for branch in ("1", "0", "2"):
        assert server.loaded(lines_of([cdr_row(0, callid="attempts-0", branch_idx=branch)]))["loaded"] == 1


@pytest.fixture
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(formats, "CHUNK_BYTES", 100_000)


def test_a_large_body_streams(server: Server, small_chunks: None) -> None:
    rows = [cdr_row(number, callid=f"large-{number}") for number in range(2_000)]
    body = csv_of(rows)
    packed = gzip.compress(body)
    pieces = [packed[place : place + 10_000] for place in range(0, len(packed), 10_000)]
    assert server.loaded(iter(pieces))["loaded"] == 2_000
    assert server.loaded(iter([body[:70_000], body[70_000:]]))["thereBefore"] == 2_000
    form = b"cdr=" + quote_plus(lines_of(rows[:200])).encode()
    assert server.loaded(form, headers=FORM)["thereBefore"] == 200
    assert len(server.rows("large-")) == 2_000


def test_small_and_large_at_once(server: Server, small_chunks: None) -> None:
    """A row that comes both ways at the same time is stored once."""
    rows = [cdr_row(number, callid=f"both-{number}") for number in range(2_000)]
    with ThreadPoolExecutor(9) as threads:
        large = [threads.submit(server.loaded, csv_of(rows)) for _ in range(2)]
        small = [threads.submit(server.loaded, csv_of(rows[place : place + 20])) for place in range(0, 2_000, 100)]
        told = [each.result() for each in (*large, *small)]
    assert sum(each["loaded"] for each in told) == 2_000
    assert set(Counter(row["callid"] for row in server.rows("both-")).values()) == {1}


def raw_post(server: Server, start: bytes, length: int) -> socket.socket:
    parts = urlsplit(server.url)
    connection = socket.create_connection((parts.hostname or "", parts.port or 0), timeout=PATIENCE)
    head = (
        f"POST /load/cdrs HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {server.key}\r\nContent-Length: {length}\r\n\r\n"
    )
    connection.sendall(head.encode() + start)
    return connection


@pytest.mark.parametrize("large", [False, True])
def test_a_body_that_stops(server: Server, small_chunks: None, monkeypatch: pytest.MonkeyPatch, large: bool) -> None:
    monkeypatch.setattr(arrival, "SILENCE", 0.2)
    body = csv_of([cdr_row(number, callid=f"stopped-{number}") for number in range(1_000 if large else 2)])
    with raw_post(server, body[:-10], len(body)) as connection:
        answer = b""
        while piece := connection.recv(65536):
            answer += piece
    assert answer.startswith(b"HTTP/1.1 408")
    assert b"connection: close" in answer.lower()
    monkeypatch.setattr(arrival, "SILENCE", PATIENCE)
    told = server.loaded(body)
    assert told["loaded"] + told["thereBefore"] == (1_000 if large else 2)
    assert set(Counter(row["callid"] for row in server.rows("stopped-")).values()) == {1}


def test_a_body_that_trickles(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arrival, "SILENCE", 0.3)
    monkeypatch.setattr(arrival, "SLOWEST", 1_000_000)

    async def trickle() -> Any:
        while True:
            yield b"x"
            await asyncio.sleep(0.01)

    async def all_of_it() -> None:
        async for _ in arrival.in_time(trickle()):
            pass

    with pytest.raises(Refused) as refused:
        asyncio.run(all_of_it())
    assert refused.value.status == 408


def test_nothing_arrives_before_it_is_read() -> None:
    taken = 0

    async def pieces() -> Any:
        nonlocal taken
        for _ in range(100):
            taken += 1
            yield bytes(1_000)

    async def read() -> None:
        body = arrival.ArrivingBody(b"start", pieces())
        assert await asyncio.to_thread(body.read, 5) == b"start"
        assert taken == 0
        assert len(await asyncio.to_thread(body.read, 1_000)) == 1_000
        assert taken == 1

    asyncio.run(read())


def test_a_caller_who_leaves(server: Server, small_chunks: None) -> None:
    # More than what is looked at before anything is loaded.
    rows = [cdr_row(number, callid=f"left-{number}") for number in range(6_000)]
    body = csv_of(rows)
    with raw_post(server, body[:-20_000], len(body)):
        wait_until(lambda: bool(server.rows("left-")))
    assert server.loaded(body)["loaded"] > 0
    assert Counter(row["callid"] for row in server.rows("left-")) == Counter(row["callid"] for row in rows)


def test_too_many_at_once(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    body = csv_of([cdr_row(number, callid=f"busy-{number}") for number in range(1_000)])
    monkeypatch.setattr(gathering, "MOST_LARGE", 1)
    with raw_post(server, body[:-10], len(body)) as connection:
        wait_until(lambda: server.post(body).status_code == 503)
        assert server.post(body).headers["Retry-After"]
        assert server.loaded(csv_of([cdr_row(0, callid="meanwhile-0")]))["loaded"] == 1
        connection.sendall(body[-10:])
        assert connection.recv(100).startswith(b"HTTP/1.1 200")
    monkeypatch.setattr(gathering, "MOST_WAITING", 0)
    status, code, _ = server.refused(csv_of([cdr_row(0)]))
    assert (status, code) == (503, "STORE_BUSY")


REFUSED = {
    "empty": b"",
    "text": b"hello",
    "html": b"<html><body>no</body></html>",
    "sql": b"INSERT INTO cdr VALUES (1)",
    "columns": b"a,b,c\nx,y,z\n",
    "object": b'{"a": 1}',
    "broken gzip": gzip.compress(b"x" * 1000)[:-9],
    "broken parquet": b"PAR1 and no more",
    "deep": b"[" * 60_000,
    "entities": b'<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><cdr>&b;</cdr>',
    "large": b"hello\n" * 50_000,
    "latin": b"\xff\xfe\x00",
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_body_that_is_none(server: Server, name: str) -> None:
    """It is refused in words for the poster, which hold no path and no SQL."""
    status, code, message = server.refused(REFUSED[name])
    assert (status, code) == (422, "LOAD_REFUSED")
    assert not any(secret in message for secret in ("SELECT", "staged", "/work", "/tmp", "gqlr_", "--", "root:"))


@pytest.mark.parametrize(
    "parameters",
    [
        "layout=../../etc/passwd", "layout=none", "layout=asterisk&layout=asterisk", "timeZone=Mars/Olympus",
        "encoding=rot13", "encoding=zlib", "encoding=none", "set=none=1", "set=customer_id", "replace=yes", "x=1",
        "firstBranch=-1", "set=" + "customer_id=1&set=" * 100, "layout=%ff",
    ],
)  # fmt: skip
def test_wrong_parameters(server: Server, parameters: str) -> None:
    headers = {"Authorization": f"Bearer {server.key}"}
    response = httpx2.post(f"{server.url}/load/cdrs?{parameters}", content=b"", headers=headers, timeout=PATIENCE)
    [error] = response.json()["errors"]
    assert (response.status_code, error["extensions"]["code"]) == (400, "BAD_USER_INPUT")


def test_freeswitch_adds_the_id_of_the_call() -> None:
    layout = load_options(b"layout=yeti?uuid=1").reading.layout
    assert layout is not None
    assert layout.name == "yeti"
    assert load_options(b"uuid=1&replace=true").corrects
    assert not load_options(b"?uuid=1").corrects


def test_advice_names_parameters() -> None:
    text = "give a --layout, or write one (`gqlreports layouts show NAME` prints one to start from); --time-zone X"
    assert with_parameters(text) == "give a `layout`; `timeZone` X"


def test_rights(server: Server) -> None:
    """A loader loads and does nothing else; only an admin does both."""
    directory = server.directory
    keys = {
        "admin": directory.create_key("a", Role.ADMIN),
        "staff": directory.create_key("s", Role.STAFF),
        "partner": directory.create_key("p", Role.PARTNER, ["5001"]),
        "loader": server.key,
        "elsewhere": directory.create_key("n", Role.LOADER, networks=["203.0.113.0/24"]),
        "none": "gqlr_none",
    }
    body = csv_of([cdr_row(0, callid="rights-0")])
    loads = {name: server.post(body, key=key).status_code for name, key in keys.items()}
    assert loads == {"admin": 200, "staff": 403, "partner": 403, "loader": 200, "elsewhere": 401, "none": 401}
    headers = {"Authorization": f"Bearer {server.key}"}
    span = "customer=5001&from=2025-11-01T00:00:00Z&to=2025-11-02T00:00:00Z"
    for method, path, sent in (
        ("POST", "/graphql", {"query": "{ viewer { name } }"}),
        ("POST", "/graphql", {"query": "{ __schema { types { name } } }"}),
        ("GET", "/graphql?query={viewer{name}}", None),
        ("GET", f"/export/DTMF.csv?{span}", None),
        ("HEAD", f"/export/DTMF.csv?{span}", None),
    ):
        response = httpx2.request(method, server.url + path, json=sent, headers=headers, timeout=PATIENCE)
        assert response.status_code == 403, path
        assert method == "HEAD" or response.json()["errors"][0]["extensions"]["code"] == "FORBIDDEN"
    # Basic authentication is for this address alone.
    basic = {"Authorization": "Basic " + base64.b64encode(f"x:{keys['admin']}".encode()).decode()}
    assert httpx2.post(f"{server.url}/graphql", json={"query": "{ viewer { name } }"}, headers=basic).status_code == 401
    assert httpx2.get(f"{server.url}/load/cdrs", headers=headers).status_code == 405


def test_a_session_loads_only_if_it_is_meant(server: Server) -> None:
    server.directory.users.add("root", "correct horse battery", Role.ADMIN)
    log_in = httpx2.post(
        f"{server.url}/session", json={"userName": "root", "password": "correct horse battery"}, timeout=PATIENCE
    )
    cookie = {"Cookie": f"gqlreports_session={log_in.cookies['gqlreports_session']}"}
    body = b"cdr=" + quote(json.dumps(cdr_row(0, callid="forged-0"))).encode()
    address = f"{server.url}/load/cdrs"
    assert httpx2.post(address, content=body, headers={**cookie, **FORM}, timeout=PATIENCE).status_code == 403
    meant = {**cookie, **FORM, "GraphQL-Require-Preflight": "1"}
    assert httpx2.post(address, content=body, headers=meant, timeout=PATIENCE).status_code == 200


def test_a_loader_is_no_user_and_has_no_limits(server: Server) -> None:
    with pytest.raises(InvalidInput):
        server.directory.users.add("loader", "correct horse battery", Role.LOADER)
    with pytest.raises(InvalidInput):
        server.directory.create_key("loader", Role.LOADER, ["5001"])


def test_a_load_is_recorded(server: Server) -> None:
    answer = server.post(csv_of([cdr_row(0, callid="recorded-0")])).json()
    [[user, file, added]] = server.query(f"SELECT user, file, added FROM cdr_load WHERE id = {int(answer['load'], 16)}")
    assert (user, file, added) == ("switch east", "POST /load/cdrs", 1)

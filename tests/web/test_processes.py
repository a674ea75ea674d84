"""Two API processes on one ClickHouse server, while others write to it, and while it dies and comes back."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx2
import pytest

from gqlreports.directory.directory import Directory
from gqlreports.directory.models import Customer
from gqlreports.directory.principal import Role
from tests.awkward import CODE_HEADINGS, DID_HEADINGS, code_row, csv_line
from tests.clickhouse.server import ClickHouse, free_port
from tests.oracle import World
from tests.store.test_load_cdrs import Row, as_csv, cdr_row
from tests.stores import ServedStore, new_database
from tests.test_reports import comparable

CUSTOMER = "5001"
START, END = datetime(2025, 11, 1, tzinfo=UTC), datetime(2025, 12, 1, tzinfo=UTC)
FIELDS = {
    "USA_RATE_CENTER": "rows { prefix rc callCount totalCustomerCharge customerCurrency }",
    "DID_AS_CLI": "rows { account destCli isDid count }",
    "GROUP_BY_TECH_PREFIX": "rows { techPrefix answeredCalls total }",
}
PATIENCE = 60.0
Rows = list[tuple[tuple[str, object], ...]]


def query(type: str) -> str:
    name = "".join(word.capitalize() for word in type.split("_"))
    span = 'from: "2025-11-01T00:00:00Z", to: "2025-12-01T00:00:00Z"'
    report = f'customReport(customer: "{CUSTOMER}", type: {type}, {span})'
    return f"{{ {report} {{ ... on {name}Report {{ {FIELDS[type]} }} }} }}"


@dataclass
class Operator:
    """Who writes files and loads them by commands, as a process of its own."""

    home: Path
    store: ServedStore
    calls: list[Row] = field(default_factory=list)
    dids: list[list[str]] = field(default_factory=list)
    codes: list[list[str]] = field(default_factory=list)

    @property
    def environment(self) -> dict[str, str]:
        store = f"{self.store.url}/{self.store.database}"
        return os.environ | {"GQLREPORTS_HOME": str(self.home), "GQLREPORTS_STORE": store}

    def command(self, *words: str) -> list[str]:
        return [sys.executable, "-c", "from gqlreports.cli import app; app()", *words]

    def load(self, kind: str, content: str | bytes, *more: str) -> None:
        file = self.home / f"new-{kind}"
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
        subprocess.run(
            self.command("load", kind, str(file), *more), env=self.environment, check=True, capture_output=True
        )

    def add_calls(self, *rows: Row) -> None:
        self.calls += rows
        self.load("cdrs", as_csv(rows))

    def correct(self, place: int, **cells: str) -> None:
        self.calls[place] = self.calls[place] | cells
        self.load("cdrs", as_csv([self.calls[place]]), "--replace")

    def add_did(self, *cells: str) -> None:
        self.dids.append(list(cells))
        self.load("dids", "".join(map(csv_line, [DID_HEADINGS, *self.dids])))

    def renew_numbering(self, *cells: str) -> None:
        self.codes = [code_row(*cells)]
        self.load("numbering", "".join("\t".join(row) + "\n" for row in [CODE_HEADINGS, *self.codes]))

    def truth(self) -> dict[str, Rows]:
        """What all that was loaded says, by the independent calculation."""
        folder = self.home / "truth"
        folder.mkdir(exist_ok=True)
        (folder / "cdrs.csv").write_bytes(as_csv(self.calls))
        (folder / "dids.csv").write_text("".join(map(csv_line, [DID_HEADINGS, *self.dids])))
        (folder / "co_codes.tsv").write_text("".join("\t".join(row) + "\n" for row in [CODE_HEADINGS, *self.codes]))
        world = World.load(folder)
        found = {}
        for type, fields in FIELDS.items():
            names = fields.split()[2:-1]
            rows = world.report(type, CUSTOMER, START, END)
            found[type] = normal({name: row[name] for name in names} for row in rows)
        return found


def normal(rows: Any) -> Rows:
    return sorted((comparable(row) for row in rows), key=repr)


@dataclass
class Api:
    """`gqlreports serve` in a process of its own."""

    url: str
    key: str
    process: subprocess.Popen[bytes]

    def post(self, type: str, seconds: float = PATIENCE) -> httpx2.Response:
        headers = {"Authorization": f"Bearer {self.key}"}
        return httpx2.post(f"{self.url}/graphql", json={"query": query(type)}, headers=headers, timeout=seconds)

    def ask(self, type: str) -> tuple[Rows, int]:
        """The rows of a report that must succeed, and how many of its statements were answered from what is kept."""
        answer = self.post(type).json()
        assert "errors" not in answer, answer["errors"]
        [statistics] = answer["extensions"]["statistics"].values()
        return normal(answer["data"]["customReport"]["rows"]), statistics["cached"]


@contextmanager
def serving(operator: Operator, key: str) -> Iterator[Api]:
    port = free_port()
    log = (operator.home / f"log-{port}").open("wb")
    process = subprocess.Popen(
        operator.command("serve", "--port", str(port)), env=operator.environment, stdout=log, stderr=log
    )
    try:
        url = f"http://127.0.0.1:{port}"
        until(lambda: status(f"{url}/readyz") == 200)
        yield Api(url, key, process)
    finally:
        process.terminate()
        process.wait()
        log.close()


def status(url: str) -> int | None:
    try:
        return httpx2.get(url, timeout=PATIENCE).status_code
    except httpx2.TransportError:
        return None


def until(met: Callable[[], bool]) -> float:
    """Wait for a condition; how many seconds it took."""
    begun = time.monotonic()
    while not met():
        assert time.monotonic() - begun < PATIENCE
        time.sleep(0.05)
    return time.monotonic() - begun


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClickHouse]:
    server = ClickHouse(tmp_path_factory.mktemp("shared"))
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="module")
def operator(server: ClickHouse, tmp_path_factory: pytest.TempPathFactory) -> Operator:
    made = Operator(tmp_path_factory.mktemp("operator"), new_database(server.url("").rstrip("/")))
    made.add_calls(*(cdr_row(number, dt=f"2025-11-0{1 + number % 9}T10:00:00Z") for number in range(30)))
    made.renew_numbering("201555", "ALDFORD", "AS")
    made.add_did("12025550199", CUSTOMER, "2025-01-01", "")
    return made


@pytest.fixture(scope="module")
def apis(operator: Operator) -> Iterator[list[Api]]:
    """Two processes with one directory."""
    directory = Directory(f"sqlite:///{operator.home}/directory.db")
    directory.save_customers([Customer(id=CUSTOMER, name="Marigold Voice", currency="USD")])
    key = directory.create_key("staff", Role.STAFF)
    directory.close()
    with ExitStack() as stack:
        yield [stack.enter_context(serving(operator, key)) for _ in range(2)]


STEPS: list[Callable[[Operator], None]] = [
    lambda it: it.add_calls(*(cdr_row(100 + each, tech_prefix="7") for each in range(5))),
    lambda it: it.correct(3, customer_charge="17.5", tech_prefix="99"),
    lambda it: it.renew_numbering("201555", "BERGTOWN", "AS"),
    lambda it: it.renew_numbering("201555", "CARLTON", "AS"),
    lambda it: it.add_did("12025550101", CUSTOMER, "2025-01-01", ""),
    lambda it: it.add_calls(cdr_row(200, dest_cli="12025550109"), cdr_row(201, dest_cli="12025550101")),
    lambda it: it.correct(0, dest_number="12025550100"),
]


def test_kept_answers_are_right_while_another_process_writes(operator: Operator, apis: list[Api]) -> None:
    """Both give what was before a load or what is after it, and once it has ended what is after it alone."""
    before = operator.truth()
    for step in STEPS:
        ended, given = threading.Event(), list[tuple[str, Rows]]()
        threads = [threading.Thread(target=keep_asking, args=(api, ended, given)) for api in apis]
        for each in threads:
            each.start()
        step(operator)
        ended.set()
        after = operator.truth()
        for api in apis:
            for type in FIELDS:
                assert api.ask(type)[0] == after[type], type
        for each in threads:
            each.join()
        for type, rows in given:
            assert rows in (before[type], after[type])
        assert {type for type in FIELDS if before[type] != after[type]}
        before = after
    # A dictionary that is younger than some seconds has answers kept for nobody.
    until(lambda: all(api.ask(type)[1] > 0 for api in apis for type in FIELDS))
    cached = sum(api.ask(type)[1] for api in apis for type in FIELDS)
    assert cached >= len(FIELDS) * len(apis)
    operator.correct(1, customer_charge="3")
    for api in apis:
        assert api.ask("USA_RATE_CENTER")[0] == operator.truth()["USA_RATE_CENTER"]


def keep_asking(api: Api, ended: threading.Event, given: list[tuple[str, Rows]]) -> None:
    while not ended.is_set():
        for type in FIELDS:
            given.append((type, api.ask(type)[0]))


def test_a_server_that_is_killed_under_sixteen_callers(server: ClickHouse, operator: Operator, apis: list[Api]) -> None:
    """Every answer is right, or says that the store is not there; once it is back, all are answered."""
    truth, stopped = operator.truth(), threading.Event()
    codes, last = list[str](), dict[int, float]()

    def caller(number: int) -> None:
        types, api = list(FIELDS), apis[number % 2]
        for turn in range(10**6):
            if stopped.is_set():
                return
            type = types[(number + turn) % len(types)]
            answer = api.post(type).json()
            if "errors" in answer:
                codes.extend(each["extensions"]["code"] for each in answer["errors"])
                assert not (answer["data"] or {}).get("customReport")
            else:
                assert normal(answer["data"]["customReport"]["rows"]) == truth[type]
                last[number] = time.monotonic()

    failures: list[BaseException] = []

    def guarded(number: int) -> None:
        try:
            caller(number)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=guarded, args=(number,)) for number in range(16)]
    for each in threads:
        each.start()
    until(lambda: len(last) == 16)
    server.stop()
    until(lambda: all(status(f"{api.url}/readyz") == 503 for api in apis))
    server.start()
    back = time.monotonic()
    until(lambda: all(last[number] > back for number in range(16)) or bool(failures))
    until(lambda: all(status(f"{api.url}/readyz") == 200 for api in apis))
    stopped.set()
    for each in threads:
        each.join()
    assert not failures, failures
    # A read is tried again for some seconds, so a server that is back soon costs nobody an answer.
    assert set(codes) <= {"STORE_UNAVAILABLE"}


def test_a_server_that_hangs(server: ClickHouse, apis: list[Api], operator: Operator) -> None:
    """Callers are told within their time, and all is right when it goes on."""
    assert server.process is not None
    server.process.send_signal(signal.SIGSTOP)
    try:
        headers = {"Authorization": f"Bearer {apis[0].key}", "X-Request-Timeout": "2"}
        answer = httpx2.post(
            f"{apis[0].url}/graphql", json={"query": query("DID_AS_CLI")}, headers=headers, timeout=PATIENCE
        ).json()
    finally:
        server.process.send_signal(signal.SIGCONT)
    assert {each["extensions"]["code"] for each in answer["errors"]} <= {"TIMEOUT", "STORE_UNAVAILABLE"}
    until(lambda: "errors" not in apis[0].post("DID_AS_CLI").json())
    for api in apis:
        assert api.ask("DID_AS_CLI")[0] == operator.truth()["DID_AS_CLI"]

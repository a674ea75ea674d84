"""Two API processes on a ClickHouse server that is killed, or hangs, under callers, and comes back."""

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count
from typing import Any

import httpx2
import pytest

from gqlreports.directory.directory import Directory
from gqlreports.directory.models import Customer
from gqlreports.directory.principal import Role
from tests.clickhouse.server import ClickHouse
from tests.store.test_load_cdrs import as_csv, cdr_row
from tests.support.awkward import CODE_HEADINGS, DID_HEADINGS, code_row, csv_line
from tests.support.commands import inside
from tests.support.oracle import World
from tests.support.processes import Process, serving
from tests.support.stores import new_database
from tests.support.waiting import PATIENCE, wait_until
from tests.test_reports import comparable

pytestmark = pytest.mark.processes

CUSTOMER = "5001"
START, END = datetime(2025, 11, 1, tzinfo=UTC), datetime(2025, 12, 1, tzinfo=UTC)
FIELDS = {
    "USA_RATE_CENTER": "rows { prefix rc callCount totalCustomerCharge customerCurrency }",
    "DID_AS_CLI": "rows { account destCli isDid count }",
    "GROUP_BY_TECH_PREFIX": "rows { techPrefix answeredCalls total }",
}
Rows = list[tuple[tuple[str, object], ...]]


def query(type: str) -> str:
    name = "".join(word.capitalize() for word in type.split("_"))
    span = 'from: "2025-11-01T00:00:00Z", to: "2025-12-01T00:00:00Z"'
    report = f'customReport(customer: "{CUSTOMER}", type: {type}, {span})'
    return f"{{ {report} {{ ... on {name}Report {{ {FIELDS[type]} }} }} }}"


def normal(rows: Any) -> Rows:
    return sorted((comparable(row) for row in rows), key=repr)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClickHouse]:
    server = ClickHouse(tmp_path_factory.mktemp("shared"))
    server.start()
    yield server
    server.stop()


@dataclass(frozen=True)
class Apis:
    """Two processes with one directory, a key for both, and the rows of each report by an independent calculation."""

    processes: list[Process]
    key: str
    truth: dict[str, Rows]

    def post(self, place: int, type: str, **headers: str) -> Any:
        """The answer of one of the processes."""
        given = {"Authorization": f"Bearer {self.key}", **headers}
        url = f"{self.processes[place].url}/graphql"
        return httpx2.post(url, json={"query": query(type)}, headers=given, timeout=PATIENCE).json()

    def rows(self, place: int, type: str) -> Rows:
        answer = self.post(place, type)
        assert "errors" not in answer, answer["errors"]
        return normal(answer["data"]["customReport"]["rows"])


@pytest.fixture(scope="module")
def apis(server: ClickHouse, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Apis]:
    home, store = tmp_path_factory.mktemp("outages"), new_database(server.url("").rstrip("/"))
    calls = [
        cdr_row(number, dt=f"2025-11-0{1 + number % 9}T10:00:00Z", tech_prefix=str(number % 4)) for number in range(30)
    ]
    (home / "cdrs.csv").write_bytes(as_csv(calls))
    codes = [CODE_HEADINGS, code_row("201555", "ALDFORD", "AS")]
    (home / "co_codes.tsv").write_text("".join("\t".join(row) + "\n" for row in codes))
    (home / "dids.csv").write_text(csv_line(DID_HEADINGS) + csv_line(["12025550101", CUSTOMER, "2025-01-01", ""]))
    directory = Directory(f"sqlite:///{home}/directory.db")
    directory.save_customers([Customer(id=CUSTOMER, name="Marigold Voice", currency="USD")])
    key = directory.create_key("staff", Role.STAFF)
    directory.close()
    variables = {
        "GQLREPORTS_STORE": f"{store.url}/{store.database}",
        "GQLREPORTS_DIRECTORY": f"sqlite:///{home}/directory.db",
        "GQLREPORTS_LIMITS_REQUESTS_PER_MINUTE": "1000000",
    }
    for kind, file in (("cdrs", "cdrs.csv"), ("dids", "dids.csv"), ("numbering", "co_codes.tsv")):
        assert inside(("load", kind, file), home, variables).code == 0
    world, truth = World.load(home), {}
    for type, fields in FIELDS.items():
        names = fields.split()[2:-1]
        truth[type] = normal({name: row[name] for name in names} for row in world.report(type, CUSTOMER, START, END))
    with ExitStack() as stack:
        yield Apis([stack.enter_context(serving(home, variables)) for _ in range(2)], key, truth)


def test_a_server_that_is_killed_under_sixteen_callers(server: ClickHouse, apis: Apis) -> None:
    """Every answer is right, or says that the store is not there; once it is back, all are answered."""
    stopped, failures = threading.Event(), list[BaseException]()
    codes, last = list[str](), dict[int, float]()

    def caller(number: int) -> None:
        types = list(FIELDS)
        for turn in count():
            if stopped.is_set():
                return
            type = types[(number + turn) % len(types)]
            answer = apis.post(number % 2, type)
            if "errors" in answer:
                codes.extend(each["extensions"]["code"] for each in answer["errors"])
                assert not (answer["data"] or {}).get("customReport")
            else:
                assert normal(answer["data"]["customReport"]["rows"]) == apis.truth[type]
                last[number] = time.monotonic()

    def guarded(number: int) -> None:
        try:
            caller(number)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=guarded, args=(number,)) for number in range(16)]
    for each in threads:
        each.start()
    try:
        wait_until(lambda: len(last) == 16 or bool(failures))
        server.stop()
        for process in apis.processes:
            process.until_ready(503)
        server.start()
        back = time.monotonic()
        wait_until(lambda: all(last[number] > back for number in range(16)) or bool(failures))
        for process in apis.processes:
            process.until_ready()
    finally:
        stopped.set()
        for each in threads:
            each.join()
    assert not failures, failures
    # A read is tried again for some seconds, so a server that is back soon costs nobody an answer.
    assert set(codes) <= {"STORE_UNAVAILABLE"}


def test_a_server_that_hangs(server: ClickHouse, apis: Apis) -> None:
    """Callers are told within their time, and all is right when it goes on."""
    assert server.process is not None
    server.process.send_signal(signal.SIGSTOP)
    try:
        answer = apis.post(0, "DID_AS_CLI", **{"X-Request-Timeout": "2"})
    finally:
        server.process.send_signal(signal.SIGCONT)
    assert {each["extensions"]["code"] for each in answer["errors"]} <= {"TIMEOUT", "STORE_UNAVAILABLE"}
    wait_until(lambda: "errors" not in apis.post(0, "DID_AS_CLI"))
    for place in range(2):
        assert apis.rows(place, "DID_AS_CLI") == apis.truth["DID_AS_CLI"]

"""Two processes before one ClickHouse server, while others load into it.

Each answer is that of the data before or after the load that is under way, whether it was computed, kept or
revalidated: never older than the last load that had ended when it was asked for, and never some of both.
"""

import csv
import itertools
import re
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from io import StringIO
from pathlib import Path
from typing import Any

import httpx2
import orjson
import pytest

from gqlreports.directory.directory import Directory
from gqlreports.directory.load_customers import load_customers
from gqlreports.directory.principal import Role
from tests.clickhouse.server import ClickHouse
from tests.support import sites
from tests.support.awkward import CODE_HEADINGS, COLUMNS, END, START, code_row, csv_line, write_files
from tests.support.commands import inside, without_notes
from tests.support.oracle import World
from tests.support.processes import Process, serving
from tests.support.stores import ServedStore, new_database
from tests.support.waiting import wait_until
from tests.test_reports import comparable

pytestmark = pytest.mark.processes

CUSTOMER, CALLERS, CALLS = "5001", 8, 500
TYPES = ("USA_RATE_CENTER", "DID_AS_CLI", "GROUP_BY_TECH_PREFIX", "PER_NUMBER")
REPORTS = sites.REGISTRY.reports
CHANGES = ("cdrs", "corrections", "numbering", "numbering", "corrections", "dids", "cdrs")
UNTIL_KEPT = {"cdrs", "corrections"}
DIGITS = re.compile(r"[0-9+]*[0-9]")
NUMBER = re.compile(r"1([2-9][0-9]{2}[2-9][0-9]{2})[0-9]{4}")


def question(type: str) -> str:
    columns = " ".join(each.graphql_name for each in REPORTS[type].columns(staff=True))
    scope = f'customer: "{CUSTOMER}", type: {type}, from: "{START.isoformat()}", to: "{END.isoformat()}"'
    rows = f"... on {REPORTS[type].type_name}Report {{ rows(first: 9999) {{ {columns} }} }}"
    return f"{{ customReport({scope}) {{ {rows} }} }}"


@dataclass(frozen=True)
class Deployment:
    """A server with a store, the variables of whoever works with it, and the key of a member of staff."""

    server: ClickHouse
    store: ServedStore
    home: Path
    key: str

    @property
    def variables(self) -> dict[str, str]:
        return {
            "GQLREPORTS_STORE": f"{self.store.url}/{self.store.database}",
            "GQLREPORTS_DIRECTORY": f"sqlite:///{self.home}/directory.db",
            "GQLREPORTS_LIMITS_REQUESTS_PER_MINUTE": "1000000",
        }

    def load(self, *words: str) -> None:
        done = inside(("load", *words), self.home, self.variables)
        assert (without_notes(done.stderr), done.code) == ("", 0)
        assert ", 0 rejected" in done.stdout

    @contextmanager
    def processes(self, number: int, **more: str) -> Iterator[list[Process]]:
        with ExitStack() as stack:
            yield [stack.enter_context(serving(self.home, self.variables | more)) for _ in range(number)]


@pytest.fixture(scope="module")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    home = tmp_path_factory.mktemp("processes")
    server = ClickHouse(home / "clickhouse")
    server.start()
    store = new_database(server.url("").rstrip("/"))
    directory = Directory(f"sqlite:///{home}/directory.db")
    write_files(home, calls=CALLS)
    load_customers(directory, str(home / "customers.json"))
    made = Deployment(server, store, home, directory.create_key("staff", Role.STAFF))
    directory.close()
    made.load("dids", "dids.csv")
    made.load("cdrs", "cdrs.csv")
    made.load("numbering", "co_codes.tsv", "thousands_blocks.csv")
    yield made
    server.stop()


class History:
    """What the store held after each load, as folders of files for an independent calculation."""

    def __init__(self, deployment: Deployment) -> None:
        self._deployment = deployment
        self._home = deployment.home
        self._texts = {
            name: (self._home / name).read_bytes().decode()
            for name in ("cdrs.csv", "dids.csv", "co_codes.tsv", "thousands_blocks.csv")
        }
        self._numbers = itertools.count()
        self._folders: list[Path] = []
        self._worlds: dict[int, World] = {}
        self._expected: dict[tuple[int, str], Any] = {}
        self._keep()

    def change(self, kind: str) -> list[str]:
        """The words of a load that changes what every report of TYPES says; what it leads to is in the history."""
        words: list[str] = getattr(self, f"_{kind}")(next(self._numbers))
        self._keep()
        return words

    def expected(self, state: int, type: str) -> Any:
        if (state, type) not in self._expected:
            if state not in self._worlds:
                self._worlds[state] = World.load(self._folders[state])
            rows = self._worlds[state].report(type, CUSTOMER, START, END)
            self._expected[state, type] = sorted(map(comparable, rows), key=repr)
        return self._expected[state, type]

    def _keep(self) -> None:
        folder = self._home / f"state-{len(self._folders)}"
        folder.mkdir()
        for name, text in self._texts.items():
            (folder / name).write_text(text, encoding="utf-8", newline="")
        self._folders.append(folder)

    def _plain(self) -> list[dict[str, str]]:
        """Calls of the customer in one month, so that a load of them is one insert; each as it was last."""
        rows = csv.DictReader(StringIO(self._texts["cdrs.csv"], newline=""))
        own = [row for row in rows if row["customer_id"] == CUSTOMER and row["dt"].startswith("2025-11-1")]
        keys = [(row["switch"], row["callid"].strip(), row["branch_idx"]) for row in own]
        return [row for place, row in enumerate(own) if keys.index(keys[place]) == place]

    def _cdrs(self, number: int) -> list[str]:
        some = self._plain()[number % 7 :: 7]
        return self._written(number, [row | {"callid": f"call-{number}-{n}"} for n, row in enumerate(some)])

    def _corrections(self, number: int) -> list[str]:
        changed = {"customer_charge": f"0.{number + 1:02}", "account": f"account-{number}", "tech_prefix": f"9{number}"}
        some = self._plain()[number % 5 :: 5]
        return [*self._written(number, [row | changed for row in some]), "--replace"]

    def _written(self, number: int, rows: list[dict[str, str]]) -> list[str]:
        """The same in the truth: there the first row of a key counts."""
        lines = [csv_line(row[name] for name in COLUMNS) for row in rows]
        headings, _, others = self._texts["cdrs.csv"].partition("\r\n")
        self._texts["cdrs.csv"] = f"{headings}\r\n{''.join(lines)}{others}"
        file = self._home / f"cdrs-{number}.csv"
        file.write_text("".join([csv_line(COLUMNS), *lines]), encoding="utf-8", newline="")
        return ["cdrs", file.name]

    def _numbering(self, number: int) -> list[str]:
        """Each prefix has another rate center."""
        prefixes = {found[1] for row in self._plain() if (found := NUMBER.fullmatch(row["dest_number"]))}
        codes = [code_row(each, f"CENTER {number}", "AS") for each in sorted(prefixes)]
        renewed = ["\t".join(cells) + "\r\n" for cells in codes]
        file = self._home / f"co_codes-{number}.tsv"
        file.write_text("".join(["\t".join(CODE_HEADINGS) + "\r\n", *renewed]), encoding="utf-8", newline="")
        self._texts["co_codes.tsv"] += "".join(renewed)
        return ["numbering", "--correct", file.name]

    def _dids(self, number: int) -> list[str]:
        numbers = sorted({row["dest_cli"] for row in self._plain() if DIGITS.fullmatch(row["dest_cli"])})
        lines = [csv_line((each, CUSTOMER, f"2025-10-{10 + number}", "")) for each in numbers[number % 2 :: 2]]
        file = self._home / f"dids-{number}.csv"
        file.write_text("did,customer_id,valid_from,valid_to\r\n" + "".join(lines), encoding="utf-8", newline="")
        self._texts["dids.csv"] += "".join(lines)
        return ["dids", file.name]


@dataclass(frozen=True)
class Told:
    """An answer, and the states of the history that it may be of."""

    type: str
    body: bytes
    first: int
    last: int


@dataclass
class Callers:
    """Ask one process and another in turns, half of them by GET, keeping what they are told to keep."""

    key: str
    processes: list[Process]
    begun: int = 0
    ended: int = 0
    told: list[Told] = field(default_factory=list)
    kept: Counter[str] = field(default_factory=Counter)
    """How many answers in the state that was reached last were kept ones, by process and how they were kept."""
    failed: list[str] = field(default_factory=list)
    stopped: bool = False

    @contextmanager
    def asking(self) -> Iterator[None]:
        threads = [threading.Thread(target=self._ask, args=(place,)) for place in range(CALLERS)]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self.stopped = True
            for thread in threads:
                thread.join()

    def _ask(self, place: int) -> None:
        tags: dict[str, tuple[str, bytes]] = {}
        with httpx2.Client(headers={"Authorization": f"Bearer {self.key}"}, timeout=60) as client:
            for turn in itertools.count(place):
                if self.stopped:
                    return
                url, type = self.processes[turn % 2].url, TYPES[(turn // 2) % len(TYPES)]
                first = self.ended
                if place % 2:
                    body, kept = self._posted(client, url, type)
                else:
                    body, kept = self._got(client, url, type, tags)
                self.told.append(Told(type, body, first, self.begun))
                if kept and first == self.ended:
                    self.kept[f"{kept} {url}"] += 1

    def _posted(self, client: httpx2.Client, url: str, type: str) -> tuple[bytes, str]:
        answer = client.post(f"{url}/graphql", json={"query": question(type)})
        return answer.content, "cached" if _cached(answer.content) else ""

    def _got(self, client: httpx2.Client, url: str, type: str, tags: dict[str, tuple[str, bytes]]) -> tuple[bytes, str]:
        tag, body = tags.get(type, ("none", b""))
        answer = client.get(f"{url}/graphql", params={"query": question(type)}, headers={"If-None-Match": tag})
        if answer.status_code == 304:
            return body, "revalidated"
        tags[type] = answer.headers.get("ETag", "none"), answer.content
        return answer.content, ""


def _cached(body: bytes) -> bool:
    return bool(orjson.loads(body).get("extensions", {}).get("statistics", {}).get("customReport", {}).get("cached"))


def rows_of(body: bytes) -> bytes:
    answer = orjson.loads(body)
    assert "errors" not in answer, answer["errors"]
    return orjson.dumps(answer["data"]["customReport"]["rows"])


def exact_rows(rows: bytes) -> Any:
    return sorted(map(comparable, orjson.loads(rows)), key=repr)


def test_answers_are_never_older_than_their_questions(deployment: Deployment) -> None:
    history = History(deployment)
    with deployment.processes(2) as processes:
        callers = Callers(deployment.key, processes)
        wanted = {f"{how} {each.url}" for how in ("cached", "revalidated") for each in processes}
        with callers.asking():
            wait_until(lambda: wanted <= set(callers.kept))
            for kind in CHANGES:
                words = history.change(kind)
                callers.begun += 1
                deployment.load(*words)
                callers.kept.clear()
                callers.ended += 1
                if kind in UNTIL_KEPT:
                    wait_until(lambda: wanted <= set(callers.kept))
    for type in TYPES:
        assert len({repr(history.expected(state, type)) for state in range(len(CHANGES) + 1)}) > 2
    for type, rows, first, last in {(each.type, rows_of(each.body), each.first, each.last) for each in callers.told}:
        found = exact_rows(rows)
        assert any(found == history.expected(state, type) for state in range(first, last + 1)), (type, first, last)

"""A GraphQL server for Node (mercurius, graphql-jit, @clickhouse/client) on the same store, beside the product.

A ClickHouse server holds the store, and the product, ordinary Strawberry resolvers and the server for Node are its
clients, on the same terms.
"""

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from http.client import HTTPConnection
from pathlib import Path
from shutil import which
from tempfile import TemporaryDirectory

import orjson

from benchmarks.ordinary import body_of
from benchmarks.responses import shortest
from benchmarks.results import Section, Table
from benchmarks.server import Answer, Client, rows_of, server
from benchmarks.statements import PLAIN, Question
from benchmarks.store import Home
from benchmarks.timing import Times, summed_up
from tests.clickhouse.library import bring
from tests.clickhouse.server import ClickHouse, free_port

ROWS = (30, 1_000, 20_000)
RUNS = 31
SECONDS = 30
CONTESTANTS = ("product", "Node", "Strawberry")
_FOLDER = Path(__file__).parent / "node"
_HEADINGS = ["rows", "product p50, ms", "p95", "Node p50, ms", "p95", "Node / product", "Strawberry p50, ms", "p95"]


def installed() -> bool:
    """Whether there is Node; what the server needs is installed where it is missing."""
    if which("npm") is None:
        print("There is no npm, so the server for Node is left out.", file=sys.stderr)
        return False
    if not (_FOLDER / "node_modules").exists():
        subprocess.run(["npm", "ci", "--no-audit", "--no-fund"], cwd=_FOLDER, check=True, stdout=sys.stderr)
    return True


def measured(home: Home, runs: int = RUNS, seconds: float = SECONDS) -> Section:
    with server(home) as client:
        questions = [found for rows in ROWS if (found := shortest(client, rows))]
    figures: dict[str, float] = {}
    rows = []
    bring()
    folder = TemporaryDirectory()
    clickhouse = ClickHouse(Path(folder.name), data=home.linked())
    clickhouse.start()
    try:
        with server(home, clickhouse.url()) as client, _node(clickhouse.port) as node:
            for question in questions:
                times = _measured(client, node, question, runs, seconds)
                figures |= {f"{question.first} {name}": each.p50 for name, each in times.items()}
                rows.append([f"{question.first:,}", *_cells(times)])
    finally:
        clickhouse.stop()
        folder.cleanup()
    return Section(figures, [Table("Beside a server for Node, all over HTTP", _HEADINGS, rows)])


class _Node:
    def __init__(self, port: int) -> None:
        self._connection = HTTPConnection("127.0.0.1", port)

    def ask(self, body: bytes) -> Answer:
        start = time.perf_counter()
        self._connection.request("POST", "/graphql", body, {"Content-Type": "application/json"})
        return Answer(self._connection.getresponse().read(), (time.perf_counter() - start) * 1000)


@contextmanager
def _node(store: int) -> Iterator[_Node]:
    port = free_port()
    statement = str(PLAIN / "PER_NUMBER.sql")
    more = {"CLICKHOUSE": f"http://127.0.0.1:{store}", "STATEMENT": statement, "PORT": str(port)}
    environment = os.environ | more | {"NODE_ENV": "production"}
    process = subprocess.Popen(["node", "server.mjs"], cwd=_FOLDER, env=environment)
    try:
        for _ in range(100):
            try:
                _Node(port).ask(b'{"query": "{ __typename }"}')
                break
            except ConnectionError:
                time.sleep(0.1)
        yield _Node(port)
    finally:
        process.terminate()
        process.wait()


def _measured(client: Client, node: _Node, question: Question, runs: int, seconds: float) -> dict[str, Times]:
    """Ordinary resolvers have no more than a third of the time, for they may take long."""
    _check(client.product(question.body), node.ask(body_of(question)), client.ordinary(body_of(question)))
    taken: dict[str, list[float]] = {name: [] for name in CONTESTANTS}
    begun = time.perf_counter()
    for run in range(runs):
        print(f"\r{question.first} rows over HTTP: {run + 1}", end="", file=sys.stderr, flush=True)
        later = question.shifted(timedelta(hours=1 + run))
        for name in ("product", "Node")[:: -1 if run % 2 else 1]:
            answer = client.product(later.body) if name == "product" else node.ask(body_of(later))
            taken[name].append(answer.milliseconds)
        elapsed = time.perf_counter() - begun
        if run < 3 or sum(taken["Strawberry"]) / 1000 < elapsed / 3:
            taken["Strawberry"].append(client.ordinary(body_of(later)).milliseconds)
        if run >= 2 and elapsed > seconds:
            break
    return {name: summed_up(each) for name, each in taken.items()}


def _check(product: Answer, *others: Answer) -> None:
    """All must give the same rows; some print a whole number as a float."""
    rows = orjson.loads(rows_of(product))
    for other in others:
        if orjson.loads(other.body)["data"]["numbers"] != rows:
            raise SystemExit(f"Two servers answer differently: {other.body[:300]!r}, {product.body[:300]!r}")


def _cells(times: Mapping[str, Times]) -> list[str]:
    product, node, ordinary = (times[name] for name in CONTESTANTS)
    cells = [f"{value:.2f}" for each in (product, node) for value in (each.p50, each.p95)]
    return [*cells, f"{node.p50 / product.p50:.2f}", f"{ordinary.p50:.1f}", f"{ordinary.p95:.1f}"]

"""How long reports take: over HTTP with ClickHouse's JSON spliced in, the engine alone, and ordinary resolvers.

Run it with `python -m benchmarks.reports`.
"""

import argparse
import multiprocessing
import socket
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection
from pathlib import Path
from statistics import quantiles

import orjson

from benchmarks.server import MILLISECONDS, WORKLOADS, Workload, serve

SECONDS_EACH = 35
FEWEST = 5
MOST = 500
_HEADINGS = (
    f"{'rows':>7} {'n':>4}  {'engine p50':>10} {'p95':>8}  {'spliced p50':>11} {'p95':>8}"
    f"  {'spliced/engine':>14} {'-engine':>8}  {'ordinary p50':>12} {'n':>4}  {'ordinary/spliced':>16}"
)


@dataclass
class Times:
    """Milliseconds of each kind for one workload."""

    engine: list[float] = field(default_factory=list)
    spliced: list[float] = field(default_factory=list)
    ordinary: list[float] = field(default_factory=list)


class Client:
    """One connection that is kept open."""

    def __init__(self, port: int, key: str) -> None:
        self._connection = HTTPConnection("127.0.0.1", port)
        self._headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}

    def ask(self, path: str, workload: Workload) -> tuple[bytes, float]:
        """The answer of a GraphQL endpoint, and the milliseconds until all of it was there."""
        body = orjson.dumps({"query": workload.query})
        start = time.perf_counter()
        self._connection.request("POST", path, body, self._headers)
        answer = self._connection.getresponse().read()
        return answer, (time.perf_counter() - start) * 1000

    def engine(self, workload: Workload) -> tuple[bytes, float]:
        """The engine's JSON for the same report, and the milliseconds that it took on its own."""
        self._connection.request("GET", f"/engine/{WORKLOADS.index(workload)}")
        response = self._connection.getresponse()
        return response.read(), float(response.headers[MILLISECONDS])


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.reports", description=__doc__)
    parser.add_argument(
        "--repetitions", type=int, help=f"of each measurement; as many as fit in {SECONDS_EACH} s where not given"
    )
    parser.add_argument(
        "--calls", type=int, default=100_000, help="CDRs that a report of fewer rows reads (default: %(default)s)"
    )
    options = parser.parse_args()
    with server(options.calls) as client:
        lines = []
        for workload in WORKLOADS:
            check(client, workload)
            lines.append(line(workload, measured(client, workload, options.repetitions)))
    print(f"Milliseconds; each report reads {options.calls} CDRs, or as many as its rows, and has four fields.")
    print("\n".join((_HEADINGS, *lines)))


@contextmanager
def server(calls: int) -> Iterator[Client]:
    """A server in a process of its own, on a store that goes with it."""
    context = multiprocessing.get_context("spawn")
    receiver, sender = context.Pipe(duplex=False)
    with tempfile.TemporaryDirectory() as directory, socket.create_server(("127.0.0.1", 0)) as listener:
        print("Generating calls", file=sys.stderr)
        process = context.Process(target=serve, args=(listener, Path(directory), calls, sender), daemon=True)
        process.start()
        sender.close()
        try:
            yield Client(listener.getsockname()[1], receiver.recv())
        finally:
            process.terminate()
            process.join()


def check(client: Client, workload: Workload) -> None:
    """Make sure that all three give the same answer, byte by byte or as values; this also warms them up."""
    engine, _ = client.engine(workload)
    spliced, _ = client.ask("/graphql", workload)
    ordinary, _ = client.ask("/ordinary", workload)
    if len(orjson.loads(engine)) != workload.rows:
        raise SystemExit(f"The report of {workload.rows} rows has {len(orjson.loads(engine))}.")
    if spliced != b'{"data":{"customReport":{"rows":' + engine + b"}}}":
        raise SystemExit(f"The server's answer is not the engine's: {spliced[:300]!r}")
    if orjson.loads(ordinary) != orjson.loads(spliced):
        raise SystemExit(f"Ordinary resolvers answer differently: {ordinary[:300]!r}")


def measured(client: Client, workload: Workload, repetitions: int | None) -> Times:
    """Engine and server in turn, and ordinary resolvers between them, but for no more than half of the time."""
    times = Times()
    begun = time.perf_counter()
    while (count := len(times.engine)) < (repetitions or MOST):
        elapsed = time.perf_counter() - begun
        if repetitions is None and elapsed > SECONDS_EACH and count >= FEWEST:
            break
        print(f"\r{workload.rows} rows: {count + 1}", end="", file=sys.stderr)
        if repetitions or len(times.ordinary) < FEWEST or sum(times.ordinary) / 1000 < elapsed / 2:
            times.ordinary.append(client.ask("/ordinary", workload)[1])
        for kind in ("engine", "spliced") if count % 2 else ("spliced", "engine"):
            if kind == "engine":
                times.engine.append(client.engine(workload)[1])
            else:
                times.spliced.append(client.ask("/graphql", workload)[1])
    print(file=sys.stderr)
    return times


def line(workload: Workload, times: Times) -> str:
    engine, spliced, ordinary = (percentiles(each) for each in (times.engine, times.spliced, times.ordinary))
    return (
        f"{workload.rows:>7} {len(times.engine):>4}  {engine[0]:>10.2f} {engine[1]:>8.2f}"
        f"  {spliced[0]:>11.2f} {spliced[1]:>8.2f}"
        f"  {spliced[0] / engine[0]:>14.3f} {spliced[0] - engine[0]:>8.2f}"
        f"  {ordinary[0]:>12.2f} {len(times.ordinary):>4}  {ordinary[0] / spliced[0]:>16.1f}"
    )


def percentiles(times: list[float]) -> tuple[float, float]:
    """The 50th and the 95th."""
    cuts = quantiles(times * 2 if len(times) == 1 else times, n=20, method="inclusive")
    return cuts[9], cuts[18]


if __name__ == "__main__":
    main()

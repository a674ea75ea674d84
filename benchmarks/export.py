"""What an export takes: memory over idle, rows a second, for each format, from an embedded store.

Run it with `python -m benchmarks.export`.  Each measurement is a process of its own, which has answered a small export
of the same kind before: what it has then is idle.
"""

import argparse
import asyncio
import multiprocessing
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from contextlib import aclosing
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import ParamSpec, TypeVar

from gqlreports.backends.base import Limits, Statement
from gqlreports.backends.embedded import EmbeddedBackend
from gqlreports.export.export import Export
from gqlreports.export.formats import FORMATS
from gqlreports.plugins import CountingBasis
from gqlreports.plugins.registry import Registry
from gqlreports.schema.request import ReportRequest
from gqlreports.store.definition import definition

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")

_START = datetime(2025, 11, 3, tzinfo=UTC)
_SMALL = timedelta(seconds=20)
_WHOLE = timedelta(days=400)
_REPORTS = ("USA_RATE_CENTER", "DID_AS_CLI", "GROUP_BY_TECH_PREFIX", "DTMF")
# Each CDR is a key of its own in every report.
_GENERATED = """
INSERT INTO cdr (
    customer_id, callid, dt, switch, account, tech_prefix, dest_cli, dest_number, duration, customer_charge,
    customer_card_currency, customer_card_dest_code, provider_card_id, provider_charge, provider_card_currency,
    dtmf, answered, sign, loaded_at
)
SELECT
    '1001', concat(toString(number), '@sw'), fromUnixTimestamp64Milli({start:Int64} + toInt64(number) * 1000, 'UTC'),
    'sw0', concat('1001-', toString(number % 7)), concat('1', leftPad(toString(number), 7, '0')),
    concat('1', toString(2000000000 + cityHash64(number) % 8000000000)), concat('44', toString(2000000000 + number)),
    60, 0.0123, 'USD', concat('9', toString(number)), concat('card-', toString(cityHash64(number))), 0.0045, 'USD',
    '12', true, 1, now64(3, 'UTC')
FROM numbers({rows:UInt64})
"""


@dataclass(frozen=True)
class Measured:
    """Megabytes and seconds of one export."""

    idle: float
    peak: float
    seconds: float
    rows: int
    size: int

    def __str__(self) -> str:
        rate = self.rows / self.seconds
        return (
            f"{self.peak - self.idle:>8.0f} {self.idle:>8.0f} {self.peak:>8.0f} {self.seconds:>8.1f} {rate:>10.0f}"
            f" {self.size / 1e6:>8.0f}"
        )


class Watch(threading.Thread):
    """Follows the resident memory of this process."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.peak = resident()
        self._ended = threading.Event()

    def run(self) -> None:
        while not self._ended.wait(0.01):
            self.peak = max(self.peak, resident())

    def end(self) -> float:
        self._ended.set()
        return self.peak


def resident() -> float:
    """Megabytes."""
    [line] = [each for each in Path("/proc/self/status").read_text().splitlines() if each.startswith("VmRSS")]
    return int(line.split()[1]) / 1024


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.export", description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000, help="rows of each report (default: %(default)s)")
    parser.add_argument("--formats", nargs="*", default=list(FORMATS), choices=list(FORMATS))
    parser.add_argument("--reports", nargs="*", default=list(_REPORTS), choices=_REPORTS)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        store = Path(folder) / "store"
        print(f"Generating {options.rows} CDRs", file=sys.stderr)
        fresh(generate, store, options.rows)
        print(
            f"{'report':<21} {'format':<8} {'MB over':>8} {'MB idle':>8} {'peak':>8} {'s':>8} {'rows/s':>10} {'MB':>8}"
        )
        for report in options.reports:
            for form in options.formats:
                print(f"{report:<21} {form:<8} {fresh(measure, store, options.rows, report, form)}", flush=True)


def fresh(work: Callable[Arguments, Result], *arguments: Arguments.args, **named: Arguments.kwargs) -> Result:
    """What `work` returns, in a process of its own."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        return pool.submit(work, *arguments, **named).result()


def generate(store: Path, rows: int) -> None:
    """Fill the store."""

    async def filled() -> None:
        backend = EmbeddedBackend(store, definition())
        async with backend.session() as session:
            values = {"start": int(_START.timestamp() * 1000), "rows": rows}
            await session.command(Statement(_GENERATED, values))
        await backend.close()

    asyncio.run(filled())


def measure(store: Path, rows: int, report: str, form: str) -> Measured:
    """One export, thrown away as it comes."""
    return asyncio.run(_measured(store, rows, report, form))


async def _measured(store: Path, rows: int, report: str, form: str) -> Measured:
    registered = Registry.load().reports[report]
    parameters = registered.report.Parameters()
    request = ReportRequest(registered, "1001", _START, _START + _SMALL, parameters, CountingBasis.CALL, staff=True)
    backend = EmbeddedBackend(store, definition(), Limits(seconds=600))
    await backend.open()
    await _taken(backend, request, form)
    idle = resident()
    watch = Watch()
    watch.start()
    begun = time.perf_counter()
    count, size = await _taken(backend, replace(request, end=_START + _WHOLE), form)
    seconds = time.perf_counter() - begun
    peak = watch.end()
    await backend.close()
    if count != rows:
        raise RuntimeError(f"of {rows} rows {count} were exported")
    return Measured(idle, peak, seconds, count, size)


async def _taken(backend: EmbeddedBackend, request: ReportRequest, form: str) -> tuple[int, int]:
    """Rows and bytes of an export."""
    count = size = 0

    def on_rows(more: int) -> None:
        nonlocal count
        count += more

    export = Export(request, request.columns)
    async with aclosing(FORMATS[form].write(export, backend, on_rows)) as pieces:
        async for piece in pieces:
            size += len(piece)
    return count, size


if __name__ == "__main__":
    main()

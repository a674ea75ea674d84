"""Runs a report over a few calls on the real engine."""

import asyncio
import tempfile
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path

import orjson

from gqlreports.backends.base import Backend, Customers
from gqlreports.extras import needed
from gqlreports.plugins import CountingBasis, Report
from gqlreports.plugins.registry import RegisteredReport, Registry
from gqlreports.schema.request import ReportRequest
from gqlreports.store.cdr_columns import COLUMNS
from gqlreports.store.definition import definition
from gqlreports.store.load_cdrs import load_cdrs
from gqlreports.tables import meant
from gqlreports.testing.answers import Row, rows_of, value_fault

with needed("embedded", "Tests of reports need"):
    from gqlreports.backends.embedded.backend import EmbeddedBackend

_CUSTOMER = "1001"
_BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)
_END = datetime(2100, 1, 1, tzinfo=UTC)


def run_report(
    report: type[Report],
    calls: Iterable[Mapping[str, object]],
    basis: CountingBasis = CountingBasis.CALL,
    **parameters: object,
) -> list[Row]:
    """Run a report over `calls` and return its rows, as the API would.

    Each call is a CDR with the column names of a CDR file.  Missing columns are filled in from an answered call of one
    minute on 2025-11-03.  This opens an embedded store in a temporary directory, so no other may be open in the
    process.  Raises TypeError for a value that is not of its column's declared type, ValueError for an invalid call.
    """
    with tempfile.TemporaryDirectory() as folder:
        rows = asyncio.run(_rows(report, calls, basis, parameters, Path(folder)))
    for row in rows:
        for column in report.columns.values():
            if fault := value_fault(column, row[column.graphql_name]):
                raise TypeError(fault)
    return rows


async def _rows(
    report: type[Report],
    calls: Iterable[Mapping[str, object]],
    basis: CountingBasis,
    parameters: Mapping[str, object],
    folder: Path,
) -> list[Row]:
    registered = RegisteredReport("TESTED", report(), "tests")
    backend = embedded_store(registered, folder)
    try:
        await load_calls(backend, calls, folder)
        given = report.Parameters.model_validate(parameters)
        request = ReportRequest(registered, Customers.of(_CUSTOMER), _BEGINNING, _END, given, basis, staff=True)
        return await rows_of(request, backend)
    finally:
        await backend.close()


def embedded_store(report: RegisteredReport, folder: Path) -> EmbeddedBackend:
    """A new store in a folder, with the rollup of one report if it has one."""
    return EmbeddedBackend(folder / "store", definition(Registry({report.name: report})))


async def load_calls(backend: Backend, calls: Iterable[Mapping[str, object]], folder: Path) -> None:
    """Load calls by a file in the folder.  Raises ValueError for an invalid call, with the reason."""
    file = folder / "calls.jsonl"
    file.write_bytes(b"\n".join(orjson.dumps(_filled(place, call)) for place, call in enumerate(calls)))
    loaded = await load_cdrs(backend, str(file), lambda count: None)
    if loaded.rejected:
        raise ValueError(Path(f"{file}.rejects.csv").read_text())


def _filled(place: int, call: Mapping[str, object]) -> dict[str, str]:
    usual = {
        "customer_id": _CUSTOMER,
        "callid": f"call-{place}",
        "dt": "2025-11-03 09:00:00.000",
        "branch_idx": "0",
        "switch": "sw0",
        "duration": "60",
        "sip_code": "200",
    }
    empty = {column.name: "" for column in COLUMNS}
    for name in call:
        if name not in empty:
            raise ValueError(f"call {place} has {name}, which is no column of a CDR file{meant(name, empty)}")
    return empty | usual | {name: str(value) for name, value in call.items()}

"""Runs a report over a few calls on the real engine, for the tests of report authors."""

import asyncio
import tempfile
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson

from gqlreports.extras import needed
from gqlreports.plugins import CountingBasis, Report
from gqlreports.plugins.registry import RegisteredReport, Registry
from gqlreports.schema.answer import ReportAnswer
from gqlreports.schema.request import ReportRequest, Selection
from gqlreports.store.cdr_columns import COLUMNS
from gqlreports.store.definition import definition
from gqlreports.store.load_cdrs import load_cdrs
from gqlreports.tables import meant

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
) -> list[dict[str, Any]]:
    """Run a report over `calls` and return its rows, as the API would.

    Each call is a CDR with the column names of a CDR file.  Missing columns are filled in from an answered call of one
    minute on 2025-11-03.  This opens an embedded store in a temporary directory, so no other may be open in the
    process.  Raises TypeError for a value that is not of its column's declared type, ValueError for an invalid call.
    """
    with tempfile.TemporaryDirectory() as folder:
        rows = asyncio.run(_rows(report, calls, basis, parameters, Path(folder)))
    for row in rows:
        for column in report.columns.values():
            value = row[column.graphql_name]
            if value is None and column.nullable:
                continue
            json = column.type.scalar.json
            if type(value) is not json and not (json is float and type(value) is int):
                raise TypeError(f"column {column.name} is declared {column.type.name}, and a value is {value!r}")
    return rows


async def _rows(
    report: type[Report],
    calls: Iterable[Mapping[str, object]],
    basis: CountingBasis,
    parameters: Mapping[str, object],
    folder: Path,
) -> list[dict[str, Any]]:
    file = folder / "calls.jsonl"
    file.write_bytes(b"\n".join(orjson.dumps(_filled(place, call)) for place, call in enumerate(calls)))
    registered = RegisteredReport("TESTED", report(), "tests")
    backend = EmbeddedBackend(folder / "store", definition(Registry({registered.name: registered})))
    try:
        loaded = await load_cdrs(backend, str(file), lambda count: None)
        if loaded.rejected:
            raise ValueError(Path(f"{file}.rejects.csv").read_text())
        given = report.Parameters.model_validate(parameters)
        request = ReportRequest(registered, _CUSTOMER, _BEGINNING, _END, given, basis, staff=True)
        answer = await ReportAnswer(request, backend).rows(Selection.all(request.columns))
        rows: list[dict[str, Any]] = orjson.loads(answer)
        return rows
    finally:
        await backend.close()


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

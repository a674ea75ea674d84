"""The formats of exports, by their extension."""

from collections.abc import AsyncGenerator, Callable, Mapping
from dataclasses import dataclass

from gqlreports.backends.base import Backend
from gqlreports.errors import InvalidInput
from gqlreports.export.csv import csv
from gqlreports.export.export import Export, OnRows
from gqlreports.export.jsonl import jsonl
from gqlreports.export.parquet import parquet
from gqlreports.export.xlsx import xlsx


@dataclass(frozen=True)
class ExportFormat:
    """`write` gives the file of an export piece by piece, the first once there is something to show.

    It raises what the store raises, also on the way; then the file is not complete, and can be seen not to be.
    """

    extension: str
    media_type: str
    write: Callable[[Export, Backend, OnRows], AsyncGenerator[bytes, None]]


FORMATS: Mapping[str, ExportFormat] = {
    each.extension: each
    for each in (
        ExportFormat("csv", "text/csv; charset=utf-8; header=present", csv),
        ExportFormat("xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", xlsx),
        ExportFormat("parquet", "application/vnd.apache.parquet", parquet),
        ExportFormat("jsonl", "application/x-ndjson", jsonl),
    )
}


def export_format(extension: str) -> ExportFormat:
    """Raises InvalidInput for one that there is none of."""
    found = FORMATS.get(extension.lower())
    if found is None:
        raise InvalidInput(f"There is no format {extension[:64]!r} of exports; there are {', '.join(FORMATS)}.")
    return found

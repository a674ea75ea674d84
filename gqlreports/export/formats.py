"""The formats of exports, by their extension."""

from collections.abc import AsyncGenerator, Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from gqlreports.backends.base import Backend
from gqlreports.errors import InvalidInput
from gqlreports.export.csv import csv
from gqlreports.export.export import Export, OnRows
from gqlreports.export.jsonl import jsonl
from gqlreports.extras import needed

Writer: TypeAlias = Callable[[Export, Backend, OnRows], AsyncGenerator[bytes, None]]


@dataclass(frozen=True)
class ExportFormat:
    """`writer` finds what writes the format, and raises NotInstalled where its packages are not there."""

    extension: str
    media_type: str
    writer: Callable[[], Writer]

    def write(self, export: Export, backend: Backend, on_rows: OnRows) -> AsyncGenerator[bytes, None]:
        """The file of an export piece by piece, the first once there is something to show.

        Raises what the store raises, also on the way; then the file is not complete, and can be seen not to be.
        """
        return self.writer()(export, backend, on_rows)


def _xlsx() -> Writer:
    with needed("files", "Excel files need"):
        from gqlreports.export.xlsx import xlsx
    return xlsx


def _parquet() -> Writer:
    with needed("files", "Parquet files need"):
        from gqlreports.export.parquet import parquet
    return parquet


FORMATS: Mapping[str, ExportFormat] = {
    each.extension: each
    for each in (
        ExportFormat("csv", "text/csv; charset=utf-8; header=present", lambda: csv),
        ExportFormat("xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", _xlsx),
        ExportFormat("parquet", "application/vnd.apache.parquet", _parquet),
        ExportFormat("jsonl", "application/x-ndjson", lambda: jsonl),
    )
}


def export_format(extension: str) -> ExportFormat:
    """Raises InvalidInput for one that there is none of, NotInstalled for one whose packages are not there."""
    found = FORMATS.get(extension.lower())
    if found is None:
        raise InvalidInput(f"There is no format {extension[:64]!r} of exports; there are {', '.join(FORMATS)}.")
    found.writer()
    return found

"""Excel workbooks: one sheet with a header that stays, numbers as numbers, and texts that are never formulas."""

import tempfile
from collections.abc import AsyncGenerator, Callable
from contextlib import closing
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow
from starlette.concurrency import run_in_threadpool
from xlsxwriter import Workbook
from xlsxwriter.format import Format
from xlsxwriter.worksheet import Worksheet

from gqlreports.backends.base import Backend
from gqlreports.errors import LimitExceeded
from gqlreports.export.arrow import tables
from gqlreports.export.export import Export, OnRows
from gqlreports.plugins.aggregates import COUNT, MONEY, RATIO, SECONDS, TEXT
from gqlreports.plugins.contract import MOMENT, AnyColumn

MOST_ROWS = 1_048_575
"""Rows of a sheet but for its header."""
LONGEST = 32_767
"""UTF-16 units of a cell's text."""

_EXACT_DIGITS = 15
_PIECE = 1 << 20
_FORMATS = [
    (TEXT, "@"),
    (COUNT, "#,##0"),
    (MONEY, "#,##0.00######"),
    (SECONDS, "#,##0.000"),
    (RATIO, "#,##0.00"),
    (MOMENT, "yyyy-mm-dd hh:mm:ss.000"),
]
_PERCENT = "0.0%"
_WIDTHS = [(TEXT, 18), (MOMENT, 24)]
_WIDTH = 14


async def xlsx(export: Export, backend: Backend, on_rows: OnRows) -> AsyncGenerator[bytes, None]:
    """The file, once all of it is written.

    Raises LimitExceeded for more rows than a sheet has, or for a text that is too long for a cell.
    """
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        path = Path(folder) / "export.xlsx"
        with closing(_Sheet(path, export)) as sheet:
            async for table in tables(export, backend, on_rows):
                await run_in_threadpool(sheet.add, table)
            await run_in_threadpool(sheet.finish)
        with path.open("rb") as file:
            while piece := await run_in_threadpool(file.read, _PIECE):
                yield piece


class _Sheet:
    """A workbook that is written row by row; of the rows only the last is kept in memory."""

    def __init__(self, path: Path, export: Export) -> None:
        self._book = Workbook(str(path), {"constant_memory": True, "tmpdir": str(path.parent)})
        self._sheet: Worksheet = self._book.add_worksheet(export.request.report.name[:31])
        self._zone = export.zone
        self._rows = 0
        self._formats = [self._book.add_format({"num_format": number_format(each)}) for each in export.columns]
        self._writers = [_writer(each, self._sheet) for each in export.columns]
        self._write_header(export)

    def add(self, table: pyarrow.Table) -> None:
        if self._rows + table.num_rows > MOST_ROWS:
            raise LimitExceeded(f"A sheet holds {MOST_ROWS} rows, and there are more: export csv or parquet instead.")
        columns = [column.to_pylist() for column in table.columns]
        for row, values in enumerate(zip(*columns, strict=True), self._rows + 1):
            for place, value in enumerate(values):
                if value is not None:
                    self._writers[place](row, place, value, self._formats[place])
        self._rows += table.num_rows

    def finish(self) -> None:
        """Make the file."""
        self._sheet.autofilter(0, 0, self._rows, len(self._formats) - 1)
        self._book.set_custom_property("rowCount", self._rows)
        self._book.set_custom_property("timeZone", self._zone)
        self._book.close()

    def close(self) -> None:
        """Let go of the rows, which XlsxWriter itself does only when it has made the file."""
        self._sheet.row_data_fh.close()

    def _write_header(self, export: Export) -> None:
        bold = self._book.add_format({"bold": True})
        self._sheet.freeze_panes(1, 0)
        for place, column in enumerate(export.columns):
            width = next((width for known, width in _WIDTHS if column.type is known), _WIDTH)
            self._sheet.set_column(place, place, max(width, len(column.graphql_name) + 4))
            self._sheet.write_string(0, place, column.graphql_name, bold)


def number_format(column: AnyColumn) -> str:
    """How Excel shows a column."""
    if column.type is RATIO and column.unit == "0..1":
        return _PERCENT
    return next((form for known, form in _FORMATS if column.type is known), "General")


_Writer = Callable[[int, int, Any, Format], object]


def _writer(column: AnyColumn, sheet: Worksheet) -> _Writer:
    """What writes a value of a column into a cell."""

    def text(row: int, place: int, value: str, form: Format) -> None:
        if len(value.encode("utf-16-le")) > 2 * LONGEST:
            raise LimitExceeded(f"A text in {column.graphql_name} is too long for a cell: export csv or parquet.")
        if value.startswith("<r>") and value.endswith("</r>"):
            # XlsxWriter would take it for markup of its own.
            sheet.write_rich_string(row, place, "<", "r>", value[3:], form)
        else:
            sheet.write_string(row, place, value, form)

    def number(row: int, place: int, value: int | Decimal, form: Format) -> None:
        if len(Decimal(value).normalize().as_tuple().digits) > _EXACT_DIGITS:
            sheet.write_string(row, place, format(Decimal(value), "f"), form)
        else:
            sheet.write_number(row, place, value, form)

    def moment(row: int, place: int, value: datetime, form: Format) -> None:
        sheet.write_datetime(row, place, value.replace(tzinfo=None), form)

    writers: list[tuple[object, _Writer]] = [
        (TEXT, text),
        (COUNT, number),
        (MONEY, number),
        (SECONDS, number),
        (RATIO, sheet.write_number),
        (MOMENT, moment),
    ]
    return next((writer for known, writer in writers if column.type is known), sheet.write_boolean)

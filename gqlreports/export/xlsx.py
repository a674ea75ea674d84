"""Excel workbooks: one sheet with a frozen header, numbers as numbers, and texts that are never formulas."""

import tempfile
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow
from starlette.concurrency import run_in_threadpool
from xlsxwriter import Workbook
from xlsxwriter.format import Format
from xlsxwriter.worksheet import Worksheet

from gqlreports.errors import LimitExceeded
from gqlreports.export.arrow import tables
from gqlreports.export.columns import ExportColumn
from gqlreports.export.export import Export, OnRows, RowSource
from gqlreports.plugins.types import complete

MOST_ROWS = 1_048_575
"""How many rows a sheet can have below its header."""
LONGEST = 32_767
"""How long the text of a cell can be, in UTF-16 code units."""

_EXACT_DIGITS = 15
_PIECE = 1 << 20


async def xlsx(export: Export, source: RowSource, on_rows: OnRows) -> AsyncGenerator[bytes, None]:
    """Yield the file in pieces after all of it is written.

    Raises LimitExceeded for more rows than a sheet can have, or for a text that is too long for a cell.
    """
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        path = Path(folder) / "export.xlsx"
        with closing(_Sheet(path, export)) as sheet:
            async for table in tables(export, source, on_rows):
                await run_in_threadpool(sheet.add, table)
            await run_in_threadpool(sheet.finish)
        with path.open("rb") as file:
            while piece := await run_in_threadpool(file.read, _PIECE):
                yield piece


class _Sheet:
    """A workbook that is written row by row; only the last row is kept in memory."""

    def __init__(self, path: Path, export: Export) -> None:
        self._book = Workbook(str(path), {"constant_memory": True, "tmpdir": str(path.parent)})
        self._sheet: Worksheet = self._book.add_worksheet(export.request.report.name[:31])
        self._zone = export.zone
        self._rows = 0
        self._write_header(export)
        self._columns = [self._column(place, each) for place, each in enumerate(export.columns)]

    def add(self, table: pyarrow.Table) -> None:
        if self._rows + table.num_rows > MOST_ROWS:
            raise LimitExceeded("sheetRows", self._rows + table.num_rows, MOST_ROWS, "export csv or parquet instead")
        columns = [column.to_pylist() for column in table.columns]
        for row, values in enumerate(zip(*columns, strict=True), self._rows + 1):
            for column, value in zip(self._columns, values, strict=True):
                if value is not None:
                    column.write(column, row, value)
        self._rows += table.num_rows

    def finish(self) -> None:
        """Write the file."""
        self._sheet.autofilter(0, 0, self._rows, len(self._columns) - 1)
        self._book.set_custom_property("rowCount", self._rows)
        self._book.set_custom_property("timeZone", self._zone)
        self._book.close()

    def close(self) -> None:
        """Close the temporary file of the rows; XlsxWriter itself closes it only after writing the workbook."""
        self._sheet.row_data_fh.close()

    def _write_header(self, export: Export) -> None:
        bold = self._book.add_format({"bold": True})
        self._sheet.freeze_panes(1, 0)
        for place, column in enumerate(export.columns):
            self._sheet.set_column(place, place, max(column.type.width, len(column.name) + 4))
            self._sheet.write_string(0, place, column.name, bold)

    def _column(self, place: int, column: ExportColumn) -> "_Column":
        form = self._book.add_format({"num_format": column.type.look_in(column.unit).excel})
        return _Column(self._sheet, column.name, place, form, _WRITERS[column.type.python])


@dataclass(frozen=True)
class _Column:
    """A column of a sheet; `write` writes a value into the cell of a row."""

    sheet: Worksheet
    name: str
    place: int
    form: Format
    write: "Callable[[_Column, int, Any], None]"


def _text(column: _Column, row: int, value: str) -> None:
    if (length := len(value.encode("utf-16-le")) // 2) > LONGEST:
        raise LimitExceeded("cellCharacters", length, LONGEST, f"export {column.name} to csv or parquet")
    if value.startswith("<r>") and value.endswith("</r>"):
        # XlsxWriter's write_string would read this text as its own markup.
        column.sheet.write_rich_string(row, column.place, "<", "r>", value[3:], column.form)
    else:
        column.sheet.write_string(row, column.place, value, column.form)


def _exact(column: _Column, row: int, value: int | Decimal) -> None:
    """Write a number; as text if Excel would lose some of its digits."""
    if len(Decimal(value).normalize().as_tuple().digits) > _EXACT_DIGITS:
        column.sheet.write_string(row, column.place, format(Decimal(value), "f"), column.form)
    else:
        column.sheet.write_number(row, column.place, value, column.form)


def _fraction(column: _Column, row: int, value: float) -> None:
    column.sheet.write_number(row, column.place, value, column.form)


def _flag(column: _Column, row: int, value: bool) -> None:
    column.sheet.write_boolean(row, column.place, value, column.form)


def _moment(column: _Column, row: int, value: datetime) -> None:
    column.sheet.write_datetime(row, column.place, value.replace(tzinfo=None), column.form)


_WRITERS: Mapping[type[Any], Callable[[_Column, int, Any], None]] = complete(
    {str: _text, bool: _flag, int: _exact, Decimal: _exact, float: _fraction, datetime: _moment},
    lambda column_type: [column_type.python],
    "a writer of Excel's cells",
)

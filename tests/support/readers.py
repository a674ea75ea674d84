"""Reads exported files with other people's readers, into rows as the API gives them."""

import csv
import io
import json
import re
from collections.abc import Callable, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, Protocol

import openpyxl
import pyarrow.parquet

from gqlreports.plugins import MOMENT, TEXT
from gqlreports.plugins.types import ColumnType


class Named(Protocol):
    """A column of a file, as a reader must know it."""

    @property
    def graphql_name(self) -> str: ...

    @property
    def type(self) -> ColumnType: ...


Rows = list[dict[str, Any]]
Columns = Sequence[Named]

_FIRST = "=+-@＝＋－＠"  # noqa: RUF001


def guarded(text: str) -> str:
    """A text as it must be in CSV."""
    if re.fullmatch("[+-][0-9]+", text):
        return text
    behind_blanks = text.lstrip("".join(map(chr, range(33))))
    dangerous = text.startswith(("\t", "\r", "\n")) or behind_blanks.startswith(tuple(_FIRST))
    return f"'{text}" if dangerous else text


def exact(value: Any, column: Named) -> Any:
    """A value of the API; decimals as numbers, moments as moments."""
    if value is None or column.type.scalar.json is not str or column.type is TEXT:
        return value
    return datetime.fromisoformat(value) if column.type is MOMENT else Decimal(value)


def expected(rows: Rows, columns: Columns) -> Rows:
    return [{each.graphql_name: exact(row[each.graphql_name], each) for each in columns} for row in rows]


def read_csv(file: bytes, columns: Columns) -> Rows:
    """Empty texts come as null, which csv cannot tell from them."""
    header, *lines, last = list(csv.reader(io.StringIO(file.decode(), newline="")))
    assert last == [f"# {len(lines)} rows"]
    assert header == [each.graphql_name for each in columns]
    return [dict(zip(header, map(_from_csv, line, columns), strict=True)) for line in lines]


def _from_csv(text: str, column: Named) -> Any:
    if not text:
        return None
    kind = column.type.scalar.json
    return text == "true" if kind is bool else kind(text) if kind is not str else exact(text, column)


def read_jsonl(file: bytes, columns: Columns) -> Rows:
    *rows, last = [json.loads(line) for line in file.decode().removesuffix("\n").split("\n")]
    assert last == {"rowCount": len(rows)}
    assert all(list(row) == [each.graphql_name for each in columns] for row in rows)
    return expected(rows, columns)


def read_parquet(file: bytes, columns: Columns) -> Rows:
    read = pyarrow.parquet.ParquetFile(io.BytesIO(file))
    table = read.read()
    assert read.metadata.num_rows == table.num_rows
    assert table.column_names == [each.graphql_name for each in columns]
    rows: Rows = table.to_pylist()
    return rows


def read_xlsx(file: bytes, columns: Columns) -> Rows:
    book = openpyxl.load_workbook(io.BytesIO(file))
    sheet = book.active
    header, *lines = sheet.iter_rows()
    assert [cell.value for cell in header] == [each.graphql_name for each in columns]
    assert all(cell.font.b for cell in header)
    assert all(cell.data_type != "f" for line in lines for cell in line)
    assert sheet.freeze_panes == "A2"
    assert book.custom_doc_props["rowCount"].value == len(lines)
    return [
        {each.graphql_name: _from_cell(cell.value, each) for each, cell in zip(columns, line, strict=True)}
        for line in lines
    ]


def _from_cell(value: Any, column: Named) -> Any:
    if isinstance(value, datetime):
        return value
    if isinstance(value, str) and column.type is TEXT:
        return re.sub("_x([0-9A-F]{4})_", lambda found: chr(int(found[1], 16)), value)
    if value is None or column.type.scalar.json is not str:
        return value
    return Decimal(repr(value) if isinstance(value, float) else value)


READERS: dict[str, Callable[[bytes, Columns], Rows]] = {
    "csv": read_csv,
    "jsonl": read_jsonl,
    "parquet": read_parquet,
    "xlsx": read_xlsx,
}

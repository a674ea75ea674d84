"""The rows of small tables: CSV, or tab separated."""

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True)
class Record:
    """A row as it stands in its file: where it begins (line 1 is the first) and its text."""

    line: int
    text: str


class _Tabs(csv.excel_tab):
    quoting = csv.QUOTE_NONE


@dataclass(frozen=True)
class Cells:
    """A row of a small table: its cells by column name, trimmed, and where it stands."""

    values: dict[str, str]
    record: Record


def cells(stream: io.BufferedReader) -> tuple[tuple[str, ...], Iterator[Cells]]:
    """The column names and the rows of a CSV file, or of a tab separated one if a tab is in its first line."""
    text = io.TextIOWrapper(stream, "utf-8-sig", newline="")
    first = text.readline()
    tabs = "\t" in first
    dialect = _Tabs if tabs else csv.excel
    names = tuple(name.strip() for name in next(csv.reader([first], dialect), []))
    return names, _cells(text, names, dialect)


def _cells(text: io.TextIOWrapper, names: tuple[str, ...], dialect: type[csv.Dialect]) -> Iterator[Cells]:
    reader = csv.reader(text, dialect)
    line = 2
    for row in reader:
        if any(cell.strip() for cell in row):
            values = dict.fromkeys(names, "") | dict(zip(names, (cell.strip() for cell in row), strict=False))
            yield Cells(values, Record(line, dialect.delimiter.join(row)))
        line = reader.line_num + 2

"""A report on the terminal: the same request as the API's, printed as a table, CSV or JSON."""

import csv
import sys
from collections.abc import Sequence
from datetime import datetime
from enum import Enum
from typing import Any

import orjson
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from gqlreports.backends.base import Backend
from gqlreports.export.export import Export
from gqlreports.plugins.contract import AnyColumn
from gqlreports.schema.plan.cells import readable

_WIDE = 10_000


class Format(Enum):
    """How a report is printed."""

    TABLE = "table"
    CSV = "csv"
    JSON = "json"


async def print_report(export: Export, backend: Backend, form: Format) -> None:
    """All rows of a report on standard output; a table has the totals at its foot."""
    rows = (await backend.fetch_json(export.statement(readable))).json
    if form is Format.JSON:
        sys.stdout.buffer.write(orjson.dumps(orjson.Fragment(rows.strip())) + b"\n")
    elif form is Format.CSV:
        _print_csv(export.columns, orjson.loads(rows))
    else:
        [totals] = orjson.loads((await backend.fetch_json(export.totals(readable))).json)
        _print_table(export.columns, orjson.loads(rows), totals)


def _print_csv(columns: Sequence[AnyColumn], rows: list[dict[str, Any]]) -> None:
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(column.graphql_name for column in columns)
    writer.writerows([_text(value) for value in row.values()] for row in rows)


def _print_table(columns: Sequence[AnyColumn], rows: list[dict[str, Any]], totals: dict[str, Any]) -> None:
    table = Table(show_footer=bool(rows), caption=f"{len(rows)} rows")
    for column in columns:
        footer = _text(totals.get(column.graphql_name))
        numeric = column.graphql_name in totals and not isinstance(totals[column.graphql_name], str)
        table.add_column(column.graphql_name, footer=footer, justify="right" if numeric else "left")
    for row in rows:
        table.add_row(*(escape(_text(value)) for value in row.values()))
    print_table(table)


def print_table(table: Table) -> None:
    """A table on standard output, cut to the width of a terminal but not of a pipe."""
    Console(width=None if sys.stdout.isatty() else _WIDE).print(table)


def _text(value: object) -> str:
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)


def shown_moment(moment: datetime | None) -> str:
    """For a table: in UTC, empty for none."""
    return moment.isoformat(" ", "seconds") if moment else ""

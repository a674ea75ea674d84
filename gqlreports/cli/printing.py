"""Prints reports and tables, and writes reports to files."""

import asyncio
import csv
import sys
from collections.abc import Iterator, Sequence
from contextlib import aclosing, contextmanager
from datetime import datetime
from decimal import Decimal
from enum import Enum
from pathlib import Path
from typing import Any

import orjson
import typer
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from gqlreports.backends.base import Backend, Statement
from gqlreports.cli.support import standard_error
from gqlreports.cli.table import TextTable
from gqlreports.errors import InvalidInput
from gqlreports.export.columns import selection_of
from gqlreports.export.export import Export, OnRows, RowSource
from gqlreports.export.formats import ExportFormat
from gqlreports.export.parts import RowsPart
from gqlreports.schema.plan import rows as plan
from gqlreports.schema.plan.grain import total_columns
from gqlreports.schema.plan.printing import in_zone, readable
from gqlreports.store.check_cdrs import SHOWN, Check


class Format(Enum):
    """The format in which a report is printed."""

    TABLE = "table"
    CSV = "csv"
    JSON = "json"


async def print_report(export: Export, backend: Backend, form: Format) -> None:
    """Print a part of a report on standard output.  A table of rows has the totals of all rows in its footer."""
    rows = (await backend.fetch_json(export.statement(readable))).json
    if form is Format.JSON:
        sys.stdout.buffer.write(orjson.dumps(orjson.Fragment(rows.strip())) + b"\n")
    elif form is Format.CSV:
        _print_csv(export.names, orjson.loads(rows))
    elif isinstance(export.part, RowsPart):
        await _print_rows(export, export.part, backend, orjson.loads(rows))
    else:
        numbers = [column.name for column in export.columns if column.type.scalar.json in (int, float)]
        _print_table(TextTable(export.names, right=numbers), orjson.loads(rows))


async def _print_rows(export: Export, part: RowsPart, backend: Backend, rows: list[dict[str, Any]]) -> None:
    request, caption = export.request, f"{len(rows)} rows"
    summed = {column.graphql_name for column in total_columns(request.columns)}
    selection = selection_of((column for column in export.columns if column.name in summed), readable)
    totals = await _first(backend, in_zone(plan.totals(request, selection, part.where), export.zone))
    if part.page.first is not None:
        counted = await _first(backend, plan.row_count(request, part.where))
        caption = f"{len(rows)} of {counted['rows']} rows"
    numbers = [name for name in export.names if name in totals and not isinstance(totals[name], str)]
    footer = [_text(totals.get(name)) for name in export.names] if rows else None
    _print_table(TextTable(export.names, right=numbers, caption=caption, totals=footer), rows)


async def _first(backend: Backend, statement: Statement) -> dict[str, Any]:
    found: list[dict[str, Any]] = orjson.loads((await backend.fetch_json(statement)).json)
    return found[0]


def _print_csv(names: Sequence[str], rows: list[dict[str, Any]]) -> None:
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(names)
    writer.writerows([_text(value) for value in row.values()] for row in rows)


def _print_table(table: TextTable, rows: list[dict[str, Any]]) -> None:
    table.caption = table.caption or f"{len(rows)} rows"
    for row in rows:
        table.add(*map(_text, row.values()))
    table.print()


def _text(value: object) -> str:
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)


def shown_moment(moment: datetime | None) -> str:
    """A moment in UTC as a table shows it; empty for None."""
    return moment.isoformat(" ", "seconds") if moment else ""


_SECONDS = 2
"""Seconds after which progress is shown."""


async def write_file(export: Export, source: RowSource, form: ExportFormat, path: Path) -> int:
    """Write a report to a file, and return the number of rows.

    The rows go to `PATH.part`, which is renamed once it is complete and removed after a failure.  Raises InvalidInput
    if the file cannot be written.
    """
    part = path.with_name(f"{path.name}.part")
    total = 0
    with _progress(path.name) as show:

        def on_rows(count: int) -> None:
            nonlocal total
            total += count
            show(count)

        try:
            with part.open("wb") as file:
                async with aclosing(form.write(export, source, on_rows)) as pieces:
                    async for piece in pieces:
                        file.write(piece)
            part.replace(path)
        except OSError as error:
            part.unlink(missing_ok=True)
            raise InvalidInput(f"{path} cannot be written: {error.strerror}.") from error
        except BaseException:
            part.unlink(missing_ok=True)
            raise
    return total


@contextmanager
def _progress(name: str) -> Iterator[OnRows]:
    columns = (
        TextColumn("{task.description}", markup=False),
        SpinnerColumn(),
        TextColumn("{task.completed:,.0f} rows"),
        TimeElapsedColumn(),
    )
    progress = Progress(*columns, console=standard_error, transient=True, disable=not standard_error.is_terminal)
    task = progress.add_task(name, total=None)
    start = asyncio.get_running_loop().call_later(_SECONDS, progress.start)
    try:
        yield lambda count: progress.advance(task, count)
    finally:
        start.cancel()
        progress.stop()


def print_check(file: str, check: Check) -> None:
    """Print what a load of a file would do: the first calls, what has no place, what is rejected, and totals."""
    layout = f" ({check.counts.layout})" if check.counts.layout else ""
    table = TextTable(SHOWN, title=f"{file}{layout}: the first calls")
    for call in check.calls:
        table.add(*map(_cell, call))
    table.print()
    for line in _lines(check):
        typer.echo(line)


def _lines(check: Check) -> Iterator[str]:
    counts, totals = check.counts, check.totals
    if check.unused:
        yield f"without a place in the store: {', '.join(check.unused)}"
    others = counts.rejected + counts.left_out + counts.joined
    became = f"{counts.left_out} left out, {counts.joined} joined to others, {counts.rejected} rejected"
    yield f"{counts.read} records: {counts.read - others} valid, {became}"
    for reason, number in check.reasons.most_common():
        yield f"  {number} rejected: {reason} (first in line {check.lines[reason]})"
    asr = "" if totals.asr is None else f", ASR {totals.asr:.4f}"
    yield f"{totals.calls} calls, {totals.answered} answered{asr}, {totals.duration} s of talk"
    for name, charges in (("customers", totals.customer_charges), ("providers", totals.provider_charges)):
        money = ", ".join(f"{charge.normalize():f} {currency}".strip() for currency, charge in sorted(charges.items()))
        if money:
            yield f"charges of {name}: {money}"


def _cell(value: object) -> str:
    if isinstance(value, datetime):
        return value.isoformat(" ", "milliseconds")[:23]
    return f"{value.normalize():f}" if isinstance(value, Decimal) else _text(value)

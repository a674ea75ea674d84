"""Asks a report for all that it says of the calls in a store: rows, totals, subtotals and days."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, TypeAlias

import orjson

from gqlreports.backends.base import Backend, Statement
from gqlreports.plugins.contract import AnyColumn, Dimension
from gqlreports.plugins.types import Operator
from gqlreports.schema.answer import ReportAnswer
from gqlreports.schema.plan import rows as plan
from gqlreports.schema.plan.filters import EVERYTHING, Condition, Either, Every, Tree, Where
from gqlreports.schema.plan.grain import total_columns
from gqlreports.schema.request import ReportRequest, Selected, Selection
from gqlreports.schema.time import Interval, Weekday, buckets, zone

Row: TypeAlias = dict[str, Any]
"""The values of a row as JSON has them, by the names that callers see."""

ZONE = "America/New_York"
"""The zone of the days; its clock goes back in the range of the golden calls."""
_START = "start"


@dataclass(frozen=True)
class AnswerTable:
    """A part of an answer: what it is in words, the names of the columns that tell its rows apart, and its rows."""

    what: str
    keys: tuple[str, ...]
    rows: Sequence[Row]


ROWS, TOTALS, DAYS = "rows", "totals", f"days in {ZONE}"


async def tables_of(request: ReportRequest, backend: Backend) -> list[AnswerTable]:
    """Rows, totals, subtotals by each key, and days, with all columns that the caller sees."""
    days = AnswerTable(DAYS, (_START,), await _days(request, backend))
    return [await row_table(request, backend), *await summed_tables(request, backend), days]


async def row_table(request: ReportRequest, backend: Backend) -> AnswerTable:
    keys = tuple(each.graphql_name for each in request.dimensions)
    return AnswerTable(ROWS, keys, await rows_of(request, backend))


async def total_table(request: ReportRequest, backend: Backend, where: Where = EVERYTHING) -> AnswerTable:
    selection = Selection.all(summed_columns(request))
    totals = orjson.loads(await ReportAnswer(request, backend).totals(selection, where))
    return AnswerTable(TOTALS, (), [totals])


async def summed_tables(request: ReportRequest, backend: Backend, where: Where = EVERYTHING) -> list[AnswerTable]:
    """Totals, and if there are several keys, subtotals by each of them."""
    tables = [await total_table(request, backend, where)]
    for key in request.dimensions if len(request.dimensions) > 1 else ():
        selection = Selection.all((key, *summed_columns(request)))
        subtotals = await ReportAnswer(request, backend).subtotals((key,), selection, where=where)
        tables.append(AnswerTable(f"subtotals by {key.graphql_name}", (key.graphql_name,), orjson.loads(subtotals)))
    return tables


async def rows_of(request: ReportRequest, backend: Backend, columns: Sequence[AnyColumn] | None = None) -> list[Row]:
    """All rows, with some columns or with all that the caller sees."""
    selection = Selection.all(request.columns if columns is None else columns)
    rows: list[Row] = orjson.loads(await ReportAnswer(request, backend).rows(selection))
    return rows


def column_statement(request: ReportRequest, column: AnyColumn) -> Statement:
    """A statement that computes one column alone: the totals of a figure, or all values of a key."""
    if column in request.dimensions:
        assert isinstance(column, Dimension)
        return plan.subtotals(request, (column,), Selection.all([column]))
    return plan.totals(request, Selection.all([column]))


async def _days(request: ReportRequest, backend: Backend) -> list[Row]:
    parts = buckets(request.start, request.end, Interval.DAY, zone(ZONE), Weekday.MONDAY, 1)
    fields = (Selected(_START, _START), *Selection.all(summed_columns(request)))
    answer = await ReportAnswer(request, backend).timeline(parts, Selection("", fields), None, 1)
    days: list[Row] = orjson.loads(answer)
    return days


def summed_columns(request: ReportRequest) -> tuple[AnyColumn, ...]:
    """The columns that have a value without the keys."""
    return tuple(each for each in total_columns(request.columns) if each not in request.dimensions)


def value_fault(column: AnyColumn, value: object) -> str:
    """What is wrong with a value of a column, given as JSON; empty if it is of the declared type."""
    if value is None and column.nullable:
        return ""
    json = column.type.scalar.json
    if type(value) is json or (json is float and type(value) is int):
        return ""
    return f"column {column.name} is declared {column.type.name}, and a value is {value!r}"


def only(keys: Sequence[Dimension], rows: Sequence[Row]) -> Where:
    """The filter for the rows that have the keys of some rows."""
    values: list[object] = []
    rows_met: list[Tree] = []
    for row in rows:
        parts: list[Tree] = []
        for key in keys:
            if (given := row[key.graphql_name]) is None:
                parts.append(Condition(key, Operator.IS_NULL, 0))
            else:
                parts.append(Condition(key, Operator.EQ, len(values)))
                values.append(key.type.scalar.operand.sent(_python(key, given)))
        rows_met.append(Every(tuple(parts)))
    return Where(Either(tuple(rows_met)), tuple(values))


def _python(column: AnyColumn, given: Any) -> Any:
    """A value as JSON has it, as the value of its type in Python."""
    if column.type.is_time:
        return datetime.fromisoformat(given)
    return Decimal(given) if column.type.python is Decimal else given

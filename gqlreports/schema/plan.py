"""From a request and a selection to one ClickHouse statement.

Every statement begins with the table expression `cdr`: the rows of the one customer in the one range.  It takes the
table's own name, so whatever a report reads as `cdr`, in a join or subquery too, is narrowed.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from clickhouse_connect.cc_sqlalchemy.datatypes.sqltypes import Int64, String, UInt64
from clickhouse_connect.cc_sqlalchemy.dialect import ClickHouseDialect
from sqlalchemy import (
    CTE,
    BindParameter,
    ColumnElement,
    Select,
    Subquery,
    bindparam,
    func,
    literal_column,
    select,
)
from sqlalchemy import column as column_named
from sqlalchemy import table as table_named

from gqlreports.backends.base import Statement
from gqlreports.plugins.contract import AnyColumn, Dimension, Measure, Scope
from gqlreports.schema.request import ReportRequest
from gqlreports.schema.selection import Selection, TypeName

_DIALECT = ClickHouseDialect(server_side_params=True)
_STORED = table_named("cdr", column_named("customer_id", String), column_named("dt"), schema="default")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
# A selection may hold no column at all; ClickHouse must be given one.
_PLACEHOLDER = "_"
EMPTY_ROW = b'{"_":1}'


@dataclass(frozen=True)
class Order:
    """One column to order rows by; nulls come last either way."""

    column: AnyColumn
    descending: bool = False


def rows(
    request: ReportRequest,
    selection: Selection,
    order: tuple[Order, ...] = (),
    first: int | None = None,
    offset: int = 0,
) -> Statement:
    """The selected columns of the rows; the dimensions break ties, so that pages never overlap."""
    keys = request.dimensions
    ties = tuple(Order(key) for key in keys)
    needed = (*selection.columns, *(each.column for each in order), *keys)
    report = _grouped(request, keys, needed)
    statement = select(*_selected(selection, report)).select_from(report).order_by(*_ordering((*order, *ties), report))
    if first is not None:
        statement = statement.limit(_number("first", first)).offset(_number("offset", offset))
    return _compiled(statement, request)


def totals(request: ReportRequest, selection: Selection) -> Statement:
    """The selected measures over all rows together: always one row."""
    report = _grouped(request, (), selection.columns)
    return _compiled(select(*_selected(selection, report)).select_from(report), request)


def row_count(request: ReportRequest) -> Statement:
    """How many rows there are, as the column `rows`."""
    report = _grouped(request, request.dimensions, request.dimensions)
    return _compiled(select(func.count().label("rows")).select_from(report), request)


def total_columns(columns: tuple[AnyColumn, ...]) -> tuple[AnyColumn, ...]:
    """The columns that mean something without a key: measures, and dimensions with a measure in their place."""
    return tuple(column for column in columns if isinstance(column, Measure) or column.otherwise is not None)


def _grouped(request: ReportRequest, keys: tuple[Dimension, ...], needed: tuple[AnyColumn, ...]) -> Subquery:
    columns = tuple(dict.fromkeys(needed)) or total_columns(request.columns)[:1]
    scope = Scope(keys, columns, request.parameters, request.basis)
    return request.report.report.statement(scope).subquery("report")


def _selected(selection: Selection, report: Subquery) -> list[ColumnElement[Any]]:
    if not selection.fields:
        return [literal_column("1").label(_PLACEHOLDER)]
    return [
        (literal_column(f"'{column.value}'") if isinstance(column, TypeName) else report.c[column.name]).label(name)
        for name, column in selection.fields
    ]


def _ordering(order: tuple[Order, ...], report: Subquery) -> list[ColumnElement[Any]]:
    first_of_each = {each.column: each for each in reversed(order)}
    return [
        (report.c[each.column.name].desc() if each.descending else report.c[each.column.name].asc()).nulls_last()
        for each in order
        if first_of_each[each.column] is each
    ]


def _number(name: str, value: int) -> BindParameter[int]:
    return bindparam(name, value, type_=UInt64)


def _compiled(statement: Select[Any], request: ReportRequest) -> Statement:
    compiled = statement.add_cte(_narrowed(request)).compile(dialect=_DIALECT)
    return Statement(str(compiled), compiled.params)


def _narrowed(request: ReportRequest) -> CTE:
    return (
        select(literal_column("*"))
        .select_from(_STORED)
        .where(
            _STORED.c.customer_id == bindparam("customer", request.customer, type_=String),
            _STORED.c.dt >= _instant("from", request.start),
            _STORED.c.dt < _instant("to", request.end),
        )
        .cte("cdr")
    )


def _instant(name: str, moment: datetime) -> ColumnElement[Any]:
    """A moment as the first whole millisecond not before it: CDRs are kept to the millisecond."""
    milliseconds = -((_EPOCH - moment) // _MILLISECOND)
    return func.fromUnixTimestamp64Milli(bindparam(name, milliseconds, type_=Int64), literal_column("'UTC'"))

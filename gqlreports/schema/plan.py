"""From a request and a selection to one ClickHouse statement.

Every statement begins with the table expression `cdr`: the rows of the one customer in the one range.  It takes the
table's own name, so whatever a report reads as `cdr`, in a join or subquery too, is narrowed.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import lru_cache
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
# Within the expression of its own name, the name is the stored table.
_STORED = table_named("cdr", column_named("customer_id", String), column_named("dt"))
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
# A selection may hold no column at all; ClickHouse must be given one.
_PLACEHOLDER = "_"
EMPTY_ROW = b'{"_":1}'
# How many compiled statements are kept of each kind.
_KEPT = 512


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
    page = {} if first is None else {"first": first, "offset": offset}
    return _filled(_rows(_shape(request), selection, order, bool(page)), request, page)


def totals(request: ReportRequest, selection: Selection) -> Statement:
    """The selected measures over all rows together: always one row."""
    return _filled(_totals(_shape(request), selection), request)


def row_count(request: ReportRequest) -> Statement:
    """How many rows there are, as the column `rows`."""
    return _filled(_row_count(_shape(request)), request)


def total_columns(columns: tuple[AnyColumn, ...]) -> tuple[AnyColumn, ...]:
    """The columns that mean something without a key: measures, and dimensions with a measure in their place."""
    return tuple(column for column in columns if isinstance(column, Measure) or column.otherwise is not None)


def _shape(request: ReportRequest) -> ReportRequest:
    """The same for all requests with the same SQL: customer and range are among its parameters."""
    return replace(request, customer="", start=_EPOCH, end=_EPOCH + _MILLISECOND)


def _filled(statement: Statement, request: ReportRequest, page: Mapping[str, int] | None = None) -> Statement:
    values = {"customer": request.customer, "from": _milliseconds(request.start), "to": _milliseconds(request.end)}
    return Statement(statement.sql, {**statement.parameters, **values, **(page or {})})


@lru_cache(_KEPT)
def _rows(shape: ReportRequest, selection: Selection, order: tuple[Order, ...], paged: bool) -> Statement:
    keys = shape.dimensions
    ties = tuple(Order(key) for key in keys)
    needed = (*selection.columns, *(each.column for each in order), *keys)
    report = _grouped(shape, keys, needed)
    statement = select(*_selected(selection, report)).select_from(report).order_by(*_ordering((*order, *ties), report))
    if paged:
        statement = statement.limit(_value("first", UInt64)).offset(_value("offset", UInt64))
    return _compiled(statement)


@lru_cache(_KEPT)
def _totals(shape: ReportRequest, selection: Selection) -> Statement:
    report = _grouped(shape, (), selection.columns)
    return _compiled(select(*_selected(selection, report)).select_from(report))


@lru_cache(_KEPT)
def _row_count(shape: ReportRequest) -> Statement:
    report = _grouped(shape, shape.dimensions, shape.dimensions)
    return _compiled(select(func.count().label("rows")).select_from(report))


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


def _value(name: str, kind: type[Any]) -> BindParameter[Any]:
    """A place for one of the values that `_filled` gives."""
    return bindparam(name, None, type_=kind)


def _compiled(statement: Select[Any]) -> Statement:
    compiled = statement.add_cte(_narrowed()).compile(dialect=_DIALECT)
    return Statement(str(compiled), compiled.params)


def _narrowed() -> CTE:
    return (
        select(literal_column("*"))
        .select_from(_STORED)
        .where(
            _STORED.c.customer_id == _value("customer", String),
            _STORED.c.dt >= _instant("from"),
            _STORED.c.dt < _instant("to"),
        )
        .cte("cdr")
    )


def _instant(name: str) -> ColumnElement[Any]:
    return func.fromUnixTimestamp64Milli(_value(name, Int64), literal_column("'UTC'"))


def _milliseconds(moment: datetime) -> int:
    """A moment as the first whole millisecond not before it: CDRs are kept to the millisecond."""
    return -((_EPOCH - moment) // _MILLISECOND)

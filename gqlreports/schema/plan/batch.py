"""Fetches several fields of one report with one statement, so that its rows are read only once."""

import asyncio
from collections.abc import Hashable
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any, TypeAlias

from clickhouse_connect.cc_sqlalchemy.datatypes.sqltypes import UInt64
from sqlalchemy import ColumnElement, Subquery, and_, func, literal_column, null, select

from gqlreports.backends.base import Backend, Fetched, Statement
from gqlreports.backends.request import REQUEST_ID
from gqlreports.backends.sharing import SharedTask
from gqlreports.plugins.aggregates import NoSums
from gqlreports.plugins.contract import AnyColumn
from gqlreports.schema.plan import filters
from gqlreports.schema.plan.filters import Tree, Where
from gqlreports.schema.plan.grain import with_totals
from gqlreports.schema.plan.printing import Part, object_of
from gqlreports.schema.plan.rows import STATEMENTS, Order, Page, order_by, row_filter, selected_columns
from gqlreports.schema.plan.source import cache_key, compile_statement, fill, value
from gqlreports.schema.request import ReportRequest, Selection

# No column of a report begins with _.
_NUMBER = "_number"
_ONE: ColumnElement[Any] = literal_column("1")


@dataclass(frozen=True)
class RowsField:
    """The field `rows`: an array of objects."""

    selection: Selection
    page: Page


@dataclass(frozen=True)
class TotalsField:
    """The field `totals`: an object."""

    selection: Selection


@dataclass(frozen=True)
class RowCountField:
    """The field `rowCount`: a number."""


Field: TypeAlias = RowsField | TotalsField | RowCountField


@dataclass(frozen=True)
class _RowsShape:
    """A `RowsField` without the values of its page; equal for all pages with the same SQL."""

    selection: Selection
    order: tuple[Order, ...]
    paged: bool


_Shape: TypeAlias = _RowsShape | TotalsField | RowCountField


def batch_statement(request: ReportRequest, fields: tuple[Field, ...], where: Where) -> Statement | None:
    """A statement for one row with a column for each field: `#0`, `#1` and so on.

    None if one statement cannot return them: for rows in different orders, or columns that are not sums.  It is also
    None for reports without a rollup; they have many rows, which are faster to print than to collect in an array.
    """
    if request.report.rollup is None or len({each.page.order for each in fields if isinstance(each, RowsField)}) > 1:
        return None
    statement = _batch_statement(cache_key(request), tuple(map(_field_shape, fields)), where.tree)
    if statement is None:
        return None
    pages = {
        f"{name}_{place}": given
        for place, each in enumerate(fields)
        if isinstance(each, RowsField)
        for name, given in each.page.parameters.items()
    }
    return fill(statement, request, pages | where.parameters)


def split(row: bytes, number: int) -> list[bytes]:
    """Split the row of a batch statement into the JSON of its fields.

    The separators cannot occur within a value: quotes in texts are escaped, and no name that a caller gives begins
    with #.
    """
    values = []
    rest = row.strip().removeprefix(b"[").removesuffix(b"]").strip().removeprefix(b'{"#0":').removesuffix(b"}")
    for place in range(1, number):
        value, _, rest = rest.partition(b',"#%d":' % place)
        values.append(value)
    return [*values, rest]


def _field_shape(field: Field) -> _Shape:
    if isinstance(field, RowsField):
        return _RowsShape(field.selection, field.page.order, field.page.first is not None)
    return field


@lru_cache(STATEMENTS)
def _batch_statement(request: ReportRequest, fields: tuple[_Shape, ...], tree: Tree) -> Statement | None:
    keys = request.dimensions
    order = next((each.order for each in fields if isinstance(each, _RowsShape)), ())
    shown = _columns_of(request, fields, _RowsShape)
    whole = _columns_of(request, fields, TotalsField)
    needed = (*keys, *shown, *(each.column for each in order), *filters.columns(tree))
    try:
        report, totals = with_totals(request, keys, needed, list(dict.fromkeys(whole)))
    except NoSums:
        return None
    ordered = (
        select(report).where(*row_filter(tree, report)).order_by(*order_by(order, keys, report)).subquery("ordered")
    )
    numbered = (func.rowNumberInAllBlocks() + _ONE).label(_NUMBER)
    rows = select(ordered, numbered).select_from(ordered).subquery("matched")
    columns = [_column(request, each, place, rows, totals) for place, each in enumerate(fields)]
    return compile_statement(select(*columns).select_from(rows))


def _columns_of(
    request: ReportRequest, fields: tuple[_Shape, ...], kind: type[_RowsShape] | type[TotalsField]
) -> list[AnyColumn]:
    """The columns selected in the fields of one kind."""
    found = [each for each in fields if isinstance(each, kind)]
    return [column for each in found for column in selected_columns(request, each.selection)]


def _column(
    request: ReportRequest, field: _Shape, place: int, rows: Subquery, totals: dict[AnyColumn, ColumnElement[Any]]
) -> ColumnElement[Any]:
    if isinstance(field, RowCountField):
        return func.toInt64(func.count()).label(f"#{place}")
    if isinstance(field, TotalsField):
        parts = {each.graphql_name: _part(each, expression) for each, expression in totals.items()}
        return object_of(field.selection, parts).label(f"#{place}")
    parts = {each.graphql_name: _part(each, rows.c[each.name]) for each in selected_columns(request, field.selection)}
    parts |= {each.graphql_name: _part(each, null()) for each in request.ungrouped}
    row = object_of(field.selection, parts)
    if not field.paged:
        return func.groupArray(row).label(f"#{place}")
    first, offset = value(f"first_{place}", UInt64), value(f"offset_{place}", UInt64)
    page = and_(rows.c[_NUMBER] > offset, rows.c[_NUMBER] <= offset + first)
    return func.groupArrayIf(row, page).label(f"#{place}")


def _part(column: AnyColumn, expression: ColumnElement[Any]) -> Part:
    name = column.type.clickhouse
    return Part(expression, f"Nullable({name})" if column.nullable else name)


PrintedFields: TypeAlias = list[tuple[bytes, Fetched]]


@dataclass(eq=False)
class _Group:
    """Fields that share a statement, and the task that their callers wait for."""

    request: ReportRequest
    where: Where
    fields: list[Field] = field(default_factory=list)
    task: SharedTask[PrintedFields | None] | None = None


class FieldBatcher:
    """Collects the fields that the executor resolves together: it waits for two turns of the event loop.

    A data loader cannot do this: it does not cancel a load when its callers are gone, but here the query must be
    killed.
    """

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._open: dict[Hashable, _Group] = {}

    async def ask(self, request: ReportRequest, asked: Field, where: Where) -> tuple[bytes, Fetched] | None:
        """The JSON of a field, and what was read for it; None if it must be fetched separately.

        What was read for a whole batch is counted for its first field.
        """
        if request.report.rollup is None:
            return None
        key = REQUEST_ID.get(), request, where.tree, repr(where.values)
        if (group := self._open.get(key)) is None:
            group = self._open[key] = _Group(request, where)
            group.task = SharedTask(self._run(key, group), lambda: self._close(key, group))
        assert group.task
        place = len(group.fields)
        group.fields.append(asked)
        printed = await group.task.result()
        return None if printed is None else printed[place]

    def _close(self, key: Hashable, group: _Group) -> None:
        """Let no more fields join the group."""
        if self._open.get(key) is group:
            del self._open[key]

    async def _run(self, key: Hashable, group: _Group) -> PrintedFields | None:
        for _ in range(2):
            await asyncio.sleep(0)
        self._close(key, group)
        fields = tuple(group.fields)
        statement = batch_statement(group.request, fields, group.where) if len(fields) > 1 else None
        if statement is None:
            return None
        fetched = await self._backend.fetch_json(statement)
        others = replace(fetched, rows_read=0, bytes_read=0, milliseconds=0)
        told = [fetched, *[others] * (len(fields) - 1)]
        return list(zip(split(fetched.json, len(fields)), told, strict=True))

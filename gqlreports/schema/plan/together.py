"""Several fields of one report in one statement, so that its calls are read once."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any, TypeAlias

from clickhouse_connect.cc_sqlalchemy.datatypes.sqltypes import UInt64
from sqlalchemy import ColumnElement, Subquery, and_, func, literal_column, select

from gqlreports.backends.base import Statement
from gqlreports.plugins.aggregates import NoSums
from gqlreports.plugins.contract import AnyColumn
from gqlreports.schema.plan import filters
from gqlreports.schema.plan.filters import Tree, Where
from gqlreports.schema.plan.grain import with_totals
from gqlreports.schema.plan.narrowing import compiled, filled, shape, value
from gqlreports.schema.plan.printing import Part, object_of
from gqlreports.schema.plan.rows import KEPT, Order, Page, matching, ordering, selected
from gqlreports.schema.request import ReportRequest
from gqlreports.schema.selection import Selection

# No column of a report begins with _.
_NUMBER = "_number"
_ONE: ColumnElement[Any] = literal_column("1")


@dataclass(frozen=True)
class Rows:
    """The field `rows`: an array of objects."""

    selection: Selection
    page: Page


@dataclass(frozen=True)
class Totals:
    """The field `totals`: an object."""

    selection: Selection


@dataclass(frozen=True)
class RowCount:
    """The field `rowCount`: a number."""


Field: TypeAlias = Rows | Totals | RowCount


@dataclass(frozen=True)
class _Rows:
    """The same for all pages with the same SQL."""

    selection: Selection
    order: tuple[Order, ...]
    paged: bool


_Shape: TypeAlias = _Rows | Totals | RowCount


def together(request: ReportRequest, fields: tuple[Field, ...], where: Where) -> Statement | None:
    """One row with a column for each field, `#0` and so on.

    None where they cannot be had from one: rows in different orders, columns that are no sums; and for reports that
    ask for no rollup, whose many rows are printed sooner than gathered.
    """
    if request.report.rollup is None or len({each.page.order for each in fields if isinstance(each, Rows)}) > 1:
        return None
    statement = _together(shape(request), tuple(map(_shape, fields)), where.tree)
    if statement is None:
        return None
    pages = {
        f"{name}_{place}": given
        for place, each in enumerate(fields)
        if isinstance(each, Rows)
        for name, given in each.page.parameters.items()
    }
    return filled(statement, request, pages | where.parameters)


def split(row: bytes, number: int) -> list[bytes]:
    """The printed fields of the one row of such a statement.

    No value holds what is between them, for quotes within texts are escaped, and no caller's name begins with #.
    """
    values = []
    rest = row.strip().removeprefix(b"[").removesuffix(b"]").strip().removeprefix(b'{"#0":').removesuffix(b"}")
    for place in range(1, number):
        value, _, rest = rest.partition(b',"#%d":' % place)
        values.append(value)
    return [*values, rest]


def _shape(field: Field) -> _Shape:
    return _Rows(field.selection, field.page.order, field.page.first is not None) if isinstance(field, Rows) else field


@lru_cache(KEPT)
def _together(request: ReportRequest, fields: tuple[_Shape, ...], tree: Tree) -> Statement | None:
    keys = request.dimensions
    order = next((each.order for each in fields if isinstance(each, _Rows)), ())
    shown = [column for each in fields if isinstance(each, _Rows) for column in selected(request, each.selection)]
    whole = [column for each in fields if isinstance(each, Totals) for column in selected(request, each.selection)]
    needed = (*keys, *shown, *(each.column for each in order), *filters.columns(tree))
    try:
        report, totals = with_totals(request, keys, needed, list(dict.fromkeys(whole)))
    except NoSums:
        return None
    ordered = select(report).where(*matching(tree, report)).order_by(*ordering(order, keys, report)).subquery("ordered")
    numbered = (func.rowNumberInAllBlocks() + _ONE).label(_NUMBER)
    matched = select(ordered, numbered).select_from(ordered).subquery("matched")
    columns = [_column(request, each, place, matched, totals) for place, each in enumerate(fields)]
    return compiled(select(*columns).select_from(matched))


def _column(
    request: ReportRequest, field: _Shape, place: int, rows: Subquery, totals: dict[AnyColumn, ColumnElement[Any]]
) -> ColumnElement[Any]:
    if isinstance(field, RowCount):
        return func.toInt64(func.count()).label(f"#{place}")
    if isinstance(field, Totals):
        parts = {each.graphql_name: _part(each, expression) for each, expression in totals.items()}
        return object_of(field.selection, parts).label(f"#{place}")
    parts = {each.graphql_name: _part(each, rows.c[each.name]) for each in selected(request, field.selection)}
    row = object_of(field.selection, parts)
    if not field.paged:
        return func.groupArray(row).label(f"#{place}")
    first, offset = value(f"first_{place}", UInt64), value(f"offset_{place}", UInt64)
    page = and_(rows.c[_NUMBER] > offset, rows.c[_NUMBER] <= offset + first)
    return func.groupArrayIf(row, page).label(f"#{place}")


def _part(column: AnyColumn, expression: ColumnElement[Any]) -> Part:
    name = column.type.clickhouse
    return Part(expression, f"Nullable({name})" if column.nullable else name)

"""Statements that compare a report's rows with those of another range."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache
from typing import Any

from sqlalchemy import Select, Subquery, and_, case, func, literal_column, null, select, true, union_all

from gqlreports.backends.base import Statement
from gqlreports.plugins.aggregates import Expression
from gqlreports.plugins.contract import AnyColumn, Dimension
from gqlreports.schema.plan import filters
from gqlreports.schema.plan.filters import EVERYTHING, Tree, Where
from gqlreports.schema.plan.grain import Slice, at_grain, of_nothing, report_table, total_columns
from gqlreports.schema.plan.printing import FieldSource, Part, as_declared, field_columns
from gqlreports.schema.plan.rows import (
    ALL,
    STATEMENTS,
    Page,
    fact_conditions,
    no_values,
    row_filter,
    selected_columns,
    with_page,
)
from gqlreports.schema.plan.source import OWN, Span, cache_key, compile_statement, fill
from gqlreports.schema.request import ReportRequest, Selection

PREVIOUS = Span("previous_from", "previous_to")
_SPANS = (OWN, PREVIOUS)
_ZERO: Expression = literal_column("0")
# No column of a report begins with _.
_SIDE, _MATCHES, _ROWS = "_side", "_matches", "_rows_{side}"


class ComparisonPart(Enum):
    """The fields of a compared measure: its figures in both ranges, and their difference."""

    CURRENT = "current"
    PREVIOUS = "previous"
    CHANGE = "change"
    RELATIVE_CHANGE = "relativeChange"


@dataclass(frozen=True)
class ComparedOrder:
    """A column and the part of it to order by; `part` is ignored for a dimension, which has only one value."""

    column: AnyColumn
    part: ComparisonPart
    descending: bool = False


@dataclass(frozen=True)
class ComparedRequest:
    """A request, and as `previous` the same report over the range to compare with."""

    request: ReportRequest
    previous: ReportRequest

    @property
    def key(self) -> "ComparedRequest":
        return ComparedRequest(cache_key(self.request), cache_key(self.previous))

    @property
    def sides(self) -> list[tuple[ReportRequest, Span]]:
        """Both requests, with the names of their range's parameters."""
        return list(zip((self.request, self.previous), _SPANS, strict=True))

    def fill(self, statement: Statement, page: Page, where: Where) -> Statement:
        previous = PREVIOUS.values(self.previous.start, self.previous.end)
        return fill(statement, self.request, previous | page.parameters | where.parameters)


def compared_rows(
    asked: ComparedRequest,
    selection: Selection,
    order: tuple[ComparedOrder, ...] = (),
    page: Page = ALL,
    where: Where = EVERYTHING,
) -> Statement:
    """The keys with a matching row in either range and their measures in both, ordered by `order` and then the keys."""
    statement = _compared_rows(asked.key, selection, order, page.first is not None, where.tree)
    return asked.fill(statement, page, where)


def compared_row_count(asked: ComparedRequest, where: Where = EVERYTHING) -> Statement:
    """The number of keys with a matching row in either range, as the column `rows`."""
    return asked.fill(_compared_row_count(asked.key, where.tree), ALL, where)


def compared_totals(asked: ComparedRequest, selection: Selection, where: Where = EVERYTHING) -> Statement:
    """The measures in both ranges, over all keys with a matching row in either."""
    return asked.fill(_compared_totals(asked.key, selection, where.tree), ALL, where)


@lru_cache(STATEMENTS)
def _compared_rows(
    asked: ComparedRequest, selection: Selection, order: tuple[ComparedOrder, ...], paged: bool, tree: Tree
) -> Statement:
    request = asked.request
    keys = request.dimensions
    wanted = (*selected_columns(request, selection), *(each.column for each in order))
    columns = _with_currencies(request, keys, wanted)
    compared = _compared(asked, columns, tree)
    sides = {each: (compared.c[_current(each)], compared.c[_previous(each)]) for each in columns}
    parts = {each: _parts(each, sides, request) for each in columns}
    sources = no_values(request) | {key.graphql_name: _key(key, compared) for key in keys}
    sources |= {each.graphql_name: parts[each] for each in columns}
    statement = select(*field_columns(selection, sources)).select_from(compared)
    return compile_statement(with_page(paged, statement.order_by(*_ordering(order, keys, parts, compared))))


@lru_cache(STATEMENTS)
def _compared_row_count(asked: ComparedRequest, tree: Tree) -> Statement:
    return compile_statement(select(func.count().label("rows")).select_from(_compared(asked, (), tree)))


@lru_cache(STATEMENTS)
def _compared_totals(asked: ComparedRequest, selection: Selection, tree: Tree) -> Statement:
    request = asked.request
    columns = _with_currencies(request, (), selected_columns(request, selection)) or total_columns(request.columns)[:1]
    kept = fact_conditions(request, tree, sides=asked.sides)
    current, previous = (
        at_grain(side, (), columns, Slice(span, kept)).subquery(name)
        for (side, span), name in zip(asked.sides, ("current", "previous"), strict=True)
    )
    sides = {each: (current.c[each.name], previous.c[each.name]) for each in columns}
    sources: dict[str, FieldSource] = {each.graphql_name: _parts(each, sides, request) for each in columns}
    return compile_statement(select(*field_columns(selection, sources)).select_from(current.join(previous, true())))


def _with_currencies(
    request: ReportRequest, keys: tuple[Dimension, ...], wanted: tuple[AnyColumn, ...]
) -> tuple[AnyColumn, ...]:
    """The measures among the wanted columns, and the currency columns of those that are money."""
    measures = [each for each in wanted if each not in keys]
    currencies = [_currency(each, request) for each in measures]
    return tuple(dict.fromkeys((*measures, *(each for each in currencies if each is not None and each not in keys))))


def _currency(column: AnyColumn, request: ReportRequest) -> AnyColumn | None:
    """The column with the currency of an amount of money, which the amount's unit names; None if there is none."""
    if not column.type.in_currency:
        return None
    columns = request.report.report.columns.values()
    return next((each for each in columns if each.graphql_name == column.unit), None)


def _compared(asked: ComparedRequest, columns: tuple[AnyColumn, ...], tree: Tree) -> Subquery:
    """The keys, each with both figures of every column; a side without a row has the figures over no CDRs."""
    keys = asked.request.dimensions
    met = _met(asked, columns, tree).subquery("met")
    if not columns:
        return select(met).subquery("compared")
    empty = of_nothing(asked.request, columns)
    figures = [
        case((met.c[_ROWS.format(side=side)] == _ZERO, empty.c[each.name]), else_=met.c[name(each)]).label(name(each))
        for each in columns
        for side, name in enumerate((_current, _previous))
    ]
    joined = met.join(empty, true())
    return select(*(met.c[key.name] for key in keys), *figures).select_from(joined).subquery("compared")


def _met(asked: ComparedRequest, columns: tuple[AnyColumn, ...], tree: Tree) -> Select[Any]:
    """The keys that match on either side, with their figures and the number of rows on each side."""
    keys = asked.request.dimensions
    sides = [_side(asked, columns, tree, side) for side in range(len(_SPANS))]
    rows = union_all(*(select(side) for side in sides)).subquery("sides")
    # A key has at most one row on each side, so anyIf returns that row's figure.
    figures = [
        func.anyIf(rows.c[each.name], rows.c[_SIDE] == literal_column(str(side))).label(name(each))
        for each in columns
        for side, name in enumerate((_current, _previous))
    ]
    counts = [
        func.countIf(rows.c[_SIDE] == literal_column(str(side))).label(_ROWS.format(side=side))
        for side in range(len(_SPANS))
    ]
    grouped_by = [rows.c[key.name] for key in keys]
    statement = select(*grouped_by, *figures, *counts).select_from(rows).group_by(*grouped_by)
    return statement.having(func.max(rows.c[_MATCHES]))


def _side(asked: ComparedRequest, columns: tuple[AnyColumn, ...], tree: Tree, side: int) -> Subquery:
    request, span = asked.sides[side]
    keys = request.dimensions
    report = report_table(request, keys, (*keys, *columns, *filters.columns(tree)), Slice(span))
    matches = func.toBool(and_(true(), *row_filter(tree, report))).label(_MATCHES)
    shown = [report.c[each.name] for each in (*keys, *columns)]
    statement = select(*shown, literal_column(str(side)).label(_SIDE), matches).select_from(report)
    return statement.subquery(f"side_{side}")


def _current(column: AnyColumn) -> str:
    return f"_current_{column.name}"


def _previous(column: AnyColumn) -> str:
    return f"_previous_{column.name}"


def _parts(
    column: AnyColumn, sides: Mapping[AnyColumn, tuple[Expression, Expression]], request: ReportRequest
) -> dict[str, Part]:
    """The figures of a measure, and for numbers also their change, which is null between different currencies."""
    current, previous = sides[column]
    kind = column.type.clickhouse
    parts = {"current": Part(current, f"Nullable({kind})"), "previous": Part(previous, f"Nullable({kind})")}
    if not column.type.scalar.numeric:
        return parts
    change = current - previous
    currency = _currency(column, request)
    if currency is not None and currency in sides:
        before, after = sides[currency]
        change = case((before != after, null()), else_=change)
    relative = func.divide(func.toFloat64(change), func.toFloat64(func.nullIf(func.abs(previous), _ZERO)))
    differences = {"change": Part(change, f"Nullable({kind})"), "relativeChange": Part(relative, "Nullable(Float64)")}
    return parts | differences


def _key(key: Dimension, compared: Subquery) -> FieldSource:
    """The source of a key.

    A column that is a key only under a parameter is always an object with a value for each range, because the schema
    cannot depend on the parameter.
    """
    if key.otherwise is None:
        return as_declared(key, compared.c[key.name])
    part = Part(compared.c[key.name], f"Nullable({key.type.clickhouse})")
    return {"current": part, "previous": part}


def _ordering(
    order: tuple[ComparedOrder, ...],
    keys: tuple[Dimension, ...],
    parts: Mapping[AnyColumn, Mapping[str, Part]],
    compared: Subquery,
) -> list[Expression]:
    by = []
    for each in order:
        value = compared.c[each.column.name] if each.column in keys else parts[each.column][each.part.value].expression
        by.append((value.desc() if each.descending else value.asc()).nulls_last())
    return [*by, *(compared.c[key.name].asc().nulls_last() for key in keys)]

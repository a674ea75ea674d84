"""Statements for the rows of a report, their number, totals and subtotals."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from clickhouse_connect.cc_sqlalchemy.datatypes.sqltypes import UInt64
from sqlalchemy import ColumnElement, Select, Subquery, func, literal_column, null, or_, select

from gqlreports.backends.base import Statement
from gqlreports.plugins.contract import AnyColumn, Dimension
from gqlreports.plugins.types import TEXT, ColumnType
from gqlreports.schema.plan import filters
from gqlreports.schema.plan.filters import EVERYTHING, Tree, Where
from gqlreports.schema.plan.grain import Slice, report_table
from gqlreports.schema.plan.printing import FieldSource, as_declared, field_columns
from gqlreports.schema.plan.source import (
    OWN,
    Span,
    among,
    cache_key,
    compile_statement,
    fill,
    not_among,
    source_of,
    value,
)
from gqlreports.schema.request import ReportRequest, Selection

STATEMENTS = 512
"""How many compiled statements of each kind are cached."""

SUMMED_AWAY = "summedAway"
CUSTOMER = "customerId"


@dataclass(frozen=True)
class Order:
    """A column to order rows by; nulls come last in both directions."""

    column: AnyColumn
    descending: bool = False


@dataclass(frozen=True)
class Page:
    """A part of the ordered rows; all of them if `first` is None."""

    order: tuple[Order, ...] = ()
    first: int | None = None
    offset: int = 0

    @property
    def parameters(self) -> dict[str, object]:
        return {} if self.first is None else {"first": self.first, "offset": self.offset}


ALL = Page()


def rows(request: ReportRequest, selection: Selection, page: Page = ALL, where: Where = EVERYTHING) -> Statement:
    """The selected columns of the matching rows; the dimensions break ties, so that pages never overlap."""
    statement = _rows(cache_key(request), selection, page.order, page.first is not None, where.tree)
    return fill(statement, request, page.parameters | where.parameters)


def row_count(request: ReportRequest, where: Where = EVERYTHING) -> Statement:
    """The number of matching rows, as the column `rows`."""
    return fill(_row_count(cache_key(request), where.tree), request, where.parameters)


def totals(request: ReportRequest, selection: Selection, where: Where = EVERYTHING) -> Statement:
    """The selected measures over all matching rows; always one row."""
    return fill(_totals(cache_key(request), selection, where.tree), request, where.parameters)


def others(request: ReportRequest, selection: Selection, order: Order, n: int, where: Where = EVERYTHING) -> Statement:
    """The selected measures over all matching rows except the first `n` in an order; always one row."""
    return fill(_totals(cache_key(request), selection, where.tree, order), request, {"n": n} | where.parameters)


def subtotals(
    request: ReportRequest,
    by: tuple[Dimension, ...],
    selection: Selection,
    page: Page = ALL,
    where: Where = EVERYTHING,
) -> Statement:
    """The matching rows, summed up to fewer dimensions."""
    statement = _subtotals(cache_key(request), by, selection, page.order, page.first is not None, where.tree)
    return fill(statement, request, page.parameters | where.parameters)


def customer_totals(request: ReportRequest, selection: Selection, page: Page, where: Where = EVERYTHING) -> Statement:
    """The selected measures over the matching rows of each customer that has any, with the field `CUSTOMER`."""
    statement = _customer_totals(cache_key(request), selection, page.order, page.first is not None, where.tree)
    return fill(statement, request, page.parameters | where.parameters)


@lru_cache(STATEMENTS)
def _rows(request: ReportRequest, selection: Selection, order: tuple[Order, ...], paged: bool, tree: Tree) -> Statement:
    keys = request.dimensions
    needed = (*selected_columns(request, selection), *(each.column for each in order), *keys, *filters.columns(tree))
    report = report_table(request, keys, needed)
    sources = {**row_sources(request.columns, report), **no_values(request)}
    statement = select(*field_columns(selection, sources)).select_from(report)
    statement = statement.where(*row_filter(tree, report)).order_by(*order_by(order, keys, report))
    return compile_statement(with_page(paged, statement))


@lru_cache(STATEMENTS)
def _row_count(request: ReportRequest, tree: Tree) -> Statement:
    keys = request.dimensions
    report = report_table(request, keys, (*keys, *filters.columns(tree)))
    return compile_statement(select(func.count().label("rows")).select_from(report).where(*row_filter(tree, report)))


@lru_cache(STATEMENTS)
def _totals(request: ReportRequest, selection: Selection, tree: Tree, largest: Order | None = None) -> Statement:
    report = report_table(
        request, (), selected_columns(request, selection), Slice(OWN, fact_conditions(request, tree, largest))
    )
    return compile_statement(
        select(*field_columns(selection, row_sources(request.columns, report))).select_from(report)
    )


@lru_cache(STATEMENTS)
def _subtotals(
    request: ReportRequest,
    by: tuple[Dimension, ...],
    selection: Selection,
    order: tuple[Order, ...],
    paged: bool,
    tree: Tree,
) -> Statement:
    needed = (*(each for each in selected_columns(request, selection) if each not in summed_away(request, by)), *by)
    report = report_table(
        request, by, (*needed, *(each.column for each in order)), Slice(OWN, fact_conditions(request, tree))
    )
    statement = select(*field_columns(selection, subtotal_sources(request, by, report))).select_from(report)
    return compile_statement(with_page(paged, statement.order_by(*order_by(order, by, report))))


@lru_cache(STATEMENTS)
def _customer_totals(
    request: ReportRequest, selection: Selection, order: tuple[Order, ...], paged: bool, tree: Tree
) -> Statement:
    # No column of a report begins with _.
    owner = internal_dimension("_owner", request.report.report.fact.owner, TEXT)
    needed = (owner, *selected_columns(request, selection), *(each.column for each in order))
    report = report_table(request, (owner,), needed, Slice(OWN, fact_conditions(request, tree)))
    sources = row_sources(request.columns, report) | {CUSTOMER: report.c[owner.name]}
    statement = select(*field_columns(selection, sources)).select_from(report)
    return compile_statement(with_page(paged, statement.order_by(*order_by(order, (owner,), report))))


def internal_dimension(name: str, key: ColumnElement[Any], type: ColumnType) -> Dimension:
    """A key that is no column of the report, under a name that none of its columns has."""
    dimension = Dimension("", None, False, key, type, None, None)
    dimension.__set_name__(Dimension, name)
    return dimension


def selected_columns(request: ReportRequest, selection: Selection) -> tuple[AnyColumn, ...]:
    """The report's columns among the selected fields, each once."""
    return tuple(column for column in request.columns if column.graphql_name in selection)


def summed_away(request: ReportRequest, by: tuple[Dimension, ...]) -> tuple[Dimension, ...]:
    """The dimensions that have no value at the grain of `by`."""
    return tuple(
        column
        for column in request.columns
        if isinstance(column, Dimension) and column not in by and column.otherwise is None
    )


def row_sources(columns: tuple[AnyColumn, ...], report: Subquery) -> dict[str, FieldSource]:
    """The SQL source of each field of a row, for the columns that `report` has."""
    found = [column for column in columns if column.name in report.c]
    return {column.graphql_name: as_declared(column, report.c[column.name]) for column in found}


def subtotal_sources(request: ReportRequest, by: tuple[Dimension, ...], report: Subquery) -> dict[str, FieldSource]:
    """The SQL source of each field of a subtotal.

    A dimension that is summed away is null, and `summedAway` lists it.
    """
    away = summed_away(request, by)
    nulls: dict[str, FieldSource] = {column.graphql_name: null() for column in away}
    return {**row_sources(request.columns, report), **nulls, **no_values(request), SUMMED_AWAY: names_of(away)}


def no_values(request: ReportRequest) -> dict[str, FieldSource]:
    """The SQL source of each dimension that the report could be grouped by, and is not."""
    return {each.graphql_name: null() for each in request.ungrouped}


def names_of(columns: tuple[AnyColumn, ...]) -> ColumnElement[Any]:
    """The columns as an array of their constant names."""
    names = ", ".join(f"'{column.constant_name}'" for column in columns)
    return literal_column(f"CAST([{names}], 'Array(String)')")


def row_filter(tree: Tree, report: Subquery) -> tuple[ColumnElement[bool], ...]:
    """The conditions of a filter on rows."""
    return () if tree == EVERYTHING.tree else (filters.condition(tree, lambda column: report.c[column.name]),)


def fact_conditions(
    request: ReportRequest,
    tree: Tree,
    largest: Order | None = None,
    sides: Sequence[tuple[ReportRequest, Span]] = (),
) -> tuple[ColumnElement[bool], ...]:
    """Conditions for the CDRs of the matching rows; with `largest`, without the first `n` rows in that order.

    A filter that reads only keys can be applied to CDRs directly; any other needs the rows.  With several `sides`, it
    is enough if a row matches in one of them.
    """
    source = source_of(request)
    keys: dict[AnyColumn, ColumnElement[Any]] = {key: source.key(request.key(key)) for key in request.dimensions}
    key = key_of(request.dimensions, list(keys.values()))
    others = () if largest is None else (not_among(key, _keys_of_rows(request, tree, OWN, largest)),)
    if tree == EVERYTHING.tree:
        return others
    if all(column in keys for column in filters.columns(tree)):
        return (filters.condition(tree, keys.__getitem__), *others)
    asked = sides or [(request, OWN)]
    return (or_(*(among(key, _keys_of_rows(side, tree, span)) for side, span in asked)), *others)


def key_of(keys: tuple[Dimension, ...], expressions: list[ColumnElement[Any]]) -> ColumnElement[Any]:
    """A key as one tuple without nulls, because in ClickHouse a tuple with a null does not equal itself."""
    parts: list[ColumnElement[Any]] = []
    for key, expression in zip(keys, expressions, strict=True):
        if key.nullable:
            parts += [func.isNull(expression), func.ifNull(expression, literal_column(key.type.default))]
        else:
            parts.append(expression)
    return func.tuple(*parts)


def order_by(order: tuple[Order, ...], keys: tuple[Dimension, ...], report: Subquery) -> list[ColumnElement[Any]]:
    """Order by the given columns and then by the keys, each once."""
    once: dict[AnyColumn, Order] = {}
    for each in (*order, *(Order(key) for key in keys)):
        once.setdefault(each.column, each)
    return [
        (report.c[each.column.name].desc() if each.descending else report.c[each.column.name].asc()).nulls_last()
        for each in once.values()
    ]


def with_page(paged: bool, statement: Select[Any]) -> Select[Any]:
    return statement.limit(value("first", UInt64)).offset(value("offset", UInt64)) if paged else statement


def _keys_of_rows(request: ReportRequest, tree: Tree, span: Span, largest: Order | None = None) -> Select[Any]:
    """The keys of the matching rows; with `largest`, only of the first `n` in that order."""
    keys = request.dimensions
    order = () if largest is None else (largest,)
    needed = (*keys, *filters.columns(tree), *(each.column for each in order))
    report = report_table(request, keys, needed, Slice(span))
    found = select(key_of(keys, [report.c[key.name] for key in keys])).select_from(report)
    found = found.where(*row_filter(tree, report))
    if largest is not None:
        found = found.order_by(*order_by(order, keys, report)).limit(value("n", UInt64))
    return found

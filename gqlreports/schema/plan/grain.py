"""Builds a report's statement at a grain (a set of keys), over the rows of its fact that it may read.

A report that is fully described by its columns is computed by algebra.  An inner query computes partial sums for each
part of the range and each currency; a rollup may already hold those of the whole hours.  An outer query combines them
into the figures.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import ColumnElement, CompoundSelect, Select, Subquery, column, select, union_all

from gqlreports.errors import InvalidInput
from gqlreports.plugins.aggregates import (
    EVERY,
    Atoms,
    Expression,
    NoSums,
    Parts,
    Term,
    atom_name,
    has_subquery,
    is_present,
    key_name,
)
from gqlreports.plugins.contract import AnyColumn, Dimension, Measure, Scope
from gqlreports.plugins.dimensions import SharedDimension
from gqlreports.schema.plan.source import OWN, Reading, Source, Span, filter_keys, reading, source_of
from gqlreports.schema.request import ReportRequest
from gqlreports.tables import Fact


@dataclass(frozen=True)
class Slice:
    """The rows of a range that meet some conditions, which refer to the stored table."""

    span: Span = OWN
    conditions: tuple[ColumnElement[bool], ...] = ()


OF_RANGE = Slice()


def total_columns(columns: tuple[AnyColumn, ...]) -> tuple[AnyColumn, ...]:
    """The columns that have a value without keys: measures, and dimensions with a measure instead."""
    return tuple(column for column in columns if isinstance(column, Measure) or column.otherwise is not None)


def report_table(
    request: ReportRequest, keys: tuple[Dimension, ...], needed: Sequence[AnyColumn], rows: Slice = OF_RANGE
) -> Subquery:
    """The report at the grain of `keys`, as a table expression."""
    return at_grain(request, keys, needed, rows).subquery("report")


def at_grain(
    request: ReportRequest, keys: tuple[Dimension, ...], needed: Sequence[AnyColumn], rows: Slice = OF_RANGE
) -> Select[Any]:
    """The report's statement at the grain of `keys`, with the needed columns."""
    grain = _Grain(request, _scope(request, keys, needed), _loaded_slice(request, rows))
    if not grain.is_algebra:
        return grain.narrowed()
    parts = Parts(grain.fact, grain.keys)
    try:
        shown = [grain.expression(each, parts.add).label(each.name) for each in grain.scope.columns]
    except NoSums:
        return grain.over_rows()
    present = [is_present(parts.add(EVERY))] if keys else []
    read = grain.reading(parts)
    if not parts.by and read is not Reading.BOTH:
        return grain.over_rows(read)
    statement = select(*shown).select_from(grain.parts(parts, read).subquery("parts"))
    return statement.having(*present).group_by(*grain.key_columns)


def with_totals(
    request: ReportRequest, keys: tuple[Dimension, ...], needed: Sequence[AnyColumn], whole: Sequence[AnyColumn]
) -> tuple[Subquery, dict[AnyColumn, ColumnElement[Any]]]:
    """The report at the grain of `keys`, and expressions for the columns `whole` over several of its rows together.

    Raises NoSums if a figure of the report cannot be computed from sums.
    """
    rows = _loaded_slice(request, OF_RANGE)
    grain = _Grain(request, _scope(request, keys, needed), rows)
    totals = _Grain(request, _scope(request, (), whole), rows)
    if not (grain.is_algebra and totals.is_algebra):
        raise NoSums
    parts = Parts(grain.fact, grain.keys)
    atoms = Atoms(parts)
    shown = [grain.expression(each, atoms.of_row).label(each.name) for each in grain.scope.columns]
    present = is_present(parts.add(EVERY))
    over_all = {each: totals.expression(each, atoms.of_rows) for each in totals.scope.columns}
    source = grain.parts(parts, grain.reading(parts)).subquery("parts")
    of_rows = select(*grain.key_columns, *atoms.labels()).select_from(source)
    of_rows = of_rows.having(present).group_by(*grain.key_columns)
    names: list[ColumnElement[Any]] = [column(atom_name(place)) for place in range(len(atoms.found))]
    report = select(*shown, *names).select_from(of_rows.subquery("atoms")).subquery("report")
    return report, {each: over_all[each] for each in whole}


def of_nothing(request: ReportRequest, needed: Sequence[AnyColumn]) -> Subquery:
    """The report's figures over no rows, as a table of one row."""
    source, scope = source_of(request), _scope(request, (), needed)
    return source.within(request.report.report.statement(scope), source.no_rows()).subquery("nothing")


def _scope(request: ReportRequest, keys: tuple[Dimension, ...], needed: Sequence[AnyColumn]) -> Scope:
    columns = tuple(dict.fromkeys(needed)) or total_columns(request.columns)[:1]
    for each in columns:
        if isinstance(each, SharedDimension) and each not in request.dimensions:
            raise InvalidInput(
                f"{each.graphql_name} is no key of the rows, since `groupBy` does not name {each.constant_name}; "
                "choose calls by it in `filter` of the report."
            )
    return request.scope(keys, columns)


def _loaded_slice(request: ReportRequest, rows: Slice) -> Slice:
    """The slice without the rows that were loaded after the request's `as_of`, or do not meet its filter."""
    conditions = source_of(request).read_by(request)
    return replace(rows, conditions=(*conditions, *rows.conditions))


@dataclass(frozen=True)
class _Grain:
    """A report in a scope, over some rows of its fact."""

    request: ReportRequest
    scope: Scope
    rows: Slice

    @property
    def fact(self) -> Fact:
        return self.scope.fact

    @property
    def source(self) -> Source:
        return source_of(self.request)

    @property
    def keys(self) -> list[Expression]:
        return [self.scope.key(key) for key in self.scope.dimensions]

    @property
    def key_columns(self) -> list[Expression]:
        """The keys, as columns of a query for sums that are grouped by them."""
        return [column(key_name(place)) for place in range(len(self.scope.dimensions))]

    @property
    def where(self) -> list[ColumnElement[bool]]:
        condition = self.request.report.report.where(self.scope.parameters)
        return [] if condition is None else [self.scope.guarded(condition)]

    @property
    def is_algebra(self) -> bool:
        """Whether the columns fully describe the statement, and its conditions and figures have no subquery."""
        if self.request.report.report.overrides_statement():
            return False
        figures = filter(None, map(self.scope.figure, self.scope.columns))
        looked_at = [*self.where, *(each.over(self.fact, self.scope.basis) for each in figures)]
        return not any(map(has_subquery, looked_at))

    def expression(self, column: AnyColumn, value: Callable[[Term], Expression]) -> Expression:
        """A column over sums that are grouped by the keys; `value` returns the SQL of each term of a figure."""
        figure = self.scope.figure(column)
        if figure is None:
            return self.key_columns[self.scope.dimensions.index(column)]
        return figure.build(self.scope.basis, value)

    def narrowed(self) -> Select[Any]:
        """The report's own statement, with the fact's table replaced by the rows of the slice."""
        report = self.request.report.report
        statement = report.statement(self.scope)
        if report.overrides_statement():
            statement = self.scope.of_author(statement)
        return self.source.within(statement, self.source.rows(self.rows.span, self.rows.conditions))

    def over_rows(self, read: Reading = Reading.CALLS) -> Select[Any]:
        """The columns, computed directly over the stored table."""
        [where] = self._ranges(read)
        columns = [self.scope.expression(each).label(each.name) for each in self.scope.columns]
        statement = self._grouped(columns, self.keys, where)
        return statement.having(self.source.over(is_present(EVERY.over(self.fact)))) if self.keys else statement

    def parts(self, parts: Parts, read: Reading) -> Select[Any] | CompoundSelect[Any]:
        """The query for the partial sums, one SELECT for each part of the range."""
        keys = [*parts.keys, *parts.by]
        each = [self._grouped(parts.labels(), keys, where) for where in self._ranges(read)]
        return union_all(*each) if len(each) > 1 else each[0]

    def reading(self, parts: Parts) -> Reading:
        """What the range is read from: the sums of hours only if the report's rollup has all that are needed."""
        rollup = self.request.report.rollup
        keys = [*parts.keys, *self.where, *parts.by, *filter_keys(self.request)]
        return reading(self.request) if rollup and rollup.holds(keys, parts.sums) else Reading.CALLS

    def _ranges(self, read: Reading) -> list[list[ColumnElement[bool]]]:
        source, span = self.source, self.rows.span
        match read:
            case Reading.CALLS:
                return [source.in_range(span)]
            case Reading.HOURS:
                return [source.in_hours(span)]
            case Reading.BOTH:
                return [source.in_hours(span), source.at_edges(span)]

    def _grouped(
        self, columns: Sequence[Expression], keys: Sequence[Expression], where: Sequence[ColumnElement[bool]]
    ) -> Select[Any]:
        """Labelled columns over the stored rows, grouped by some keys."""
        source = self.source
        statement = select(*map(source.over, columns)).select_from(source.table)
        statement = statement.where(*where, *map(source.over, self.where), *self.rows.conditions)
        return statement.group_by(*map(source.over, keys))

"""A report's statement at a grain, over the calls that it may read.

A report that only sums is taken apart: its sums are taken of the parts of the range, the whole hours of which a rollup
may hold already, and by each currency, and put together above them.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import ColumnElement, CompoundSelect, Label, Select, Subquery, column, select, union_all

from gqlreports.plugins.contract import AnyColumn, Dimension, Measure, Scope
from gqlreports.plugins.sums import Atoms, NoSums, Sums, atom_name, is_plain, key_name
from gqlreports.schema.plan.narrowing import (
    OWN,
    STORED,
    Reading,
    Span,
    at_edges,
    in_hours,
    in_range,
    known,
    narrowed,
    nothing,
    onto_stored,
    reading,
    within,
)
from gqlreports.schema.request import ReportRequest

_WHERE = {Reading.CALLS: (in_range,), Reading.HOURS: (in_hours,), Reading.BOTH: (in_hours, at_edges)}


@dataclass(frozen=True)
class Calls:
    """Those of a range that meet some conditions, which are made with `stored`."""

    span: Span = OWN
    conditions: tuple[ColumnElement[bool], ...] = ()


OF_RANGE = Calls()


def total_columns(columns: tuple[AnyColumn, ...]) -> tuple[AnyColumn, ...]:
    """The columns that mean something without a key: measures, and dimensions with a measure in their place."""
    return tuple(column for column in columns if isinstance(column, Measure) or column.otherwise is not None)


def grouped(
    request: ReportRequest, keys: tuple[Dimension, ...], needed: Sequence[AnyColumn], calls: Calls = OF_RANGE
) -> Subquery:
    """The report at the grain of `keys`, as a table expression."""
    return at_grain(request, keys, needed, calls).subquery("report")


def at_grain(
    request: ReportRequest, keys: tuple[Dimension, ...], needed: Sequence[AnyColumn], calls: Calls = OF_RANGE
) -> Select[Any]:
    """The report's statement at the grain of `keys`, with the columns that are needed."""
    calls = _known(request, calls)
    statement = _statement(request, keys, needed)
    expressions = [key.build(request.parameters) for key in keys]
    if not is_plain(statement, expressions):
        return within(statement, narrowed(calls.span, calls.conditions))
    return _put_together(request, statement, expressions, calls)


def with_totals(
    request: ReportRequest, keys: tuple[Dimension, ...], needed: Sequence[AnyColumn], whole: Sequence[AnyColumn]
) -> tuple[Subquery, dict[AnyColumn, ColumnElement[Any]]]:
    """The report at the grain of `keys`, and the columns `whole` over any of its rows together.

    Raises NoSums for a report that cannot be taken apart.
    """
    expressions = [key.build(request.parameters) for key in keys]
    rows, totals = _statement(request, keys, needed), _statement(request, (), whole)
    if not (is_plain(rows, expressions) and is_plain(totals, [])):
        raise NoSums
    sums, atoms = Sums(expressions), Atoms()
    shown = [atoms.of_row(sums.whole(_bare(each))).label(each.name) for each in rows.selected_columns]
    having = [sums.whole(each) for each in rows._having_criteria]
    over_all = {each.name: atoms.of_rows(sums.whole(_bare(each))) for each in totals.selected_columns}
    grouped_by: list[ColumnElement[Any]] = [column(key_name(place)) for place in range(len(keys))]
    source = _parts(request, rows, sums, _known(request, OF_RANGE)).subquery("parts")
    of_rows = select(*grouped_by, *atoms.named()).select_from(source).having(*having).group_by(*grouped_by)
    names: list[ColumnElement[Any]] = [column(atom_name(place)) for place in range(len(atoms.found))]
    report = select(*shown, *names).select_from(of_rows.subquery("atoms")).subquery("report")
    return report, {each: over_all[each.name] for each in whole}


def of_nothing(request: ReportRequest, needed: Sequence[AnyColumn]) -> Subquery:
    """The one row of the report's figures over no CDR at all."""
    return within(_statement(request, (), needed), nothing()).subquery("nothing")


def _known(request: ReportRequest, calls: Calls) -> Calls:
    """Those that were loaded by the moment as of which the store is read."""
    return replace(calls, conditions=(*known(request), *calls.conditions))


def _statement(request: ReportRequest, keys: tuple[Dimension, ...], needed: Sequence[AnyColumn]) -> Select[Any]:
    columns = tuple(dict.fromkeys(needed)) or total_columns(request.columns)[:1]
    return request.report.report.statement(Scope(keys, columns, request.parameters, request.basis))


def _put_together(
    request: ReportRequest, statement: Select[Any], keys: list[ColumnElement[Any]], calls: Calls
) -> Select[Any]:
    sums = Sums(keys)
    try:
        shown = [sums.whole(_bare(each)).label(each.name) for each in statement.selected_columns]
        having = [sums.whole(each) for each in statement._having_criteria]
    except NoSums:
        return _over(statement, statement.selected_columns, keys, calls, in_range(calls.span))
    read = _reading(request, statement, sums)
    if not sums.by and read is not Reading.BOTH:
        [where] = _WHERE[read]
        return _over(statement, statement.selected_columns, keys, calls, where(calls.span))
    whole = select(*shown).select_from(_parts(request, statement, sums, calls).subquery("parts")).having(*having)
    return whole.group_by(*(column(key_name(place)) for place in range(len(keys))))


def _parts(
    request: ReportRequest, statement: Select[Any], sums: Sums, calls: Calls
) -> Select[Any] | CompoundSelect[Any]:
    """The sums of the parts of the range."""
    keys = [*sums.keys, *sums.by]
    parts = [
        _over(statement, sums.parts(), keys, calls, where(calls.span), having=False)
        for where in _WHERE[_reading(request, statement, sums)]
    ]
    return union_all(*parts) if len(parts) > 1 else parts[0]


def _reading(request: ReportRequest, statement: Select[Any], sums: Sums) -> Reading:
    """What the range is read from: sums of hours only where the report's rollup has them all."""
    rollup = request.report.rollup
    wanted = Sums([*sums.keys, *statement._where_criteria])
    wanted.by, wanted.sums = sums.by, sums.sums
    return reading(request) if rollup and rollup.holds(wanted) else Reading.CALLS


def _over(
    statement: Select[Any],
    columns: Any,
    keys: list[ColumnElement[Any]],
    calls: Calls,
    where: list[ColumnElement[bool]],
    having: bool = True,
) -> Select[Any]:
    """Columns and conditions of a plain statement over the stored table itself."""
    criteria = [onto_stored(each) for each in statement._where_criteria]
    over = select(*(onto_stored(_bare(each)).label(each.name) for each in columns)).select_from(STORED)
    over = over.where(*where, *criteria, *calls.conditions).group_by(*(onto_stored(each) for each in keys))
    return over.having(*(onto_stored(each) for each in statement._having_criteria)) if having else over


def _bare(expression: Any) -> ColumnElement[Any]:
    """What stands under a label."""
    found: ColumnElement[Any] = expression.element if isinstance(expression, Label) else expression
    return found

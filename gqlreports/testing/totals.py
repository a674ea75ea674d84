"""Holds the totals of a report to its rows, and its rollup to the calls."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

from gqlreports.backends.base import Backend
from gqlreports.errors import ReportsError
from gqlreports.plugins import CountingBasis, Report
from gqlreports.plugins.aggregates import Whole
from gqlreports.plugins.contract import AnyColumn
from gqlreports.plugins.registry import RegisteredReport
from gqlreports.schema.plan.filters import EVERYTHING
from gqlreports.testing.answers import (
    DAYS,
    ROWS,
    TOTALS,
    AnswerTable,
    Row,
    only,
    rows_of,
    summed_columns,
    summed_tables,
    tables_of,
    total_table,
)
from gqlreports.testing.breaches import RATIOS, ROLLUP, SUMS, Breach
from gqlreports.testing.cases import Case
from gqlreports.testing.comparing import added, additive, differences, is_total
from gqlreports.testing.golden import END, MIDDLE, START

_WHOLE_HOURS = (datetime(2025, 10, 25, tzinfo=UTC), datetime(2025, 11, 3, tzinfo=UTC))


async def sum_breaches(case: Case, customer: str, tables: Sequence[AnswerTable], backend: Backend) -> list[Breach]:
    """Figures that may be added, and whose values in a table or in two halves of the range are not their total.

    A statement of the report's own may depend on which calls it sees together, so its days and halves are not added.
    """
    request = case.request(customer)
    [totals] = _named(TOTALS, tables).rows
    parts = [each for each in tables if each.what != TOTALS]
    if case.report.report.overrides_statement():
        parts = [each for each in parts if each.what != DAYS]
    else:
        spans = ((START, MIDDLE), (MIDDLE, END))
        halves = [await total_table(replace(request, start=start, end=end), backend) for start, end in spans]
        parts.append(AnswerTable("two halves of the range", (), [row for each in halves for row in each.rows]))
    found = []
    for column in additive(summed_columns(request)):
        name = column.graphql_name
        for part in parts:
            values = [row[name] for row in part.rows]
            if not is_total(column, totals[name], values):
                told = ((TOTALS, totals[name]), (f"the sum of {part.what}", _text(added(column, values))))
                found.append(Breach(SUMS, case.class_name, name, f"for customer {customer}, with {case}", told))
    return found


async def ratio_breaches(case: Case, tables: Sequence[AnswerTable], backend: Backend) -> list[Breach]:
    """Figures that may not be added, and whose totals a statement of the report's own computes in another way.

    A column whose rows are what its declaration makes of their calls must have such totals too.  A report without a
    statement of its own always has.
    """
    if not case.report.report.overrides_statement():
        return []
    declared = replace(case, report=_variant(case.report, statement=Report.statement))
    keys = case.request().dimensions
    rows = _named(ROWS, tables).rows
    try:
        of_calls = {_key(case, row): row for row in await rows_of(declared.request(), backend)}
    except ReportsError:
        return []  # its columns say nothing without its statement
    if not all(_key(case, row) in of_calls for row in rows):
        return []
    where = EVERYTHING if len(rows) == len(of_calls) else only(keys, rows)
    computed = await summed_tables(declared.request(), backend, where)
    told = await summed_tables(case.request(), backend, where)
    summed = summed_columns(case.request())
    held = {each.graphql_name for each in summed} - {each.graphql_name for each in additive(summed)}
    held = {name for name in held if all(row[name] == of_calls[_key(case, row)][name] for row in rows)}
    return [
        Breach(
            RATIOS,
            case.class_name,
            each.column,
            f"{each.where}, with {case}",
            (("from all calls of the rows", each.first), ("the report has", each.second)),
        )
        for each in differences(computed, told)
        if each.column in held
    ]


async def rollup_breaches(case: Case, backend: Backend) -> list[Breach]:
    """Figures that differ between a report's rollup and the calls, over whole hours and with calls at the edges."""
    sums = {name: each for name, each in case.report.report.columns.items() if not _is_whole(each)}
    rolled = replace(case, report=_variant(case.report, columns=sums))
    plain = replace(case, report=_variant(case.report, columns=sums, rollup=False))
    found = []
    for start, end in (_WHOLE_HOURS, (START, END)):
        one = await tables_of(replace(rolled.request(), start=start, end=end), backend)
        other = await tables_of(replace(plain.request(), start=start, end=end), backend)
        for each in differences(one, other):
            values = (("from sums by the hour", each.first), ("from calls", each.second))
            found.append(Breach(ROLLUP, case.class_name, each.column, f"{each.where}, with {case}", values))
    return found


def _variant(report: RegisteredReport, **attributes: object) -> RegisteredReport:
    """The report with other attributes of its class."""
    cls = type(report.report)
    variant = type(cls.__name__, (cls,), {})
    for name, value in attributes.items():
        setattr(variant, name, value)
    return RegisteredReport(report.name, variant(), report.distribution)


def _is_whole(column: AnyColumn) -> bool:
    """Whether a column has a figure that no rollup can hold."""
    figure = getattr(column, "aggregate", None) or getattr(column, "otherwise", None)
    return figure is not None and any(isinstance(term, Whole) for term in figure.terms(CountingBasis.CALL))


def _named(what: str, tables: Sequence[AnswerTable]) -> AnswerTable:
    return next(each for each in tables if each.what == what)


def _key(case: Case, row: Row) -> tuple[object, ...]:
    return tuple(row[key.graphql_name] for key in case.request().dimensions)


def _text(value: object) -> str | None:
    return None if value is None else f"{value:f}"

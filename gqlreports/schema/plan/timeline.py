"""Statements for a report's measures over time, in buckets by the clock of a time zone."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from clickhouse_connect.cc_sqlalchemy.datatypes.sqltypes import Array, Bool, Int64
from sqlalchemy import ColumnElement, Select, Subquery, and_, case, func, literal_column, null, or_, select, true

from gqlreports.backends.base import Statement
from gqlreports.plugins.contract import AnyColumn, Dimension
from gqlreports.plugins.rollup import hour
from gqlreports.plugins.types import COUNT
from gqlreports.schema.plan.filters import EVERYTHING, Tree, Where
from gqlreports.schema.plan.grain import Slice, of_nothing, report_table, total_columns
from gqlreports.schema.plan.printing import FieldSource, as_declared, field_columns
from gqlreports.schema.plan.rows import (
    STATEMENTS,
    SUMMED_AWAY,
    Order,
    fact_conditions,
    internal_dimension,
    key_of,
    names_of,
    no_values,
    order_by,
    selected_columns,
    summed_away,
)
from gqlreports.schema.plan.source import HOUR_LENGTH, OWN, cache_key, compile_statement, fill, value
from gqlreports.schema.request import ReportRequest, Selection
from gqlreports.schema.time import Buckets
from gqlreports.tables import Fact

_ONE: ColumnElement[Any] = literal_column("1")
_ZERO: ColumnElement[Any] = literal_column("0")
_UTC: ColumnElement[Any] = literal_column("'UTC'")
# No column of a report begins with _.
_START, _END, _PLACE, _FOUND = "_start", "_end", "_place", "_found"


@dataclass(frozen=True)
class Series:
    """One series for each of the first keys of `by` in an order, and one for all other keys."""

    by: tuple[Dimension, ...]
    order: Order


def timeline(
    request: ReportRequest,
    buckets: Buckets,
    selection: Selection,
    series: Series | None = None,
    n: int = 1,
    where: Where = EVERYTHING,
) -> Statement:
    """A row for each bucket of each of the first `n` series and of the series of all others, even without CDRs.

    Without `series` there is a single series of all CDRs.
    """
    by_hour = request.report.rollup is not None and all(start % HOUR_LENGTH == 0 for start in buckets.starts[1:])
    statement = _timeline(cache_key(request), selection, series, where.tree, by_hour)
    given = {"buckets": list(buckets.starts), "cut_first": buckets.cut_first, "cut_last": buckets.cut_last}
    return fill(statement, request, given | ({"n": n} if series else {}) | where.parameters)


@lru_cache(STATEMENTS)
def _timeline(
    request: ReportRequest, selection: Selection, series: Series | None, tree: Tree, by_hour: bool
) -> Statement:
    by = series.by if series else ()
    measured = [each for each in selected_columns(request, selection) if each in total_columns(request.columns)]
    columns = tuple(each for each in measured if each not in by) or total_columns(request.columns)[:1]
    buckets, places = _buckets(), _places(request, series, tree)
    figures = _figures(request, columns, series, tree, by_hour)
    empty = of_nothing(request, columns)
    here = and_(figures.c[_START] == buckets.c[_START], figures.c[_PLACE] == places.c[_PLACE])
    joined = buckets.join(places, true()).join(empty, true()).outerjoin(figures, here)
    found = figures.c[_FOUND] == _ONE
    sources = {
        **_bucket_sources(buckets),
        **_series_sources(request, by, places),
        **{
            each.graphql_name: as_declared(each, case((found, figures.c[each.name]), else_=empty.c[each.name]))
            for each in columns
        },
    }
    statement = select(*field_columns(selection, sources)).select_from(joined)
    # Place 0, the series of all others, comes last.
    return compile_statement(statement.order_by(places.c[_PLACE] == _ZERO, places.c[_PLACE], buckets.c[_START]))


def _buckets() -> Subquery:
    starts = value("buckets", Array(Int64))
    ends = func.arrayPushBack(func.arrayPopFront(starts), value("to", Int64))
    both = select(func.arrayJoin(func.arrayZip(starts, ends)).label("bucket")).subquery("bounds")
    bounds = (func.tupleElement(both.c.bucket, literal_column(place)) for place in "12")
    return select(*(bound.label(name) for bound, name in zip(bounds, (_START, _END), strict=True))).subquery("buckets")


def _places(request: ReportRequest, series: Series | None, tree: Tree) -> Subquery:
    """The keys of the first `n` series with their places from 1 to n, and place 0 if there are other keys."""
    if series is None:
        return select(_ZERO.label(_PLACE)).subquery("places")
    ranked = _ranked(request, series, tree).subquery("ranked")
    rank = ranked.c[_PLACE]
    place = case((rank > value("n", Int64), _ZERO), else_=rank)
    keys = [ranked.c[key.name] for key in series.by]
    return select(*keys, place.label(_PLACE)).where(rank <= value("n", Int64) + _ONE).subquery("places")


def _ranked(request: ReportRequest, series: Series, tree: Tree) -> Select[Any]:
    """All keys that series can have, with their ranks in the order."""
    report = report_table(
        request, series.by, (*series.by, series.order.column), Slice(OWN, fact_conditions(request, tree))
    )
    rank = func.row_number().over(order_by=order_by((series.order,), series.by, report))
    keys = [report.c[key.name] for key in series.by]
    return select(*keys, func.toInt64(rank).label(_PLACE)).select_from(report)


def _figures(
    request: ReportRequest, columns: tuple[AnyColumn, ...], series: Series | None, tree: Tree, by_hour: bool
) -> Subquery:
    """The measures of each bucket of each series; only those with a CDR."""
    fact = request.report.report.fact
    moment = _hour(fact) if by_hour else _moment(fact)
    start = internal_dimension(_START, func.roundDown(moment, value("buckets", Array(Int64))), COUNT)
    place = () if series is None else (internal_dimension(_PLACE, _place_of_cdr(request, series, tree), COUNT),)
    rows = Slice(OWN, fact_conditions(request, tree))
    report = report_table(request, (start, *place), (start, *place, *columns), rows)
    no_place = [] if place else [_ZERO.label(_PLACE)]
    return select(report, *no_place, _ONE.label(_FOUND)).select_from(report).subquery("figures")


def _moment(fact: Fact) -> ColumnElement[Any]:
    return func.toUnixTimestamp64Milli(fact.time)


def _hour(fact: Fact) -> ColumnElement[Any]:
    """The hour of a row as a moment, in milliseconds since 1970.

    If all buckets begin at full hours, it falls into the same bucket as the row's own moment.
    """
    return func.toInt64(func.toUnixTimestamp(hour(fact))) * literal_column("1000")


def _place_of_cdr(request: ReportRequest, series: Series, tree: Tree) -> ColumnElement[Any]:
    """The place of a CDR's key among the first `n`, or 0 if it is not among them."""
    ranked = _ranked(request, series, tree).subquery("ranked")
    key = key_of(series.by, [ranked.c[each.name] for each in series.by])
    placed = select(func.tuple(ranked.c[_PLACE], key).label("placed")).where(ranked.c[_PLACE] <= value("n", Int64))
    first = placed.subquery("first")
    keys = func.tupleElement(func.arraySort(func.groupArray(first.c.placed)), literal_column("2"))
    of_cdr = key_of(series.by, [request.key(each) for each in series.by])
    return func.toInt64(func.indexOf(select(keys).select_from(first).scalar_subquery(), of_cdr))


def _bucket_sources(buckets: Subquery) -> dict[str, FieldSource]:
    start, end = buckets.c[_START], buckets.c[_END]
    cut_first = and_(value("cut_first", Bool), start == value("from", Int64))
    cut_last = and_(value("cut_last", Bool), end == value("to", Int64))
    return {
        "start": func.fromUnixTimestamp64Milli(start, _UTC),
        "end": func.fromUnixTimestamp64Milli(end, _UTC),
        "clipped": func.toBool(or_(cut_first, cut_last)),
    }


def _series_sources(request: ReportRequest, by: tuple[Dimension, ...], places: Subquery) -> dict[str, FieldSource]:
    away = summed_away(request, by)
    if not by:
        others: ColumnElement[Any] = literal_column("false")
        names = names_of(away)
    else:
        others = func.toBool(places.c[_PLACE] == _ZERO)
        everything = tuple(each for each in request.columns if each in away or each in by)
        names = case((others, names_of(everything)), else_=names_of(away))
    return {
        "others": others,
        SUMMED_AWAY: names,
        **no_values(request),
        **{column.graphql_name: null() for column in away},
        **{key.graphql_name: case((others, null()), else_=as_declared(key, places.c[key.name])) for key in by},
    }

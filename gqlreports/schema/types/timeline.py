"""The field and types for a report's measures over time."""

from datetime import datetime
from typing import Any

from gqlreports.errors import InvalidInput
from gqlreports.plugins.contract import Dimension
from gqlreports.schema.answer import ReportAnswer, StoreValue
from gqlreports.schema.plan.rows import Order
from gqlreports.schema.plan.timeline import Series
from gqlreports.schema.request import ReportRequest, Selection
from gqlreports.schema.time import Buckets, Interval, Weekday, buckets, zone
from gqlreports.schema.types.columns import ReportColumns, field_of, level_type, list_of, object_of
from gqlreports.schema.types.descriptions import describe_enum

SERIES = 5
"""How many series are returned by default."""
MOST_SERIES = 100

describe_enum(
    Interval,
    "How long a bucket is.",
    {each.name: f"A {each.name.lower()} of the zone's calendar." for each in Interval} | {"HOUR": "An hour."},
)
describe_enum(
    Weekday, "The day that a week begins with.", {each.name: f"{each.name.capitalize()}." for each in Weekday}
)


def timeline_field(columns: ReportColumns) -> Any:
    """The field `timeline(every, timeZone, weekStart, where, by, series, seriesBy)`."""
    bucket = _bucket_type(columns)

    def timeline(
        self: Any,
        every: Interval,
        time_zone: str | None = "UTC",
        week_start: Weekday | None = Weekday.MONDAY,
        where: Any = None,
        by: Any = None,
        series: int | None = SERIES,
        series_by: Any = None,
    ) -> Any:
        answer: ReportAnswer = self.answer
        keys, n = series_keys(columns, answer.request, by, series)
        found = timeline_buckets(answer.request, n, every, time_zone, week_start)
        match, asked = columns.where(where), timeline_series(columns, keys, series_by)

        async def fetch(answer: ReportAnswer, selection: Selection) -> bytes:
            return await answer.timeline(found, selection, asked, n, match)

        return StoreValue(answer, fetch)

    return field_of(
        timeline,
        "The figures of each hour, day, week or month of a zone's clock; one series, or those of the largest keys "
        "of `by` and of all others.",
        every=Interval,
        time_zone=str | None,
        week_start=Weekday | None,
        where=columns.filter_input | None,
        by=list_of(columns.dimension_enum) | None,
        series=int | None,
        series_by=columns.measure_enum | None,
        returns=list_of(bucket),
    )


def series_keys(
    columns: ReportColumns, request: ReportRequest, by: Any = None, series: int | None = SERIES
) -> tuple[tuple[Dimension, ...], int]:
    """The keys of series and how many series there are, 0 without keys.  Raises InvalidInput."""
    keys = columns.keys(by or (), request)
    n = (SERIES if series is None else series) if keys else 0
    if not (0 if not keys else 1) <= n <= MOST_SERIES:
        raise InvalidInput(f"`series` is {n}; a timeline has from 1 to {MOST_SERIES}.")
    return keys, n


def timeline_buckets(
    request: ReportRequest,
    n: int,
    every: Interval,
    time_zone: str | None = "UTC",
    week_start: Weekday | None = Weekday.MONDAY,
) -> Buckets:
    """The buckets of `n` series and of all others.  Raises InvalidInput, InvalidRange or LimitExceeded."""
    return buckets(request.start, request.end, every, zone(time_zone), week_start or Weekday.MONDAY, n + 1)


def timeline_series(columns: ReportColumns, keys: tuple[Dimension, ...], series_by: Any = None) -> Series | None:
    return Series(keys, _order(columns, keys, series_by)) if keys else None


def _order(columns: ReportColumns, keys: tuple[Dimension, ...], series_by: Any) -> Order:
    """The order of series: the largest first, by the given measure or else the first number that is not a ratio."""
    if series_by is not None:
        return Order(columns.by_constant[series_by.value], descending=True)
    numbers = (each for each in columns.measures if each.kind == "measure" and each.type.scalar.numeric)
    return Order(next(numbers, keys[0]), descending=True)


def _bucket_type(columns: ReportColumns) -> type[Any]:
    return object_of(
        columns.name("Bucket"),
        columns.all,
        f"A stretch of time in {columns.registered.title}.",
        level_type,
        {
            "start": (datetime, "The first moment of it."),
            "end": (datetime, "The moment at which it ends; it is no part of it."),
            "clipped": (bool, "Whether the range cuts it short."),
            "others": (bool, "Whether it is of the series of all further keys."),
            "summed_away": (list_of(columns.dimension_enum), "The dimensions that have no value here."),
        },
    )

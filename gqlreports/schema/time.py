"""Time as callers tell it: zones, the buckets of a zone's clock, and ranges to compare with."""

from bisect import bisect_left
from calendar import monthrange
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import Enum
from functools import lru_cache
from itertools import pairwise
from zoneinfo import ZoneInfo, available_timezones

from gqlreports.errors import InvalidInput, InvalidRange, LimitExceeded
from gqlreports.schema.plan.source import milliseconds


def zone(name: str | None) -> ZoneInfo:
    """None is UTC.  Raises InvalidInput for a name that is not in the database."""
    if name is None:
        return ZoneInfo("UTC")
    if name not in _names():
        raise InvalidInput(f"There is no time zone {name[:64]!r}; give an IANA name, as Europe/Madrid.")
    return ZoneInfo(name)


@lru_cache(1)
def _names() -> frozenset[str]:
    """All but the two that stand for no place."""
    return frozenset(available_timezones()) - {"localtime", "Factory"}


MOST_BUCKETS = 10_000
"""How many buckets come at once, those of all series together."""


class Interval(Enum):
    """How long a bucket is."""

    HOUR = "HOUR"
    DAY = "DAY"
    WEEK = "WEEK"
    MONTH = "MONTH"


class Weekday(Enum):
    """A day of the week; the value is Python's."""

    MONDAY = 0
    TUESDAY = 1
    WEDNESDAY = 2
    THURSDAY = 3
    FRIDAY = 4
    SATURDAY = 5
    SUNDAY = 6


# Not much longer than a bucket can be: so many there are at least, that a range too long is refused at once.
_LENGTH = {
    Interval.HOUR: timedelta(hours=1),
    Interval.DAY: timedelta(days=1),
    Interval.WEEK: timedelta(days=7),
    Interval.MONTH: timedelta(days=31),
}


@dataclass(frozen=True)
class Buckets:
    """Where each bucket starts, in milliseconds since 1970; each ends where the next starts, the last with the range.

    The first and the last may be cut by the range.
    """

    starts: tuple[int, ...]
    cut_first: bool
    cut_last: bool


def buckets(
    start: datetime, end: datetime, every: Interval, zone: ZoneInfo, week_start: Weekday, series: int
) -> Buckets:
    """The buckets that `start <= time < end` touches.

    Raises LimitExceeded for more than MOST_BUCKETS of them in all series, InvalidRange for years without a calendar.
    """
    _check_number((end - start) // _LENGTH[every] - 2, series)
    try:
        bounds = list(_bounds(start, end, every, zone, week_start))
    except OverflowError:
        raise InvalidRange("There is no calendar for this range; choose years between 2 and 9998.") from None
    starts = (start, *(bound for bound in bounds if start < bound < end))
    _check_number(len(starts), series)
    return Buckets(tuple(milliseconds(each) for each in starts), bounds[0] != start, bounds[-1] != end)


def _check_number(number: int, series: int) -> None:
    if number * series > MOST_BUCKETS:
        raise LimitExceeded(
            "buckets", number * series, MOST_BUCKETS, "choose a shorter range, longer buckets or fewer series"
        )


def _bounds(start: datetime, end: datetime, every: Interval, zone: ZoneInfo, week_start: Weekday) -> Iterator[datetime]:
    """From the last bound that is not after `start` to the first that is not before `end`."""
    if every is Interval.HOUR:
        bounds = _hour_bounds(start, zone)
    else:
        bounds = _day_bounds(start, zone, *_calendar(every, week_start))
    for earlier, later in pairwise(bounds):
        if later > start:
            yield earlier
        if later >= end:
            yield later
            return


def _hour_bounds(start: datetime, zone: ZoneInfo) -> Iterator[datetime]:
    """Each moment at which the clock shows a full hour, or is changed."""
    bound = _next_hour(start.replace(microsecond=0) - timedelta(hours=3), zone)
    while True:
        yield bound
        bound = _next_hour(bound, zone)


def _next_hour(moment: datetime, zone: ZoneInfo) -> datetime:
    clock = moment.astimezone(zone)
    left = 3600 - clock.minute * 60 - clock.second

    def changed(seconds: int) -> bool:
        return (moment + timedelta(seconds=seconds)).astimezone(zone).utcoffset() != clock.utcoffset()

    seconds = bisect_left(range(1, left), True, key=changed) + 1 if changed(left) else left
    return moment + timedelta(seconds=seconds)


def _calendar(every: Interval, week_start: Weekday) -> tuple[Callable[[date], date], Callable[[date], date]]:
    """The day on which a day's bucket begins, and that on which the next one does."""
    if every is Interval.MONTH:
        return lambda day: day.replace(day=1), lambda day: (day.replace(day=1) + timedelta(days=31)).replace(day=1)
    if every is Interval.WEEK:
        return lambda day: day - timedelta(days=(day.weekday() - week_start.value) % 7), lambda day: day + timedelta(7)
    return lambda day: day, lambda day: day + timedelta(1)


def _day_bounds(
    start: datetime, zone: ZoneInfo, first: Callable[[date], date], following: Callable[[date], date]
) -> Iterator[datetime]:
    """The starts of days; where the clock skips midnight, the moment at which it does.  A day may be skipped whole."""
    day = first(start.astimezone(zone).date() - timedelta(2))
    bound = datetime.combine(day, time(), zone).astimezone(UTC)
    while True:
        yield bound
        earlier = bound
        while bound <= earlier:
            day = following(day)
            bound = datetime.combine(day, time(), zone).astimezone(UTC)


class RelativePeriod(Enum):
    """A range given relative to that of the report."""

    PREVIOUS_PERIOD = "PREVIOUS_PERIOD"
    SAME_PERIOD_LAST_YEAR = "SAME_PERIOD_LAST_YEAR"


def compared_period(
    start: datetime, end: datetime, period: RelativePeriod, zone: ZoneInfo
) -> tuple[datetime, datetime]:
    """The range as long that ends at `start`, or both ends a year earlier on the clock of a zone.

    Raises InvalidRange where there is no such time.
    """
    try:
        if period is RelativePeriod.PREVIOUS_PERIOD:
            return start - (end - start), start
        earlier = _year_earlier(start, zone), _year_earlier(end, zone)
    except (OverflowError, ValueError):
        raise InvalidRange("There is no earlier period of that kind; choose a later or shorter range.") from None
    if not earlier[0] < earlier[1]:
        raise InvalidRange("This range had no length a year earlier; name the range to compare with.")
    return earlier


def _year_earlier(moment: datetime, zone: ZoneInfo) -> datetime:
    """29 February becomes 28."""
    clock = moment.astimezone(zone)
    year = clock.year - 1
    day = min(clock.day, monthrange(year, clock.month)[1])
    return clock.replace(year=year, day=day).astimezone(UTC)

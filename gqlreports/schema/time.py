"""Time in requests: time zones, buckets by the clock of a zone, and ranges to compare with."""

import re
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
from gqlreports.schema.scalars import parse_moment

_DATE = re.compile("[0-9]{4}-[0-9]{2}-[0-9]{2}")


def zone(name: str | None) -> ZoneInfo:
    """The time zone with that IANA name; UTC for None.  Raises InvalidInput for an unknown name."""
    if name is None:
        return ZoneInfo("UTC")
    if name not in _names():
        raise InvalidInput(f"There is no time zone {name[:64]!r}; give an IANA name, as Europe/Madrid.")
    return ZoneInfo(name)


@lru_cache(1)
def _names() -> frozenset[str]:
    """The names of all time zones, except the two that do not stand for a place."""
    return frozenset(available_timezones()) - {"localtime", "Factory"}


def moment_in(zone: ZoneInfo, text: str) -> datetime:
    """The moment that a text names: an RFC 3339 date and time, or a date alone, which begins at midnight in the zone.

    Raises InvalidInput.
    """
    if _DATE.fullmatch(text):
        return _beginning(text, zone)
    try:
        return parse_moment(text)
    except InvalidInput as error:
        raise InvalidInput(f"{error} A date alone stands for its midnight.") from None


def _beginning(day: str, zone: ZoneInfo) -> datetime:
    try:
        # Where the clock skips midnight, this is the moment at which it does.
        return datetime.combine(date.fromisoformat(day), time(), zone).astimezone(UTC)
    except (ValueError, OverflowError):
        raise InvalidInput("there is no such date; check day, month and year.") from None


MOST_BUCKETS = 10_000
"""How many buckets a response may have, over all series together."""


class Interval(Enum):
    """How long a bucket is."""

    HOUR = "HOUR"
    DAY = "DAY"
    WEEK = "WEEK"
    MONTH = "MONTH"


class Weekday(Enum):
    """A day of the week; the value is that of `date.weekday()`."""

    MONDAY = 0
    TUESDAY = 1
    WEDNESDAY = 2
    THURSDAY = 3
    FRIDAY = 4
    SATURDAY = 5
    SUNDAY = 6


# The greatest usual length of a bucket.  It gives a lower bound for the number of buckets, so that a range that is much
# too long is refused before its buckets are computed.
_LENGTH = {
    Interval.HOUR: timedelta(hours=1),
    Interval.DAY: timedelta(days=1),
    Interval.WEEK: timedelta(days=7),
    Interval.MONTH: timedelta(days=31),
}


@dataclass(frozen=True)
class Buckets:
    """The start of each bucket, in milliseconds since 1970.

    A bucket ends where the next one starts, and the last one ends with the range.  `cut_first` and `cut_last` say
    whether the range cuts the first and the last bucket short.
    """

    starts: tuple[int, ...]
    cut_first: bool
    cut_last: bool


def buckets(
    start: datetime, end: datetime, every: Interval, zone: ZoneInfo, week_start: Weekday, series: int
) -> Buckets:
    """The buckets that overlap `start <= time < end`.

    Raises LimitExceeded for more than MOST_BUCKETS over all series, InvalidRange for years outside the calendar.
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
    """The bounds of buckets from the last one at or before `start` to the first one at or after `end`."""
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
    """The moments at which the clock shows a full hour or is changed, from some hours before `start`."""
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
    """Two functions of a day: the first day of its bucket, and the first day of the next bucket."""
    if every is Interval.MONTH:
        return lambda day: day.replace(day=1), lambda day: (day.replace(day=1) + timedelta(days=31)).replace(day=1)
    if every is Interval.WEEK:
        return lambda day: day - timedelta(days=(day.weekday() - week_start.value) % 7), lambda day: day + timedelta(7)
    return lambda day: day, lambda day: day + timedelta(1)


def _day_bounds(
    start: datetime, zone: ZoneInfo, first: Callable[[date], date], following: Callable[[date], date]
) -> Iterator[datetime]:
    """The moments at which buckets of whole days begin.

    If the clock skips midnight, the day begins at the moment of the change.  A day that the clock skips entirely has no
    bucket of its own.
    """
    day = first(start.astimezone(zone).date() - timedelta(2))
    bound = datetime.combine(day, time(), zone).astimezone(UTC)
    while True:
        yield bound
        earlier = bound
        while bound <= earlier:
            day = following(day)
            bound = datetime.combine(day, time(), zone).astimezone(UTC)


class RelativePeriod(Enum):
    """A range relative to the report's range."""

    PREVIOUS_PERIOD = "PREVIOUS_PERIOD"
    SAME_PERIOD_LAST_YEAR = "SAME_PERIOD_LAST_YEAR"


def compared_period(
    start: datetime, end: datetime, period: RelativePeriod, zone: ZoneInfo
) -> tuple[datetime, datetime]:
    """The range to compare with: an equally long one that ends at `start`, or both ends a year earlier.

    A year earlier is on the clock of the zone.  Raises InvalidRange if there is no such range.
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
    """The same clock time a year earlier; 29 February becomes 28 February."""
    clock = moment.astimezone(zone)
    year = clock.year - 1
    day = min(clock.day, monthrange(year, clock.month)[1])
    return clock.replace(year=year, day=day).astimezone(UTC)

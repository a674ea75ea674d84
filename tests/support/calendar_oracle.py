"""Test oracle of time: hours, days, weeks and months on the clock of a zone, and the ranges to compare with."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from itertools import pairwise

WEEKDAYS = ("MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY", "SATURDAY", "SUNDAY")
INSTANT = timedelta(microseconds=1)
QUARTER = timedelta(minutes=15)


@dataclass(frozen=True)
class Calendar:
    """Hours, days, weeks or months on the clock of a zone."""

    every: str
    zone: tzinfo
    week_start: str = "MONDAY"

    def unit(self, moment: datetime) -> datetime | date | tuple[int, int]:
        """What a moment lies in: equal for two moments of the same hour, day, week or month."""
        local = moment.astimezone(self.zone)
        if self.every == "HOUR":
            return moment - timedelta(minutes=local.minute, seconds=local.second, microseconds=local.microsecond)
        if self.every == "MONTH":
            return local.year, local.month
        days = (local.weekday() - WEEKDAYS.index(self.week_start)) % 7 if self.every == "WEEK" else 0
        return local.date() - timedelta(days=days)

    def begins(self, moment: datetime) -> bool:
        return self.unit(moment) != self.unit(moment - INSTANT)

    def buckets(self, start: datetime, end: datetime) -> list[tuple[datetime, datetime, bool]]:
        """(start, end, clipped) of all that touch a range, found by walking it in real quarters of an hour."""
        cuts = [start, *(moment for moment in _quarters(start, end) if self.begins(moment)), end]
        return [(a, b, not (self.begins(a) and self.begins(b))) for a, b in pairwise(cuts)]


def _quarters(start: datetime, end: datetime) -> Iterator[datetime]:
    """Those between two moments; every zone's clock is a whole number of them from UTC."""
    moment = start.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    while moment < end:
        if moment > start:
            yield moment
        moment += QUARTER


def previous_period(start: datetime, end: datetime) -> tuple[datetime, datetime]:
    return start - (end - start), start


def year_before(moment: datetime, zone: tzinfo) -> datetime:
    local = moment.astimezone(zone)
    leap = (local.month, local.day) == (2, 29)
    return local.replace(year=local.year - 1, day=28 if leap else local.day).astimezone(UTC)

"""The ranges that a report's own is compared with."""

from calendar import monthrange
from datetime import UTC, datetime
from enum import Enum
from zoneinfo import ZoneInfo

from gqlreports.errors import InvalidRange


class RelativePeriod(Enum):
    """A range told by that of the report."""

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

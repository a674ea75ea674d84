"""Timelines: buckets by the clock of a zone, each with the figures of the calls that began in it."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.analysis_oracle import Analysis, constant
from tests.support.asking import BUCKET, CASES, COLUMNS, ask, names, near, refusal
from tests.support.calendar_oracle import WEEKDAYS, Calendar
from tests.support.drawing import END, MILLISECOND, START, analyses, drawn, filters
from tests.support.sites import Site

pytestmark = pytest.mark.thorough

NEW_YORK, KOLKATA, KATHMANDU = "America/New_York", "Asia/Kolkata", "Asia/Kathmandu"
ZONES = (
    "UTC", NEW_YORK, KOLKATA, KATHMANDU, "Europe/Berlin", "Europe/London", "America/Havana", "Africa/Cairo",
    "Australia/Adelaide", "America/St_Johns", "Pacific/Chatham", "Pacific/Kiritimati", "Pacific/Pago_Pago",
)  # fmt: skip
INTERVALS = ("HOUR", "DAY", "WEEK", "MONTH")


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def spans(site: Site, start: datetime, end: datetime, arguments: str) -> list[tuple[datetime, datetime, bool]]:
    analysis = Analysis(site.world, "GROUP_BY_TECH_PREFIX", "5001", start, end)
    buckets = ask(site, analysis, f"timeline({arguments}) {{ start end clipped }}")["timeline"]
    return [(each["start"], each["end"], each["clipped"]) for each in buckets]


@pytest.mark.parametrize(("type", "parameters"), CASES)
@given(choose=st.data())
@drawn(4)
def test_buckets_and_series(site: Site, type: str, parameters: dict[str, Any], choose: st.DataObject) -> None:
    analysis = choose.draw(analyses(site, type, parameters))
    columns = COLUMNS[type].split()
    days = (analysis.end - analysis.start) / timedelta(days=1)
    every = choose.draw(st.sampled_from(INTERVALS if days < 3 else INTERVALS[1:]))
    calendar = Calendar(every, ZoneInfo(choose.draw(st.sampled_from(ZONES))), choose.draw(st.sampled_from(WEEKDAYS)))
    where = choose.draw(st.none() | filters(analysis.rows(), columns))
    by = choose.draw(st.lists(st.sampled_from(analysis.keys), unique=True))
    series = choose.draw(st.integers(1, 6))
    measures = [name for name in columns if name not in analysis.keys and not name.endswith("Currency")]
    series_by = choose.draw(st.none() | st.sampled_from(measures))
    split = f"by: {names(by)}, series: {series}" if by else "by: null"
    sized = f", seriesBy: {constant(series_by)}" if series_by else ""
    selection = f"""timeline(
      every: {every}, timeZone: "{calendar.zone}", weekStart: {calendar.week_start}, where: $where, {split}{sized}
    ) {{ {BUCKET} {COLUMNS[type]} }}"""
    expected = analysis.timeline(calendar, where, by, series, series_by)
    assert ask(site, analysis, selection, where=where)["timeline"] == near(expected)


@pytest.mark.parametrize("zone", [NEW_YORK, KATHMANDU, "Africa/Cairo"])
@pytest.mark.parametrize(("type", "parameters"), CASES[1:])
def test_every_hour_of_a_month(site: Site, zone: str, type: str, parameters: dict[str, Any]) -> None:
    analysis = Analysis(site.world, type, "5001", START, END, "ATTEMPT", parameters)
    selection = f'timeline(every: HOUR, timeZone: "{zone}") {{ {BUCKET} {COLUMNS[type]} }}'
    expected = analysis.timeline(Calendar("HOUR", ZoneInfo(zone)))
    assert ask(site, analysis, selection)["timeline"] == near(expected)


@pytest.mark.parametrize(
    ("day", "zone", "hours"),
    [
        ("2025-11-02T04:00", NEW_YORK, 25),
        ("2025-03-09T05:00", NEW_YORK, 23),
        ("2025-10-25T22:00", "Europe/Berlin", 25),
        ("2025-03-29T23:00", "Europe/Berlin", 23),
        ("2025-11-02T04:00", "America/Havana", 25),
        ("2025-03-09T05:00", "America/Havana", 23),
        ("2025-10-29T21:00", "Africa/Cairo", 24 + 1),
        ("2025-10-27T18:30", KOLKATA, 24),
        ("2025-10-27T18:15", KATHMANDU, 24),
    ],
)
def test_a_day_has_the_hours_that_it_has(site: Site, day: str, zone: str, hours: int) -> None:
    begin = moment(day)
    end = begin + timedelta(hours=hours)
    around = begin - timedelta(days=1), end + timedelta(days=1)
    days = spans(site, *around, f'every: DAY, timeZone: "{zone}"')
    assert (begin, end, False) in days
    found = spans(site, begin, end, f'every: HOUR, timeZone: "{zone}"')
    assert found == [(begin + timedelta(hours=n), begin + timedelta(hours=n + 1), False) for n in range(hours)]


def test_a_day_that_a_zone_left_out_is_no_bucket(site: Site) -> None:
    """Samoa went from 29 to 31 December 2011."""
    found = spans(site, moment("2011-12-29T10:00"), moment("2012-01-01T10:00"), 'every: DAY, timeZone: "Pacific/Apia"')
    assert found == [
        (moment("2011-12-29T10:00"), moment("2011-12-30T10:00"), False),
        (moment("2011-12-30T10:00"), moment("2011-12-31T10:00"), False),
        (moment("2011-12-31T10:00"), moment("2012-01-01T10:00"), False),
    ]


def test_a_clock_that_is_moved_by_half_an_hour(site: Site) -> None:
    """On Lord Howe Island the half hour from 02:00 was left out on 5 October 2025."""
    start, end = moment("2025-10-04T14:30"), moment("2025-10-04T17:00")
    cuts = [start, moment("2025-10-04T15:30"), moment("2025-10-04T16:00"), end]
    expected = [(begin, before, False) for begin, before in pairwise(cuts)]
    assert spans(site, start, end, 'every: HOUR, timeZone: "Australia/Lord_Howe"') == expected


def test_a_week_begins_on_the_day_that_is_told(site: Site) -> None:
    start, end = moment("2025-10-20T00:00"), moment("2025-11-05T00:00")
    for week_start, first in (("MONDAY", 20), ("SUNDAY", 26), ("TUESDAY", 21)):
        found = spans(site, start, end, f"every: WEEK, weekStart: {week_start}")
        begin = moment(f"2025-10-{first}T00:00")
        week = timedelta(days=7)
        assert (begin, begin + week, False) in found
        assert [clipped for _, _, clipped in found] == [first != 20, *[False] * (len(found) - 2), True]
    assert spans(site, start, end, "every: WEEK") == spans(site, start, end, "every: WEEK, weekStart: MONDAY")


def test_a_range_that_cuts_its_buckets_says_so(site: Site) -> None:
    noon = moment("2025-10-31T12:00")
    for every in INTERVALS:
        assert spans(site, noon + MILLISECOND, noon + 2 * MILLISECOND, f"every: {every}") == [
            (noon + MILLISECOND, noon + 2 * MILLISECOND, True)
        ]
    assert spans(site, noon, noon + timedelta(minutes=90), "every: HOUR") == [
        (noon, noon + timedelta(hours=1), False),
        (noon + timedelta(hours=1), noon + timedelta(minutes=90), True),
    ]
    assert spans(site, noon, moment("2025-12-01T00:00"), "every: MONTH") == [
        (noon, moment("2025-11-01T00:00"), True),
        (moment("2025-11-01T00:00"), moment("2025-12-01T00:00"), False),
    ]
    assert spans(site, moment("2024-02-01T00:00"), moment("2024-03-01T00:00"), "every: MONTH") == [
        (moment("2024-02-01T00:00"), moment("2024-03-01T00:00"), False)
    ]


@pytest.mark.parametrize(("type", "parameters"), CASES)
def test_buckets_without_calls_are_there(site: Site, type: str, parameters: dict[str, Any]) -> None:
    analysis = Analysis(site.world, type, "5009", START, END, parameters=parameters)
    buckets = ask(site, analysis, f"timeline(every: DAY) {{ {BUCKET} {COLUMNS[type]} }}")["timeline"]
    assert len(buckets) == (END - START).days
    assert buckets == near(analysis.timeline(Calendar("DAY", UTC)))
    kept = ask(site, analysis, "timeline(every: DAY, where: {or: []}) { start }")["timeline"]
    assert [each["start"] for each in kept] == [each["start"] for each in buckets]


def test_buckets_add_up_to_the_row_of_the_whole_range(site: Site) -> None:
    analysis = Analysis(site.world, "GROUP_BY_TECH_PREFIX", "5001", START, END)
    selection = f"""
      rows {{ techPrefix total }}
      timeline(every: HOUR, timeZone: "{NEW_YORK}", by: [TECH_PREFIX], series: 11) {{ techPrefix total }}
    """
    answer = ask(site, analysis, selection)
    sums: Counter[str] = Counter()
    for bucket in answer["timeline"]:
        sums[bucket["techPrefix"]] += bucket["total"]
    assert sums == {row["techPrefix"]: row["total"] for row in answer["rows"]}


def test_a_figure_in_a_filter_is_that_of_the_whole_range(site: Site) -> None:
    """No bucket of a day reaches the figure that the row of the month must have."""
    analysis = Analysis(site.world, "GROUP_BY_TECH_PREFIX", "5001", START, END)
    least = sorted(row["total"] for row in ask(site, analysis, "rows { total }")["rows"])[-2]
    where = {"total": {"gte": least}}
    buckets = ask(site, analysis, "timeline(every: DAY, where: $where) { total }", where=where)["timeline"]
    assert all(bucket["total"] < least for bucket in buckets)
    assert sum(bucket["total"] for bucket in buckets) == analysis.totals(where)["total"] >= 2 * least


@pytest.mark.parametrize("zone", ["", "Mars/Olympus", "../etc/passwd", "America/new york", "UTC'", "America"])
def test_an_unknown_zone_is_refused(site: Site, zone: str) -> None:
    analysis = Analysis(site.world, "DTMF", "5001", START, END)
    assert refusal(site, analysis, f'timeline(every: DAY, timeZone: "{zone}") {{ start }}') == "BAD_USER_INPUT"


def test_at_most_10000_buckets(site: Site) -> None:
    start = moment("2024-10-01T00:00")
    for hours, allowed in ((10_000, True), (10_001, False)):
        analysis = Analysis(site.world, "DTMF", "5001", start, start + timedelta(hours=hours))
        if allowed:
            assert len(ask(site, analysis, "timeline(every: HOUR) { start }")["timeline"]) == hours
        else:
            assert refusal(site, analysis, "timeline(every: HOUR) { start }") == "LIMIT_EXCEEDED"

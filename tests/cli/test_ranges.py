"""Ranges of dates, and the first rows of a report, as a user asks for them."""

import json
import re
from pathlib import Path

import pytest

from tests.cli.test_cli import cells, command, failed_inside, files, home, loading, printed
from tests.store.test_load_cdrs import as_csv, cdr_row

pytestmark = pytest.mark.processes

__all__ = ["files", "home", "loading"]
REPORT = ("run", "GROUP_BY_TECH_PREFIX", "--customer", "5001")


@pytest.fixture(scope="module")
def days(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with a call a second before and at each bound of 3 November, in New York and in UTC."""
    home = tmp_path_factory.mktemp("days")
    bounds = ("2025-11-03 00:00:00", "2025-11-03 05:00:00", "2025-11-04 00:00:00", "2025-11-04 05:00:00")
    befores = ("2025-11-02 23:59:59", "2025-11-03 04:59:59", "2025-11-03 23:59:59", "2025-11-04 04:59:59")
    calls = [
        cdr_row(place, dt=f"{moment}.000", tech_prefix=re.sub(r"\D", "", moment), answer_time="")
        for place, moment in enumerate((*bounds, *befores))
    ]
    (home / "calls.csv").write_bytes(as_csv(calls))
    (home / "customers.json").write_text(json.dumps([{"id": "5001", "name": "Marigold", "currency": "USD"}]))
    printed(command(home, "load", "customers", str(home / "customers.json")))
    printed(command(home, "load", "cdrs", str(home / "calls.csv")))
    return home


@pytest.mark.parametrize(
    "range",
    [
        ("--from", "2025-11-03", "--to", "2025-11-04", "--time-zone", "America/New_York"),
        ("--from", "2025-11-03T05:00:00Z", "--to", "2025-11-04", "--time-zone", "America/New_York"),
        ("--from", "2025-11-03T00:00:00-05:00", "--to", "2025-11-04T00:00:00-05:00"),
    ],
)
def test_a_date_is_midnight_in_the_time_zone(days: Path, range: tuple[str, ...]) -> None:
    told = printed(command(days, *REPORT, *range, "--format", "csv", "--column", "techPrefix"))
    assert told.split() == ["techPrefix", "20251103050000", "20251103235959", "20251104000000", "20251104045959"]


def test_a_date_is_midnight_in_utc_unless_told(days: Path) -> None:
    span = ("--from", "2025-11-03", "--to", "2025-11-04")
    told = printed(command(days, *REPORT, *span, "--format", "csv", "--column", "techPrefix"))
    assert told.split() == ["techPrefix", "20251103000000", "20251103045959", "20251103050000", "20251103235959"]
    explained = printed(command(days, "explain", *REPORT[1:], *span, "--time-zone", "Asia/Tokyo"))
    assert "granules" in explained
    before = printed(command(days, *REPORT, *span, "--as-of", "2025-11-30", "--format", "json"))
    assert json.loads(before) == []


def test_where_the_clock_skips_midnight_a_day_begins_then(days: Path) -> None:
    """In Santiago 7 September 2025 began at one o'clock, which was 04:00 in UTC."""
    (days / "skipped.csv").write_bytes(
        as_csv(cdr_row(20 + second, dt=f"2025-09-07 0{3 + second}:59:59.000", answer_time="") for second in range(2))
    )
    printed(command(days, "load", "cdrs", str(days / "skipped.csv")))
    span = ("--from", "2025-09-07", "--to", "2025-09-08", "--time-zone", "America/Santiago")
    [row] = json.loads(printed(command(days, *REPORT, *span, "--format", "json")))
    assert row["total"] == 1


@pytest.mark.parametrize("report", ["run", "explain"])
@pytest.mark.parametrize(
    ("option", "told"),
    [
        (("--from", "2025-02-30"), "--from 2025-02-30: there is no such date; check day, month and year."),
        (("--to", "0001-01-01"), "--to 0001-01-01: there is no such date"),
        (("--as-of", "2025-13-01"), "--as-of 2025-13-01: there is no such date"),
        (("--from", "2025-11-03T09:00:00"), "--from 2025-11-03T09:00:00: a time needs a date, a time and an offset"),
        (("--from", "3.11.2025"), "A date alone stands for its midnight."),
        (("--time-zone", "Mars"), "There is no time zone 'Mars'"),
    ],
)
def test_times_that_cannot_be_meant(home: Path, report: str, option: tuple[str, str], told: str) -> None:
    zone = ("--time-zone", "Asia/Tokyo") if option[0] != "--time-zone" else ()
    span = {"--from": "2025-11-01", "--to": "2025-12-01"} | {option[0]: option[1]}
    words = [word for each in span.items() for word in each]
    assert told in failed_inside(home, report, "DTMF", "--customer", "5001", *zone, *words)


def test_the_first_rows(days: Path) -> None:
    """The top of an order, with the totals of all rows."""
    span = ("--from", "2025-11-01", "--to", "2025-12-01", "--order-by", "techPrefix:desc", "--first", "3")
    top = ["20251104050000", "20251104045959", "20251104000000"]
    rows = json.loads(printed(command(days, *REPORT, *span, "--format", "json")))
    assert [row["techPrefix"] for row in rows] == top
    told = printed(command(days, *REPORT, *span))
    _, *shown, totals = cells(told)
    assert [row[0] for row in shown] == top
    assert totals[-1] == "8"
    assert told.splitlines()[-1].strip() == "3 of 8 rows"
    printed(command(days, *REPORT, *span, "-o", str(days / "top.csv")))
    assert (days / "top.csv").read_text().splitlines()[1:][-1] == "# 3 rows"
    all_rows = printed(command(days, *REPORT, *span[:-1], "100"))
    assert all_rows.splitlines()[-1].strip() == "8 of 8 rows"

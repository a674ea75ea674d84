"""Filters, subtotals and timelines on columns of the types that no shipped report has as keys."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from importlib.metadata import EntryPoint, entry_points
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import func

from gqlreports.plugins import COUNT, FLAG, MOMENT, Report, attempts, cdr, dimension, measure, talk_time
from gqlreports.plugins.registry import GROUP, Registry
from gqlreports.schema.scalars import print_moment
from gqlreports.web.app import create_app
from tests.support.analysis_oracle import Where, matches, ordered
from tests.support.drawing import END, MILLISECOND, START
from tests.support.oracle import Row
from tests.support.sites import Site

pytestmark = pytest.mark.thorough

CUSTOMER = "5003"
COLUMNS = "began branch talked attempts seconds"
READ: dict[str, Callable[[Any], object]] = {"began": datetime.fromisoformat, "seconds": Decimal}


class CallsByMoment(Report):
    """Calls by the millisecond in which they began."""

    began = dimension(cdr.c.dt, "When the call began", type=MOMENT)
    branch = dimension(func.toInt64(cdr.c.branch_idx), "Number of the attempt", type=COUNT)
    talked = dimension(cdr.c.answered, "Whether it was answered", type=FLAG)
    attempts = measure(attempts, "Call attempts", unit="calls")
    seconds = measure(talk_time, "Time talked", unit="s")


@pytest.fixture(scope="module")
def moments_site(site: Site) -> Site:
    """The site with this report besides."""
    plugin = EntryPoint("CALLS_BY_MOMENT", f"{__name__}:CallsByMoment", GROUP)
    registry = Registry.load([*entry_points(group=GROUP), plugin], strict=True)
    return replace(site, _app=(site.backend, create_app(registry, site.backend, site.directory)))


def ask(site: Site, selection: str, **variables: Any) -> list[Row]:
    """The rows of one field."""
    declared = "".join(f", ${name}: CallsByMomentFilter" for name in variables)
    query = f"""
    query ($from: DateTime!, $to: DateTime!{declared}) {{
      customReport(customer: "{CUSTOMER}", type: CALLS_BY_MOMENT, from: $from, to: $to, basis: ATTEMPT) {{
        ... on CallsByMomentReport {{ {selection} }}
      }}
    }}"""
    [rows] = site.data(query, **{"from": print_moment(START), "to": print_moment(END)}, **variables)[
        "customReport"
    ].values()
    return [{name: READ[name](value) if name in READ else value for name, value in row.items()} for row in rows]


def rows_of(site: Site) -> list[Row]:
    groups: dict[tuple[object, ...], list[Decimal]] = {}
    for each in site.world.cdrs:
        if each.customer_id == CUSTOMER:
            groups.setdefault((each.dt, each.branch_idx, each.answered), []).append(each.duration)
    rows: list[Row] = [
        {"began": began, "branch": branch, "talked": talked, "attempts": len(talks)}
        | {"seconds": sum(talks, Decimal(0)) if talked else Decimal(0)}
        for (began, branch, talked), talks in groups.items()
    ]
    return ordered(rows, [("began", False), ("branch", False), ("talked", False)])


def wheres(rows: list[Row]) -> Iterator[Where]:
    """Conditions at, just before and just after what rows hold."""
    moment, other = rows[len(rows) // 3]["began"], rows[-1]["began"]
    assert isinstance(moment, datetime)
    assert isinstance(other, datetime)
    elsewhere = moment.astimezone(ZoneInfo("Asia/Kolkata")).isoformat()
    for operator in ("eq", "ne", "lt", "lte", "gt", "gte"):
        for each in (moment - MILLISECOND, moment, moment + MILLISECOND, moment + timedelta(microseconds=1)):
            yield {"began": {operator: print_moment(each)}}
        yield {"branch": {operator: 1}}
        yield {"seconds": {operator: str(max(row["seconds"] for row in rows if isinstance(row["seconds"], Decimal)))}}
    yield {"began": {"eq": elsewhere}}
    yield {"began": {"in": [print_moment(moment), print_moment(other)]}, "branch": {"notIn": [0, 3]}}
    yield {"began": {"notIn": []}, "talked": {"eq": True}}
    yield {"not": {"talked": {"eq": False}}, "began": {"isNull": False}}
    yield {"or": [{"began": {"isNull": True}}, {"seconds": {"gt": "0.000", "lt": "60.0005"}}]}
    yield {"seconds": {"in": ["0", "5.999", "0.001"]}}


def test_rows_that_match(moments_site: Site) -> None:
    rows = rows_of(moments_site)
    for where in wheres(rows):
        expected = [row for row in rows if matches(row, where)]
        found = ask(moments_site, f"rows(where: $where, first: 100000) {{ {COLUMNS} }}", where=where)
        assert found == expected, where


@pytest.mark.parametrize("name", ["began", "branch", "talked"])
def test_subtotals_by_each_type(moments_site: Site, name: str) -> None:
    groups: dict[Any, list[Any]] = {}
    for row in rows_of(moments_site):
        groups.setdefault(row[name], []).append(row)
    selection = f"subtotals(by: [{name.upper()}], first: 100000) {{ {name} attempts seconds summedAway }}"
    assert ask(moments_site, selection) == [
        {
            name: value,
            "attempts": sum(row["attempts"] for row in groups[value]),
            "seconds": sum(row["seconds"] for row in groups[value]),
            "summedAway": [each.upper() for each in ("began", "branch", "talked") if each != name],
        }
        for value in sorted(groups)
    ]


def test_a_time_without_an_offset_is_refused(moments_site: Site) -> None:
    query = """{ customReport(customer: "5003", type: CALLS_BY_MOMENT,
      from: "2025-10-20T00:00:00Z", to: "2025-11-20T00:00:00Z") {
      ... on CallsByMomentReport { rowCount(where: {began: {lt: "2025-11-01T00:00:00"}}) } } }"""
    assert moments_site.error(query)["extensions"]["code"] == "BAD_USER_INPUT"

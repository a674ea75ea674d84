"""Analyses after corrections: what was taken back is in no bucket, no subtotal and no list of calls."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.analysis_oracle import Analysis
from tests.support.asking import BUCKET, CASES, COLUMNS, OTHER_CASES, TOTALS, ask, near
from tests.support.calendar_oracle import Calendar
from tests.support.calls_oracle import raw_cells
from tests.support.drawing import BASES, END, START, drawn, filters
from tests.support.oracle import World
from tests.support.sites import Engine, Site
from tests.test_analysis import MIDDLE, check_all
from tests.test_calls import CALL
from tests.test_ledger import ROWS, change, correct, corrected_site, load, site_of, take_back

pytestmark = pytest.mark.thorough

ONE = "callid = 'call-1'"
BEGIN, DAY = datetime(2025, 11, 2, tzinfo=UTC), timedelta(days=1)


@pytest.fixture(scope="module")
def few(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    made = site_of(ROWS, tmp_path_factory.mktemp("few"), engine)
    yield made
    made.directory.close()


@pytest.fixture
def fresh(few: Site) -> Site:
    """A site of a few calls, none of them corrected."""
    change(few, "TRUNCATE TABLE cdr")
    assert load(few).added == len(ROWS)
    return few


def everything(site: Site, type: str, where: Any = None) -> Any:
    """All that is known of the calls of a day."""
    selection = f"""
      rows(where: $where) {{ {COLUMNS[type]} }} totals(where: $where) {{ {TOTALS[type]} }}
      timeline(every: HOUR, where: $where) {{ {BUCKET} {COLUMNS[type]} }}
      calls(where: $where) {{ cursor {CALL} }} callCount(where: $where)
    """
    return ask(site, Analysis(site.world, type, "5001", BEGIN, BEGIN + DAY), selection, where=where)


@pytest.mark.parametrize("type", list(COLUMNS))
def test_a_call_that_is_corrected_back_is_as_it_was(fresh: Site, type: str) -> None:
    """A, then A taken back for B, then B taken back for A."""
    before = everything(fresh, type)
    change(fresh, take_back(ONE), correct(ONE, tech_prefix="'9'", provider_card_id="'9'", account="'9'"))
    assert everything(fresh, type)["calls"] != before["calls"]
    change(fresh, take_back(f"{ONE} AND tech_prefix = '9'"))
    assert everything(fresh, type)["callCount"] == before["callCount"] - 1
    change(fresh, correct(f"{ONE} AND tech_prefix = '0044'", tech_prefix="'0044'"))
    assert everything(fresh, type) == before
    change(fresh, "OPTIMIZE TABLE cdr FINAL")
    assert everything(fresh, type) == before


def test_a_corrected_call_is_found_by_its_new_values_only(fresh: Site) -> None:
    old, new = {"techPrefix": {"eq": "777"}}, {"techPrefix": {"eq": "9"}}
    change(fresh, take_back("callid = 'call-2'"), correct("callid = 'call-2'", tech_prefix="'9'", dtmf="'5'"))
    gone, there = everything(fresh, "GROUP_BY_TECH_PREFIX", old), everything(fresh, "GROUP_BY_TECH_PREFIX", new)
    assert (gone["rows"], gone["calls"], gone["callCount"], gone["totals"]["total"]) == ([], [], 0, 0)
    assert sum(bucket["total"] for bucket in gone["timeline"]) == 0
    assert [(call["callid"], call["techPrefix"], call["dtmf"]) for call in there["calls"]] == [("call-2", "9", "5")]
    assert [bucket["start"].hour for bucket in there["timeline"] if bucket["total"]] == [6]


@pytest.mark.parametrize("type", list(COLUMNS))
def test_calls_that_were_all_taken_back_leave_empty_buckets(fresh: Site, type: str) -> None:
    change(fresh, take_back("1"))
    answer = everything(fresh, type)
    analysis = Analysis(World([], fresh.world.numbering, []), type, "5001", BEGIN, BEGIN + DAY)
    assert answer["timeline"] == near(analysis.timeline(Calendar("HOUR", UTC)))
    assert (answer["rows"], answer["calls"], answer["callCount"]) == ([], [], 0)


@pytest.fixture(scope="module")
def corrected(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Site, World]]:
    made = corrected_site(tmp_path_factory.mktemp("ledger"), engine)
    yield made
    made[0].directory.close()


@pytest.mark.parametrize(("type", "parameters"), CASES + OTHER_CASES)
@given(choose=st.data())
@drawn(2)
def test_every_analysis_after_corrections(
    corrected: tuple[Site, World], type: str, parameters: dict[str, Any], choose: st.DataObject
) -> None:
    site, world = corrected
    customer, basis = choose.draw(st.sampled_from(["5001", "05001"])), choose.draw(st.sampled_from(BASES))
    analysis = Analysis(world, type, customer, choose.draw(st.sampled_from([START, MIDDLE])), END, basis, parameters)
    where = choose.draw(st.none() | filters(analysis.rows(), COLUMNS[type].split()))
    check_all(site, analysis, where, raw_cells(site.home / "cdrs.csv"))

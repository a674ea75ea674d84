"""The past of a store: reports as it stood at a moment, and the versions of a call."""

import asyncio
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from gqlreports.schema.scalars import print_moment
from gqlreports.store.load_cdrs import load_cdrs
from gqlreports.store.load_counts import LoadCounts
from tests.store.test_load_cdrs import Row, as_csv, cdr_row
from tests.support.sites import Engine, Site, nothing
from tests.test_ledger import change, site_of

pytestmark = pytest.mark.thorough

QUERY = """
query ($from: DateTime! = "2025-11-01T00:00:00Z", $to: DateTime! = "2025-12-01T00:00:00Z", $asOf: DateTime) {
  customReport(customer: "5001", type: DTMF, from: $from, to: $to, asOf: $asOf) {
    asOf
    ... on DtmfReport {
      rows { route answeredCalls providerCharge }
      totals { providerCharge digits }
      timeline(every: DAY) { answeredCalls }
      comparison(with: {period: PREVIOUS_PERIOD}) { totals { providerCharge { current previous } } }
      calls { callid providerCharge history { loadedAt takenBackAt providerCharge dtmf } }
      callCount
    }
  }
}"""
FIRST = [cdr_row(number, provider_charge="1") for number in range(3)]
SECOND = [cdr_row(1, provider_charge="5", dtmf=""), cdr_row(7, provider_charge="2")]
THIRD = [cdr_row(1, provider_charge="1"), cdr_row(2, dt="2025-11-02 18:00:00", provider_card_id="other")]


@pytest.fixture(scope="module")
def moments(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Site, list[datetime]]]:
    """A site that was corrected twice, and a moment after each of its loads."""
    home = tmp_path_factory.mktemp("history")
    site = site_of(FIRST, home, engine)
    known = [tick()]
    for rows in (SECOND, THIRD):
        assert load(site, rows).corrected
        known.append(tick())
    yield site, known
    site.directory.close()


def tick() -> datetime:
    """A moment that no load shares, to the millisecond."""
    time.sleep(0.01)
    now = datetime.now(UTC)
    time.sleep(0.01)
    return now


def load(site: Site, rows: list[Row]) -> LoadCounts:
    file = site.home / "again.csv"
    file.write_bytes(as_csv(rows))
    return asyncio.run(load_cdrs(site.backend, str(file), nothing, corrects=True))


def asked(site: Site, moment: datetime | None = None, **range: Any) -> dict[str, Any]:
    as_of = None if moment is None else print_moment(moment)
    found: dict[str, Any] = site.data(QUERY, asOf=as_of, **range)["customReport"]
    assert found.pop("asOf") == as_of
    return found


def without_times(answer: dict[str, Any]) -> dict[str, Any]:
    calls = [{name: value for name, value in call.items() if name != "history"} for call in answer["calls"]]
    return {**answer, "calls": calls}


def test_a_report_as_the_store_stood(
    moments: tuple[Site, list[datetime]], engine: Engine, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """It says what a store says that was given just what had been loaded then."""
    site, known = moments
    stages = [FIRST, [FIRST[0], *SECOND, FIRST[2]], [FIRST[0], THIRD[0], THIRD[1], SECOND[1]]]
    told = [without_times(asked(site, moment)) for moment in known]
    assert told[-1] == without_times(asked(site))
    assert without_times(asked(site, known[0] - timedelta(days=1)))["rows"] == []
    for rows, answer in zip(stages, told, strict=True):
        only = site_of(rows, tmp_path_factory.mktemp("only"), engine)
        assert without_times(asked(only)) == answer
        only.directory.close()


def test_the_history_of_a_call(moments: tuple[Site, list[datetime]]) -> None:
    """Each call once, with all its versions: what was said, from when and until when."""
    site, known = moments
    answer = asked(site)
    assert [call["callid"] for call in answer["calls"]] == ["call-0", "call-1", "call-7", "call-2"]
    histories = {call["callid"]: call["history"] for call in answer["calls"]}
    first, second, third = histories["call-1"]
    assert [(each["providerCharge"], each["dtmf"]) for each in (first, second, third)] == [
        ("1", "12#"), ("5", ""), ("1", "12#"),
    ]  # fmt: skip
    assert first["takenBackAt"] == second["loadedAt"]
    assert second["takenBackAt"] == third["loadedAt"]
    assert third["takenBackAt"] is None
    assert datetime.fromisoformat(first["loadedAt"]) < known[0] < datetime.fromisoformat(second["loadedAt"])
    assert [len(histories[call]) for call in ("call-0", "call-2", "call-7")] == [1, 2, 1]


def test_a_history_leaves_the_range_by_a_day(moments: tuple[Site, list[datetime]]) -> None:
    """A correction moved the call, and the range holds but its new place."""
    site, _ = moments
    answer = asked(site, None, **{"from": "2025-11-02T17:00:00Z"})
    assert [(call["callid"], len(call["history"])) for call in answer["calls"]] == [("call-2", 2)]


def test_a_history_as_it_was_known(moments: tuple[Site, list[datetime]]) -> None:
    site, known = moments
    [_, call, *_] = asked(site, known[1])["calls"]
    assert [each["takenBackAt"] is None for each in call["history"]] == [False, True]


def test_a_partner_sees_no_providers_part_of_a_history(moments: tuple[Site, list[datetime]]) -> None:
    site, _ = moments
    query = """{ customReport(customer: "5001", type: PER_NUMBER, from: "2025-11-01T00:00:00Z",
      to: "2025-12-01T00:00:00Z") { ... on PerNumberReport { calls { history { providerCharge } } } } }"""
    error = site.error(query, key=site.partner_key("5001"))
    assert error["message"] == "Cannot query field 'providerCharge' on type 'CallVersion'."


def test_merges_and_mutations_change_no_history(moments: tuple[Site, list[datetime]]) -> None:
    site, known = moments
    before = [asked(site, moment) for moment in known]
    change(site, "OPTIMIZE TABLE cdr FINAL")
    assert [asked(site, moment) for moment in known] == before

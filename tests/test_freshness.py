"""What an answer tells of its own truth: how new the data is, which definition it follows, what it cost."""

import asyncio
import csv
import gzip
import io
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from gqlreports.backends.base import Backend, Statement
from gqlreports.directory.principal import Masking
from gqlreports.errors import LoadError
from gqlreports.plugins import Report, ReportParameters, answered, attempts, cdr, dimension, measure, ratio
from gqlreports.plugins.registry import RegisteredReport
from gqlreports.schema.catalogue import definition_version
from gqlreports.schema.stored_rows import StoredRows
from gqlreports.store.load_cdrs import load_cdrs
from gqlreports.store.loads import unload
from gqlreports.tables import CALLS
from gqlreports.web.app import create_app
from tests.support import sites
from tests.support.sites import Engine, Site, make_site, nothing

RANGE = 'customer: "5001", type: DTMF, from: "2025-10-20T00:00:00Z", to: "2025-11-20T00:00:00Z"'
BEFORE_LOADS_HAD_IDS = (
    "TRUNCATE TABLE cdr_load_customer",
    "TRUNCATE TABLE cdr_load",
    "ALTER TABLE cdr UPDATE load_id = 0 WHERE 1 SETTINGS mutations_sync = 2",
    "INSERT INTO cdr_load (finished_at, last_dt) VALUES (now64(3), '2025-12-24 00:00:00.000')",
)
FRESHNESS = f"{{ customReport({RANGE}) {{ dataThrough numberingAsOf definitionVersion }} }}"


@pytest.fixture
def loaded(site: Site, tmp_path: Path, engine: Engine) -> Iterator[Site]:
    """A site of its own."""
    made = make_site(tmp_path, site.home, engine)
    yield made
    made.directory.close()


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def test_data_is_through_to_the_latest_call_that_was_loaded(loaded: Site) -> None:
    latest = max(each.dt for each in loaded.world.cdrs)
    before = datetime.now(UTC)
    told = loaded.data(FRESHNESS)["customReport"]
    assert moment(told["dataThrough"]) == latest
    assert 0 <= (before - moment(told["numberingAsOf"])).total_seconds() < 600


def test_data_is_through_for_each_customer_by_their_own_loads(site: Site, loaded: Site, tmp_path: Path) -> None:
    """A file is complete until its latest call, for those who have calls in it, and says nothing of others."""
    quiet, busy, other = loaded.customers[:3]
    before = through(loaded)
    with (site.home / "cdrs.csv").open(encoding="utf-8", newline="") as written:
        header, row = islice(csv.reader(written), 2)

    def later(name: str, *calls: tuple[str, str]) -> str:
        text = io.StringIO()
        lines = [
            {"dt": f"2025-12-{day} 00:00:00.000", "callid": f"{name}-{day}", "customer_id": customer}
            for customer, day in calls
        ]
        rows = [[line.get(column, cell) for column, cell in zip(header, row, strict=True)] for line in lines]
        csv.writer(text).writerows([header, *rows])
        (tmp_path / name).write_text(text.getvalue(), encoding="utf-8")
        return str(tmp_path / name)

    first = asyncio.run(load_cdrs(loaded.backend, later("1.csv", (quiet, "01"), (busy, "05")), nothing))
    both = {**before, quiet: datetime(2025, 12, 5, tzinfo=UTC), busy: datetime(2025, 12, 5, tzinfo=UTC)}
    assert through(loaded) == both
    asyncio.run(load_cdrs(loaded.backend, later("2.csv", (busy, "09")), nothing))
    assert through(loaded) == {**both, busy: datetime(2025, 12, 9, tzinfo=UTC)}
    # A file that brings nothing new is complete too.
    asyncio.run(load_cdrs(loaded.backend, later("2.csv", (busy, "09"), (other, "07")), nothing))
    asyncio.run(load_cdrs(loaded.backend, later("2.csv", (busy, "09"), (quiet, "01")), nothing))
    last = datetime(2025, 12, 9, tzinfo=UTC)
    assert through(loaded) == {**before, quiet: last, busy: last, other: last}
    # What the last file found there before is gone with the first one.
    asyncio.run(unload(loaded.backend, f"{first.load:012x}"))
    assert through(loaded) == {**before, busy: last, other: last}


def test_of_several_customers_data_is_through_where_it_is_for_all(site: Site, loaded: Site, tmp_path: Path) -> None:
    """But for those who never had calls; also as of a moment, and in a store of before version 0.3."""
    first, second = loaded.customers[:2]
    quiet = next(each for each, moment in through(loaded).items() if moment is None)
    before = max(each.dt for each in loaded.world.cdrs)
    row = later_call(site, first)
    (tmp_path / "later.csv").write_text(row, encoding="utf-8")
    moment_before = int(time.time() * 1000) - 1
    assert of_several(loaded, first, second, quiet) == before
    asyncio.run(load_cdrs(loaded.backend, str(tmp_path / "later.csv"), nothing))
    assert through(loaded)[first] == datetime(2025, 12, 24, tzinfo=UTC)
    assert of_several(loaded, first, quiet) == datetime(2025, 12, 24, tzinfo=UTC)
    assert of_several(loaded, first, second, quiet) == before
    assert of_several(loaded, first, second, as_of=moment_before) == before
    assert of_several(loaded, first, second, as_of=0) is None
    asyncio.run(write(loaded.backend, *BEFORE_LOADS_HAD_IDS))
    calls = [call for call in loaded.world.cdrs if call.customer_id == second]
    assert of_several(loaded, first, second) == max(call.dt for call in calls)


def later_call(site: Site, customer: str) -> str:
    """A file of one call of a customer, at the end of the year."""
    with (site.home / "cdrs.csv").open(encoding="utf-8", newline="") as written:
        header, row = islice(csv.reader(written), 2)
    text, later = io.StringIO(), {"dt": "2025-12-24 00:00:00.000", "callid": "later", "customer_id": customer}
    csv.writer(text).writerows([header, [later.get(name, cell) for name, cell in zip(header, row, strict=True)]])
    return text.getvalue()


def of_several(site: Site, *customers: str, as_of: int | None = None) -> datetime | None:
    """What the data of several customers is through to, at a moment in milliseconds."""
    at = "null" if as_of is None else f'"{datetime.fromtimestamp(as_of / 1000, UTC).isoformat()}"'
    ids = ", ".join(f'"{each}"' for each in customers)
    query = FRESHNESS.replace('customReport(customer: "5001"', f"customReports(customers: {{ids: [{ids}]}}, asOf: {at}")
    told = site.data(query)["customReports"]["dataThrough"]
    return told and moment(told)


def through(site: Site) -> dict[str, datetime | None]:
    """What each customer's data is through to."""
    found = {}
    for customer in site.customers:
        report = site.data(FRESHNESS.replace("5001", customer))["customReport"]["dataThrough"]
        found[customer] = report and moment(report)
    return found


def test_a_load_that_was_taken_back_completes_nothing(loaded: Site, site: Site) -> None:
    before = through(loaded)
    with_calls = {each.customer_id for each in loaded.world.cdrs}
    latest = max(each.dt for each in loaded.world.cdrs)
    assert before == {each: latest if each in with_calls else None for each in loaded.customers}
    asyncio.run(unload(loaded.backend, f"{loaded.loaded.load:012x}"))
    assert set(through(loaded).values()) == {None}


def test_a_load_is_complete_as_long_as_what_it_found_is_there(loaded: Site, site: Site) -> None:
    before, first = through(loaded), loaded.loaded.load
    again = asyncio.run(load_cdrs(loaded.backend, str(site.home / "cdrs.csv"), nothing))
    assert (again.added, through(loaded)) == (0, before)
    asyncio.run(unload(loaded.backend, f"{first:012x}"))
    assert set(through(loaded).values()) == {None}
    asyncio.run(load_cdrs(loaded.backend, str(site.home / "cdrs.csv"), nothing))
    assert through(loaded) == before


def test_as_of_a_moment_data_is_through_as_it_was_then(loaded: Site) -> None:
    [[moment_of_load]] = asyncio.run(
        rows(loaded.backend, "SELECT toUnixTimestamp64Milli(max(finished_at)) FROM cdr_load")
    )
    latest = max(each.dt for each in loaded.world.cdrs)
    assert as_of(loaded, moment_of_load) == latest
    assert as_of(loaded, moment_of_load - 1) is None
    # As with calls, a moment within a millisecond is before the next one.
    assert as_of(loaded, moment_of_load - 0.1) is None
    time.sleep(0.002)
    asyncio.run(unload(loaded.backend, f"{loaded.loaded.load:012x}"))
    assert as_of(loaded, moment_of_load) == latest
    assert as_of(loaded, int(time.time() * 1000) + 1) is None


def as_of(site: Site, milliseconds: float) -> datetime | None:
    """What the data of 5001 was through to at a moment."""
    at = datetime.fromtimestamp(milliseconds / 1000, UTC).isoformat(timespec="microseconds")
    told = site.data(FRESHNESS.replace('5001"', f'5001", asOf: "{at}"'))["customReport"]["dataThrough"]
    return told and moment(told)


async def rows(backend: Backend, sql: str) -> list[Any]:
    async with backend.session() as session:
        return list(await session.query(Statement(sql)))


def test_of_earlier_loads_the_latest_call_of_a_customer_is_known(loaded: Site) -> None:
    """Those of before version 0.3, which recorded neither an id nor customers."""
    asyncio.run(write(loaded.backend, *BEFORE_LOADS_HAD_IDS))
    latest = {
        each: max((call.dt for call in loaded.world.cdrs if call.customer_id == each), default=None)
        for each in loaded.customers
    }
    assert through(loaded) == latest


async def write(backend: Backend, *statements: str) -> None:
    async with backend.session() as session:
        for each in statements:
            await session.command(Statement(each))


def test_a_load_that_breaks_off_completes_nothing(site: Site, loaded: Site, tmp_path: Path) -> None:
    with (site.home / "cdrs.csv").open(encoding="utf-8", newline="") as written:
        header, row = islice(csv.reader(written), 2)
    text = io.StringIO()
    later = {"dt": "2025-12-24 00:00:00.000", "callid": "later", "customer_id": "5001"}
    csv.writer(text).writerows([header, [later.get(name, cell) for name, cell in zip(header, row, strict=True)]])
    file = tmp_path / "later.csv.gz"
    whole = gzip.compress(text.getvalue().encode())
    before = loaded.data(FRESHNESS)["customReport"]["dataThrough"]
    file.write_bytes(whole[:-12])
    with pytest.raises(LoadError):
        asyncio.run(load_cdrs(loaded.backend, str(file), nothing))
    assert loaded.data(FRESHNESS)["customReport"]["dataThrough"] == before
    file.write_bytes(whole)
    asyncio.run(load_cdrs(loaded.backend, str(file), nothing))
    assert loaded.data(FRESHNESS)["customReport"]["dataThrough"] > before


def test_an_empty_store_tells_of_nothing(site: Site, engine: Engine, tmp_path: Path) -> None:
    backend = engine.open(tmp_path / "store")
    client = TestClient(create_app(sites.REGISTRY, backend, site.directory))
    headers = {"Authorization": f"Bearer {site.staff_key}"}
    told = client.post("/graphql", json={"query": FRESHNESS}, headers=headers).json()["data"]["customReport"]
    assert (told["dataThrough"], told["numberingAsOf"]) == (None, None)


class Parameters(ReportParameters):
    long: bool = False


class Accounts(Report):
    """Calls by account."""

    Parameters = Parameters
    account = dimension(cdr.c.account, "Account")
    calls = measure(attempts, "Calls")
    asr = ratio(answered, attempts, "Answered per attempt")


class SameAgain(Report):
    """The same, in other words."""

    title = "Accounts"
    Parameters = Parameters
    account = dimension(cdr.c.account, "The account")
    calls = measure(attempts, "Attempts")
    asr = ratio(answered, attempts, "ASR")


class OtherFigure(Accounts):
    asr = ratio(attempts, answered, "Attempts per answer")


class OtherKey(Accounts):
    account = dimension(cdr.c.tech_prefix, "Account")


class OtherUnit(Accounts):
    calls = measure(attempts, "Calls", unit="calls")


def version(report: type[Report]) -> str:
    return definition_version(RegisteredReport("ACCOUNTS", report(), "tests"))


def test_a_definition_has_another_version_only_where_its_figures_differ() -> None:
    versions = [version(report) for report in (Accounts, OtherFigure, OtherKey, OtherUnit)]
    assert len(set(versions)) == 4
    assert version(SameAgain) == versions[0]


def test_staff_are_told_what_was_read_and_partners_are_not(site: Site) -> None:
    query = (
        f"{{ first: customReport({RANGE.replace('DTMF', 'PER_NUMBER')}) {{ ... on PerNumberReport {{ rowCount }} }} }}"
    )
    # No other test asks for this range, so that its answer is not kept from there.
    query = query.replace(":00Z", ":00.123Z")
    answer = site.ask(query)
    statistics = answer["extensions"]["statistics"]["first"]
    assert statistics["statements"] == 1
    # Other tests may have added calls of their own.
    assert 0 < statistics["rowsRead"] <= asyncio.run(StoredRows(site.backend).in_all(CALLS))
    assert statistics["bytesRead"] > 0
    assert statistics["milliseconds"] > 0
    again = site.ask(query)["extensions"]["statistics"]["first"]
    assert again == {"statements": 1, "cached": 1, "rowsRead": 0, "bytesRead": 0, "milliseconds": 0}
    assert "extensions" not in site.ask(query, site.partner_key("5001"))


def test_numbers_of_calls_are_masked_by_setting(site: Site) -> None:
    query = """{
      customReport(customer: "5001", type: DID_AS_CLI, from: "2025-10-20T00:00:00Z", to: "2025-11-20T00:00:00Z") {
        ... on DidAsCliReport { calls(first: 10000) {
          cursor callid account sourceCli destCli sourceDestNumber destNumber lrn dtmf } } } }"""
    masked = TestClient(create_app(sites.REGISTRY, site.backend, site.directory, masking=Masking(4)))
    headers = {"Authorization": f"Bearer {site.staff_key}"}
    hidden = masked.post("/graphql", json={"query": query}, headers=headers).json()["data"]["customReport"]["calls"]
    shown = site.data(query)["customReport"]["calls"]
    numbers = ("sourceCli", "destCli", "sourceDestNumber", "destNumber", "lrn", "dtmf")
    for call in shown:
        for name in numbers:
            call[name] = call[name][:-4] + "*" * min(4, len(call[name]))
    assert hidden == shown
    assert any(len(call["destNumber"]) > 4 for call in shown)

"""Corrections: a row of sign -1 takes a CDR back, and every figure counts as if it had never been there."""

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from gqlreports.backends.base import Statement
from gqlreports.schema.scalars import print_moment
from gqlreports.store.load_cdrs import load_cdrs
from gqlreports.store.load_counts import LoadCounts
from tests.store.test_load_cdrs import Row, as_csv, cdr_row
from tests.support.awkward import BLOCK_HEADINGS, CODE_HEADINGS, DID_HEADINGS, code_row, csv_line, write_files
from tests.support.oracle import Cdr, World
from tests.support.sites import Engine, Site, make_site, nothing
from tests.test_reports import CASES, REGISTRY, Basis, comparable, query

pytestmark = pytest.mark.thorough

BASES: tuple[Basis, ...] = ("CALL", "ATTEMPT")
SPAN = {"from": "2025-11-01T00:00:00Z", "to": "2025-12-01T00:00:00Z"}
ROWS = [
    cdr_row(0, dest_number="12015550100", customer_card_currency="USD", customer_charge="1", provider_charge="0.5"),
    cdr_row(1, dest_number="12015550101", customer_card_currency="EUR", customer_charge="2", provider_charge="0.25"),
    cdr_row(
        2,
        dest_number="12025550100",
        tech_prefix="777",
        provider_card_id="99",
        dest_cli="",
        account="lone",
        customer_card_dest_code="1202",
        release_reason="Lone",
    ),
    cdr_row(
        3,
        branch_idx="0",
        sip_code="486",
        duration="0",
        customer_charge="0",
        provider_charge="0",
        dtmf="",
        pdd_out="100",
        dest_cli="12015550109",
    ),
    cdr_row(3, branch_idx="1", duration="30", pdd_out="", dest_cli="12015550109"),
]


def change(site: Site, *statements: str) -> None:
    async def run() -> None:
        async with site.backend.session() as session:
            for sql in statements:
                await session.command(Statement(sql))

    asyncio.run(run())


def take_back(where: str) -> str:
    return f"INSERT INTO cdr SELECT * REPLACE (-1 AS sign) FROM (SELECT * FROM cdr WHERE {where})"


def correct(where: str, **values: str) -> str:
    """The statement that adds CDRs anew with other values; the old ones must have been taken back."""
    new = ", ".join(f"{value} AS {name}" for name, value in values.items())
    return f"INSERT INTO cdr SELECT * REPLACE ({new}, 1 AS sign) FROM (SELECT * FROM cdr WHERE sign = -1 AND {where})"


def site_of(rows: list[Row], home: Path, engine: Engine) -> Site:
    """A site of a few CDRs."""
    (home / "cdrs.csv").write_bytes(as_csv(rows))
    (home / "customers.json").write_text('[{"id": "5001", "name": "Marigold Voice", "currency": "USD"}]')
    (home / "dids.csv").write_text(csv_line(DID_HEADINGS))
    codes = [CODE_HEADINGS, code_row("201555", "ALDFORD", "AS")]
    (home / "co_codes.tsv").write_text("".join("\t".join(cells) + "\n" for cells in codes))
    (home / "thousands_blocks.csv").write_text(csv_line(BLOCK_HEADINGS))
    return make_site(home, home, engine)


@pytest.fixture(scope="module")
def small_site(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    made = site_of(ROWS, tmp_path_factory.mktemp("small"), engine)
    yield made
    made.directory.close()


@pytest.fixture
def small(small_site: Site) -> Site:
    """A site with the calls of ROWS, none of them corrected."""
    change(small_site, "TRUNCATE TABLE cdr")
    assert load(small_site).added == len(ROWS)
    return small_site


def load(site: Site) -> LoadCounts:
    return asyncio.run(load_cdrs(site.backend, str(site.home / "cdrs.csv"), nothing))


def report(site: Site, type: str, basis: Basis = "CALL", **parameters: Any) -> dict[str, Any]:
    [answer] = site.data(query(type, parameters), customer="5001", basis=basis, **SPAN).values()
    found: dict[str, Any] = answer
    return found


def row_of(answer: dict[str, Any], **key: str) -> dict[str, Any]:
    [row] = [row for row in answer["rows"] if key.items() <= row.items()]
    found: dict[str, Any] = row
    return found


def test_a_charge_that_was_taken_back_has_no_currency(small: Site) -> None:
    before = report(small, "USA_RATE_CENTER")
    assert row_of(before, prefix="201555")["customerCurrency"] is None
    assert row_of(before, prefix="201555")["totalCustomerCharge"] is None
    assert before["totals"]["totalCustomerCharge"] is None
    for statement in (take_back("callid = 'call-1'"), "OPTIMIZE TABLE cdr FINAL"):
        change(small, statement)
        after = report(small, "USA_RATE_CENTER")
        row = row_of(after, prefix="201555")
        assert (row["customerCurrency"], row["totalCustomerCharge"]) == ("USD", "1.12345678")
        assert (row["totalProviderCharge"], row["callCount"]) == ("0.50000001", 2)
        assert (after["totals"]["customerCurrency"], after["totals"]["totalCustomerCharge"]) == ("USD", "1.24691356")


def test_a_row_whose_calls_were_all_taken_back_disappears(small: Site) -> None:
    keys = {
        "USA_RATE_CENTER": {"prefix": "202555"},
        "GROUP_BY_TECH_PREFIX": {"techPrefix": "777"},
        "DTMF": {"route": "99"},
        "DID_AS_CLI": {"account": "lone"},
        "ASR_PER_ROUTE": {"route": "99"},
        "USA_CALLS": {"state": ""},
        "BREAKOUT": {"destinationCode": "1202"},
        "PER_NUMBER": {"number": "12025550100"},
        "RELEASE_REASONS": {"releaseReason": "Lone"},
    }
    before = {type: report(small, type) for type in keys}
    change(small, take_back("callid = 'call-2'"))
    for type, key in keys.items():
        after = report(small, type)
        assert after["rows"] == [row for row in before[type]["rows"] if row != row_of(before[type], **key)]
        assert after["rowCount"] == before[type]["rowCount"] - 1


@pytest.mark.parametrize("type", sorted(REGISTRY))
def test_all_calls_taken_back_leave_nothing(small: Site, type: str) -> None:
    empty = small.data(
        query(type, {}), customer="5001", basis="CALL", **{"from": "2020-01-01T00:00:00Z", "to": "2020-01-02T00:00:00Z"}
    )
    change(small, take_back("1"))
    assert report(small, type) == empty["customReport"]


def test_only_one_branch_is_taken_back(small: Site) -> None:
    change(small, take_back("callid = 'call-3' AND branch_idx = 1"))
    row = row_of(report(small, "GROUP_BY_TECH_PREFIX"), techPrefix="0044")
    assert (row["total"], row["answeredCalls"], row["asr"], row["acd"]) == (3, 2, 2 / 3, 61.5)
    change(small, take_back("callid = 'call-3' AND branch_idx = 0"))
    row = row_of(report(small, "GROUP_BY_TECH_PREFIX", "ATTEMPT"), techPrefix="0044")
    assert (row["total"], row["answeredCalls"], row["asr"]) == (2, 2, 1)


def test_a_corrected_call_counts_with_its_new_values(small: Site) -> None:
    one = "callid = 'call-1'"
    new = {"customer_charge": "toDecimal64('7.00000007', 8)", "customer_card_currency": "'USD'", "tech_prefix": "'9'"}
    change(small, take_back(one), correct(one, **new, answered="false", dtmf="'1'"))
    money = report(small, "USA_RATE_CENTER")
    assert row_of(money, prefix="201555")["totalCustomerCharge"] == "8.12345685"
    assert money["totals"]["customerCurrency"] == "USD"
    quality = report(small, "GROUP_BY_TECH_PREFIX")
    assert row_of(quality, techPrefix="9") == {
        "techPrefix": "9", "asr": 0.0, "acd": None, "answeredCalls": 0, "total": 1,
    }  # fmt: skip
    assert row_of(quality, techPrefix="0044")["total"] == 2
    assert (quality["totals"]["total"], quality["totals"]["answeredCalls"]) == (4, 3)
    assert report(small, "DTMF")["totals"]["digits"] == 9


@pytest.mark.parametrize("merged", [False, True])
def test_percentiles_are_over_what_was_not_taken_back(small: Site, merged: bool) -> None:
    """Delays of 100, three of 900 ms, and one that is not known."""

    def delays() -> tuple[int | None, int | None]:
        routes, destinations = (report(small, type)["totals"] for type in ("ASR_PER_ROUTE", "BREAKOUT"))
        found = routes["pddP50"], routes["pddP95"]
        assert found == (destinations["pddP50"], destinations["pddP95"])
        return found

    def changed(*statements: str) -> tuple[int | None, int | None]:
        change(small, *statements, *["OPTIMIZE TABLE cdr FINAL"] * merged)
        return delays()

    assert delays() == (900, 900)
    assert changed(take_back("callid IN ('call-1', 'call-2')")) == (100, 900)
    assert changed(correct("callid = 'call-1'", pdd_out="5000")) == (900, 5000)
    assert changed(take_back("callid = 'call-1' AND pdd_out = 5000")) == (100, 900)
    assert changed(correct("callid = 'call-2'", pdd_out="NULL")) == (100, 900)
    assert changed(take_back("callid = 'call-0'")) == (100, 100)
    assert changed(take_back("callid = 'call-3' AND branch_idx = 0")) == (None, None)


def test_profit_is_of_what_was_not_taken_back(small: Site) -> None:
    """One call was charged 2 EUR and the others USD; providers charge EUR, 0.25 of them for the former."""

    def money() -> tuple[str | None, str | None, float | None]:
        totals = report(small, "BREAKOUT")["totals"]
        return totals["profit"], totals["profitCurrency"], totals["margin"]

    assert money() == (None, None, None)
    change(small, take_back("callid != 'call-1'"))
    assert money() == ("1.75", "EUR", 0.875)
    change(small, take_back("callid = 'call-1'"), correct("callid = 'call-1'", provider_card_currency="'USD'"))
    assert money() == (None, None, None)
    change(small, take_back("callid = 'call-1' AND provider_card_currency = 'USD'"))
    change(small, correct("callid = 'call-1' AND provider_card_currency = 'EUR'", customer_charge="0"))
    assert money() == ("-0.25", "EUR", None)


def test_effective_branches_are_of_what_was_not_taken_back(small: Site) -> None:
    """Five branches, four answered and one busy."""
    assert report(small, "BREAKOUT")["totals"]["ner"] == 1
    change(small, take_back("sip_code = 486"), correct("sip_code = 486", sip_code="503"))
    for basis in BASES:
        assert report(small, "BREAKOUT", basis)["totals"]["ner"] == 0.8
        reasons = report(small, "RELEASE_REASONS", basis)
        assert [(row["sipCode"], row["attempts"], row["connected"]) for row in reasons["rows"]] == [
            (200, 1, 1),
            (200, 3, 3),
            (503, 1, 0),
        ]
    change(small, take_back("sip_code = 503"))
    assert report(small, "BREAKOUT")["totals"]["ner"] == 1


def test_loading_the_file_again_brings_no_call_back(small: Site) -> None:
    change(small, take_back("callid = 'call-1'"))
    before = report(small, "USA_RATE_CENTER")
    assert load(small) == LoadCounts(there_before=len(ROWS))
    assert report(small, "USA_RATE_CENTER") == before


@pytest.fixture(scope="module")
def corrected(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Site, World]]:
    made = corrected_site(tmp_path_factory.mktemp("ledger"), engine)
    yield made
    made[0].directory.close()


def corrected_site(home: Path, engine: Engine) -> tuple[Site, World]:
    """A site of awkward files with many corrections, and the world as it is after them.

    By the hash of its key, a CDR is taken back, corrected, corrected twice, or left as it is.
    """
    write_files(home, seed=7, calls=400)
    site = make_site(home, home, engine)
    fate = "cityHash64(switch, callid, branch_idx) % 5"
    new = {
        "customer_charge": "toDecimal64('3.00000001', 8)", "customer_card_currency": "'SEK'", "duration": "12.345",
        "answered": "NOT answered", "provider_charge": "-provider_charge", "dtmf": "'12'", "sip_code": "486",
        "pdd_out": "if(pdd_out IS NULL, 1234, NULL)", "provider_card_currency": "'SEK'", "release_reason": "'busy'",
        "customer_duration": "0.5", "provider_duration": "provider_duration + 1",
    }  # fmt: skip
    newest = {
        "account": "'moved'", "tech_prefix": "'moved'", "provider_card_id": "'moved'", "customer_charge": "0",
        "provider_id": "'moved'", "dest_number": "'moved'", "dest_nanp": "0", "customer_card_dest_name": "'moved'",
        "pdd_out": "77",
    }  # fmt: skip
    change(
        site,
        take_back(f"{fate} IN (0, 1, 2)"),
        correct(f"{fate} IN (1, 2)", **new),
        take_back(f"{fate} = 2 AND sign = 1 AND customer_card_currency = 'SEK'"),
        correct(f"{fate} = 2 AND customer_card_currency = 'SEK'", **newest),
    )

    async def fates() -> dict[tuple[Any, ...], int]:
        async with site.backend.session() as session:
            sql = f"SELECT switch, callid, branch_idx, {fate} FROM cdr GROUP BY ALL"
            return {tuple(key): fate for *key, fate in await session.query(Statement(sql))}

    known = asyncio.run(fates())
    cdrs = [now for cdr in site.world.cdrs for now in _after(cdr, known[cdr.switch, cdr.callid, cdr.branch_idx])]
    assert {0, 1, 2, 3, 4} == set(known.values())
    return site, World(cdrs, site.world.numbering, site.world.dids)


def _after(cdr: Cdr, fate: int) -> list[Cdr]:
    if fate == 0:
        return []
    new = replace(
        cdr, customer_charge=Decimal("3.00000001"), customer_currency="SEK", duration=Decimal("12.345"),
        answered=not cdr.answered, provider_charge=-cdr.provider_charge, dtmf="12", sip_code=486,
        pdd=1234 if cdr.pdd is None else None, provider_currency="SEK", release_reason="busy",
        customer_duration=Decimal("0.5"), provider_duration=cdr.provider_duration + 1,
    )  # fmt: skip
    newest = replace(
        new, account="moved", tech_prefix="moved", provider_card_id="moved", customer_charge=Decimal(0),
        provider_id="moved", dest_number="moved", dest_name="moved", pdd=77,
    )  # fmt: skip
    return [{1: new, 2: newest}.get(fate, cdr)]


@pytest.mark.parametrize(("type", "parameters"), CASES)
@pytest.mark.parametrize("merged", [False, True])
def test_every_report_after_corrections(
    corrected: tuple[Site, World], merged: bool, type: str, parameters: dict[str, Any]
) -> None:
    site, world = corrected
    if merged:
        change(site, "OPTIMIZE TABLE cdr FINAL")
    moments = sorted({cdr.dt for cdr in site.world.cdrs})
    start, end = moments[0], moments[-1] + timedelta(milliseconds=1)
    for customer, basis in zip(("5001", "05001"), reversed(BASES) if merged else BASES, strict=True):
        span = {"from": print_moment(start), "to": print_moment(end)}
        [answer] = site.data(query(type, parameters), customer=customer, basis=basis, **span).values()
        expected = world.report(type, customer, start, end, basis, **parameters)
        totals = world.totals(type, customer, start, end, basis, **parameters)
        assert sorted(map(comparable, answer["rows"]), key=repr) == sorted(map(comparable, expected), key=repr)
        assert answer["rowCount"] == len(expected)
        assert comparable(answer["totals"]) == comparable(totals)

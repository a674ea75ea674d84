"""The shipped reports on a few calls, with figures that were worked out by hand."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from gqlreports.plugins import CountingBasis
from gqlreports.store.load_numbering import load_numbering
from gqlreports.testing import run_report
from tests.store.test_load_cdrs import Store, as_csv, cdr_row
from tests.support import sites
from tests.support.awkward import BLOCK_HEADINGS, CODE_HEADINGS, block_row, code_row, csv_line
from tests.support.sites import Engine, nothing

REPORTS = sites.REGISTRY.reports
US = {"customer_card_dest_code": "1", "customer_card_dest_name": "USA", "dest_number": "12015550100"}
UK = {"customer_card_dest_code": "44", "customer_card_dest_name": "UK", "dest_number": "442079460018"}
FIRST = {"provider_id": "1", "provider_card_id": "10", "provider_card_currency": "USD", "branch_idx": "0"}
SECOND = {"provider_id": "2", "provider_card_id": "20", "provider_card_currency": "EUR", "branch_idx": "1"}
FAILED = {"duration": "0", "release_reason": "Failed"}
# Four calls; route 20 is always the second choice.
CALLS: list[dict[str, str]] = [
    {"callid": "a"} | US | FIRST | FAILED | {"sip_code": "503"},
    {"callid": "a"} | US | SECOND | {
        "duration": "60", "pdd_out": "1500", "customer_charge": "0.5", "provider_charge": "0.2",
        "customer_duration": "60", "provider_duration": "66", "release_reason": "Done",
    },
    {"callid": "b"} | US | FIRST | FAILED | {"sip_code": "486", "pdd_out": "400", "release_reason": "Busy"},
    {"callid": "c"} | UK | FIRST | {
        "duration": "30", "pdd_out": "200", "customer_charge": "0.25", "provider_charge": "0.3",
        "customer_duration": "30.5", "provider_duration": "30", "release_reason": "Done",
    },
    {"callid": "d"} | UK | FIRST | FAILED | {"sip_code": "404", "pdd_out": "300"},
    {"callid": "d"} | UK | SECOND | FAILED | {"sip_code": "487", "pdd_out": "2500"},
]  # fmt: skip
CUSTOMER = {"customer_card_currency": "USD", "account": "main", "dest_cli": "12015550199"}


def rows(engine: Engine, type: str, basis: CountingBasis = CountingBasis.CALL, **given: Any) -> list[dict[str, Any]]:
    engine.close()
    return run_report(REPORTS[type].report.__class__, [CUSTOMER | call for call in CALLS], basis, **given)


@pytest.mark.parametrize("basis", CountingBasis)
def test_a_second_choice_has_attempts_whatever_the_basis(engine: Engine, basis: CountingBasis) -> None:
    assert rows(engine, "ASR_PER_ROUTE", basis) == [
        {
            "provider": "1", "route": "10", "attempts": 4, "answeredCalls": 1, "asr": 0.25, "ner": 0.5, "acd": 30,
            "pddP50": 300, "pddP95": 400,
        },
        {
            "provider": "2", "route": "20", "attempts": 2, "answeredCalls": 1, "asr": 0.5, "ner": 0.5, "acd": 60,
            "pddP50": 1500, "pddP95": 2500,
        },
    ]  # fmt: skip


@pytest.mark.parametrize("basis", CountingBasis)
def test_destinations(engine: Engine, basis: CountingBasis) -> None:
    """Call a was charged in USD and cost EUR; call c was charged less than it cost."""
    us, uk = rows(engine, "BREAKOUT", basis)
    us_attempts, uk_attempts = (2, 2) if basis is CountingBasis.CALL else (3, 3)
    assert us == {
        "destinationCode": "1", "destinationName": "USA", "attempts": us_attempts, "connected": 1,
        "asr": 1 / us_attempts, "acd": 60, "ner": 2 / 3, "talkTime": "60", "customerDuration": "60",
        "providerDuration": "66", "customerCharge": "0.5", "customerCurrency": "USD", "providerCharge": "0.2",
        "providerCurrency": "EUR", "profit": None, "profitCurrency": None, "margin": None, "pddP50": 400,
        "pddP95": 1500,
    }  # fmt: skip
    assert uk == {
        "destinationCode": "44", "destinationName": "UK", "attempts": uk_attempts, "connected": 1,
        "asr": 1 / uk_attempts, "acd": 30, "ner": 1 / 3, "talkTime": "30", "customerDuration": "30.5",
        "providerDuration": "30", "customerCharge": "0.25", "customerCurrency": "USD", "providerCharge": "0.3",
        "providerCurrency": "USD", "profit": "-0.05", "profitCurrency": "USD", "margin": pytest.approx(-0.2, 1e-15),
        "pddP50": 300, "pddP95": 2500,
    }  # fmt: skip


@pytest.mark.parametrize("basis", CountingBasis)
def test_each_branch_has_a_release_reason(engine: Engine, basis: CountingBasis) -> None:
    found = [tuple(row.values()) for row in rows(engine, "RELEASE_REASONS", basis)]
    assert found == [
        ("Busy", 486, 1, 0),
        ("Done", 200, 2, 2),
        ("Failed", 404, 1, 0),
        ("Failed", 487, 1, 0),
        ("Failed", 503, 1, 0),
    ]


def test_numbers_of_either_side(engine: Engine) -> None:
    names = ("number", "attempts", "connected", "asr", "acd", "talkTime", "customerCharge", "customerCurrency")
    assert [tuple(row[name] for name in names) for row in rows(engine, "PER_NUMBER")] == [
        ("12015550100", 2, 1, 0.5, 60, "60", "0.5", "USD"),
        ("442079460018", 2, 1, 0.5, 30, "30", "0.25", "USD"),
    ]
    assert [tuple(row[name] for name in names) for row in rows(engine, "PER_NUMBER", side="CLI")] == [
        ("12015550199", 4, 2, 0.5, 45, "90", "0.75", "USD"),
    ]


@pytest.fixture
def store(engine: Engine, tmp_path: Path) -> Store:
    """New Jersey has two codes, of which a block lies in Kansas; Nevada has one; of the fourth the state is unknown."""
    made = Store(engine.open(tmp_path / "store"), tmp_path)
    codes = [CODE_HEADINGS, *(code_row(code, "CENTER", "AS") for code in ("201555", "609555", "702555", "602555"))]
    blocks = [BLOCK_HEADINGS, block_row("201555", "2", "AS", "CENTER")]
    (tmp_path / "codes").write_text("".join("\t".join(cells) + "\n" for cells in codes))
    (tmp_path / "blocks").write_text("".join(map(csv_line, blocks)))
    for name in ("codes", "blocks"):
        assert asyncio.run(load_numbering(made.backend, str(tmp_path / name), nothing)).rejected == 0
    return made


# The called number, its routing number, the number shown, seconds.
USA_CALLS = (
    ("12015550100", "", "16095550100", "10"),
    ("+16095550100", "", "12015550101", "0"),
    ("12015550100", "", "+17025550100", "20"),
    ("12015552000", "", "12015550101", "30"),
    ("12015550100", "17025550000", "17025550100", "40"),
    ("12015550100", "", "", "50"),
    ("12015550100", "0", "16025550100", "60"),
    ("16025550100", "", "12015550101", "70"),
    ("13035550100", "", "12015550101", "80"),
    ("442079460018", "12015550000", "12015550101", "90"),
)


def jurisdictions(store: Store, **parameters: str) -> dict[tuple[str, str], tuple[int, int, int]]:
    return {
        (row["state"], row["jurisdiction"]): (row["calls"], row["connected"], int(row["duration"]))
        for row in store.report("USA_CALLS", **parameters)
    }


def test_jurisdictions(store: Store) -> None:
    calls = [
        cdr_row(
            place, dest_number=called, lrn=lrn, dest_cli=shown, duration=seconds,
            sip_code="200" if seconds != "0" else "486",
        )
        for place, (called, lrn, shown, seconds) in enumerate(USA_CALLS)
    ]  # fmt: skip
    store.load(as_csv(calls))
    elsewhere = {
        ("KS", "INTERSTATE"): (1, 1, 30),
        ("", "INDETERMINATE"): (2, 2, 150),
    }
    assert jurisdictions(store) == elsewhere | {
        ("NJ", "INTRASTATE"): (2, 1, 10),
        ("NJ", "INTERSTATE"): (2, 2, 60),
        ("NJ", "INDETERMINATE"): (2, 2, 110),
    }
    assert jurisdictions(store, number="LRN") == elsewhere | {
        ("NJ", "INTRASTATE"): (3, 2, 100),
        ("NJ", "INTERSTATE"): (1, 1, 20),
        ("NV", "INTRASTATE"): (1, 1, 40),
        ("NJ", "INDETERMINATE"): (1, 1, 50),
    }

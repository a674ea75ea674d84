"""Numbering data: which rate center a number gets, as a report sees it, whenever the data came."""

import asyncio
import gzip
from datetime import UTC, datetime
from pathlib import Path

import pytest

from gqlreports.errors import InvalidInput, LoadError
from gqlreports.store.effective import TODAY, Effective
from gqlreports.store.load_numbering import LoadedNumbering, load_numbering
from tests.store.test_load_cdrs import Store, as_csv, cdr_row
from tests.support.awkward import BLOCK_HEADINGS, CODE_HEADINGS, block_row, code_row, csv_line
from tests.support.sites import Engine, nothing

CODE = "201555"
CORRECTED = Effective(corrects=True)
NUMBERS = {"12015550100": "0", "12015551100": "1", "12015559999": "9"}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("numbering") / "store"


@pytest.fixture
def store(engine: Engine, home: Path, tmp_path: Path) -> Store:
    """A store with a call to a number of three thousands-blocks of one code."""
    made = Store(engine.open(home), tmp_path)
    rows = [cdr_row(n, dest_number=number, dest_cli="+" + number, lrn="") for n, number in enumerate(NUMBERS)]
    made.load(as_csv(rows))
    return made


def codes(*rows: list[str]) -> str:
    return "".join("\t".join(cells) + "\r\n" for cells in (CODE_HEADINGS, *rows))


def blocks(*rows: list[str]) -> str:
    return "".join(csv_line(cells, quote_all=True) for cells in (BLOCK_HEADINGS, *rows))


def load(store: Store, content: str | bytes, name: str = "numbering", effective: Effective = TODAY) -> LoadedNumbering:
    path = store.folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return asyncio.run(load_numbering(store.backend, str(path), nothing, effective))


def centers(store: Store, **parameters: str) -> dict[str, int]:
    """The number of calls by rate center."""
    return {row["rc"]: row["callCount"] for row in store.report("USA_RATE_CENTER", **parameters)}


def test_without_numbering_data_there_is_no_rate_center(store: Store) -> None:
    load(store, codes())
    assert centers(store) == {"": 3}


@pytest.mark.parametrize("side", ["TERMINATING", "ORIGINATING"])
def test_codes_and_blocks_count_for_calls_that_are_there(store: Store, side: str) -> None:
    assert load(store, codes(code_row(CODE, "ALDFORD", "AS"))) == LoadedNumbering(in_service=1)
    assert centers(store, side=side) == {"ALDFORD": 3}
    assert load(store, blocks(block_row(CODE, "1", "AS", "CORM TON3"))) == LoadedNumbering(in_service=1)
    assert centers(store, side=side) == {"ALDFORD": 2, "CORM TON3": 1}


def test_calls_that_come_after_the_data(store: Store) -> None:
    load(store, blocks(block_row(CODE, "9", "AS", "CORMTON3")))
    store.load(as_csv([cdr_row(7, dest_number="2015559000")]), "later.csv")
    assert centers(store) == {"": 2, "CORMTON3": 2}


def test_blocks_come_before_codes_whichever_is_loaded_last(store: Store) -> None:
    load(store, blocks(block_row(CODE, "1", "AS", "BLOCK")))
    load(store, codes(code_row(CODE, "CODE", "AS")))
    assert centers(store) == {"CODE": 2, "BLOCK": 1}


def test_codes_out_of_service(store: Store) -> None:
    for use in ("UA", "VC", "RV", "PR", "as", ""):
        assert load(store, codes(code_row(CODE, "ALDFORD", use))) == LoadedNumbering(out_of_service=1)
        assert centers(store) == {"": 3}


def test_blocks_out_of_service_leave_the_code(store: Store) -> None:
    load(store, codes(code_row(CODE, "CODE", "AS")))
    for status in ("AV", "RT", "as", ""):
        assert load(store, blocks(block_row(CODE, "1", status, "BLOCK"))) == LoadedNumbering(out_of_service=1)
        assert centers(store) == {"CODE": 3}


def test_corrected_data_counts_for_calls_that_are_there(store: Store) -> None:
    load(store, codes(code_row(CODE, "OLD", "AS"), code_row("202555", "ELSEWHERE", "AS")), effective=CORRECTED)
    load(store, blocks(block_row(CODE, "0", "AS", "OLDBLOCK")), effective=CORRECTED)
    assert centers(store) == {"OLD": 2, "OLDBLOCK": 1}
    load(store, codes(code_row(CODE, "NEW", "AS")), effective=CORRECTED)
    assert centers(store) == {"NEW": 2, "OLDBLOCK": 1}
    load(
        store,
        blocks(block_row(CODE, "0", "AV", "OLDBLOCK"), block_row(CODE, "9", "AS", "NEWBLOCK")),
        effective=CORRECTED,
    )
    assert centers(store) == {"NEW": 2, "NEWBLOCK": 1}
    load(store, codes(code_row(CODE, "", "UA")), effective=CORRECTED)
    assert centers(store) == {"": 2, "NEWBLOCK": 1}
    load(store, codes(code_row(CODE, "BACK", "AS")), effective=CORRECTED)
    assert centers(store) == {"BACK": 2, "NEWBLOCK": 1}


def test_the_same_file_again_changes_nothing(store: Store) -> None:
    content = codes(code_row(CODE, "ALDFORD", "AS"))
    for _ in range(3):
        assert load(store, content) == LoadedNumbering(in_service=1)
        assert centers(store) == {"ALDFORD": 3}


@pytest.mark.parametrize("uses", [("AS", "VC"), ("VC", "AS"), ("VC", "AS", "PR")])
def test_a_prefix_that_is_listed_twice(store: Store, uses: tuple[str, ...]) -> None:
    rows = [code_row(CODE, "LIVE" if use == "AS" else "DEAD", use) for use in uses]
    assert load(store, codes(*rows)) == LoadedNumbering(in_service=1)
    assert centers(store) == {"LIVE": 3}


def test_the_layout_shows_in_the_headers_alone(store: Store) -> None:
    """The code file as CSV, the block file with tabs, both with columns turned around and no others."""
    assert load(store, f"Use,State,RateCenter,NPA-NXX\nAS,NJ,ALDFORD,{CODE[:3]}-{CODE[3:]}\n").in_service == 1
    columns = "Rate Center\tX\tNXX\tNPA\tSTATUS\tState\n"
    assert load(store, f"{columns}BLOCK\t9\t{CODE[3:]}\t{CODE[:3]}\tAS\tNJ\n").in_service == 1
    assert centers(store) == {"ALDFORD": 2, "BLOCK": 1}


def test_compressed_with_bom_and_quotes_in_tabs(store: Store) -> None:
    content = codes(code_row(CODE, 'O"DELL', "AS"), code_row("202555", '"', "AS"))
    assert load(store, gzip.compress(b"\xef\xbb\xbf" + content.encode())) == LoadedNumbering(in_service=2)
    assert centers(store) == {'O"DELL': 3}


def test_rejects(store: Store) -> None:
    rows = [
        code_row("101555", "X", "AS"), code_row(CODE, "ALDFORD", "AS"), code_row("201155", "X", "AS"), [""],
        code_row("20155", "X", "AS"), code_row("2015551", "X", "AS"), ["ZZ", "", "Total"],
    ]  # fmt: skip
    assert load(store, codes(*rows)) == LoadedNumbering(in_service=1, rejected=5)
    assert [each[:2] for each in store.rejects("numbering")] == [
        (line, "no prefix in NPA-NXX") for line in (2, 4, 6, 7, 8)
    ]
    bad = block_row(CODE, "x", "AS", "X")
    assert load(store, blocks(bad, block_row(CODE, "0", "AS", "BLOCK")), "blocks") == LoadedNumbering(1, 0, 1)
    assert store.rejects("blocks") == [(2, "no prefix in NPA, NXX, X", ",".join(bad))]
    assert centers(store) == {"ALDFORD": 2, "BLOCK": 1}


def refused(store: Store, content: str | bytes, told: str) -> None:
    with pytest.raises(LoadError, match=told):
        load(store, content)
    assert store.query("SELECT count() FROM numbering") == [(0,)]


def test_codes_without_a_column_are_refused(store: Store) -> None:
    for missing in ("NPA-NXX  ", "Use ", "RateCenter ", "State"):
        refused(store, codes(code_row(CODE, "ALDFORD", "AS")).replace(missing, "Other", 1), missing.strip())


def test_blocks_without_a_column_are_refused(store: Store) -> None:
    for missing in ("NPA", "NXX", "X", "STATUS", "Rate Center", "State"):
        refused(store, blocks(block_row(CODE, "0", "AS", "BLOCK")).replace(f'"{missing}"', '"Other"', 1), missing)


def test_what_is_no_numbering_data_is_refused(store: Store) -> None:
    for content in (b"", bytes(range(256)) * 2000, as_csv([cdr_row(0)])):
        refused(store, content, "neither layout|cannot be read")


def test_a_row_that_was_cut_off_is_rejected(store: Store) -> None:
    load(store, codes(code_row(CODE, "ALDFORD", "AS")))
    cut = codes(code_row("202555", "ELSEWHERE", "AS"), code_row(CODE, "ALDFORD", "AS")[:3])
    assert load(store, cut, "cut") == LoadedNumbering(in_service=1, rejected=1)
    assert (store.folder / "cut.rejects.csv").read_text().splitlines()[1].startswith("3,")
    assert centers(store) == {"ALDFORD": 3}


def test_what_is_known_otherwise_is_told(store: Store) -> None:
    early, late = (Effective(datetime(2025, month, 1, tzinfo=UTC)) for month in (6, 9))
    content = codes(code_row(CODE, "A", "AS"), code_row(CODE, "A", "UA"), code_row("202555", "C", "AS"))
    told = load(store, content)
    assert (told.renewed, told.until_later, told.repeated) == (0, 0, 1)
    told = load(store, codes(code_row(CODE, "B", "AS")), effective=late)
    assert (told.renewed, told.until_later) == (1, 0)
    told = load(store, codes(code_row(CODE, "D", "AS"), code_row("202555", "C", "AS")), effective=early)
    assert (told.renewed, told.until_later) == (1, 1)
    assert load(store, blocks(block_row("202555", "0", "AS", "X"))).renewed == 0
    assert load(store, blocks(block_row(CODE, "0", "AS", "X"))).renewed == 1
    assert load(store, codes(code_row(CODE, "D", "AS")), effective=CORRECTED).renewed == 1


@pytest.mark.parametrize("moment", ["1970-01-01", "1969-12-31", "0001-01-01"])
def test_all_calls_are_a_correction(moment: str) -> None:
    with pytest.raises(InvalidInput, match="--correct"):
        Effective(datetime.fromisoformat(moment).replace(tzinfo=UTC))

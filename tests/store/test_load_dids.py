"""The inventory of DID numbers: whose a number is at which moment, as a report sees it."""

import asyncio
import gzip
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from itertools import product
from pathlib import Path

import pytest

from gqlreports.errors import LoadError
from gqlreports.store.effective import Effective
from gqlreports.store.load_dids import LoadedDids, load_dids
from tests.store.test_load_cdrs import Store, as_csv, cdr_row
from tests.support.sites import Engine, nothing

HEADER = "did,customer_id,valid_from,valid_to\n"
NUMBER = "12015550100"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("dids") / "store"


@pytest.fixture
def store(engine: Engine, home: Path, tmp_path: Path) -> Store:
    return Store(engine.open(home), tmp_path)


def load(store: Store, content: str | bytes, name: str = "dids.csv", effective: int | None = None) -> LoadedDids:
    """Load a file, effective from a day of November 2025 or from today on."""
    path = store.folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    since = Effective(datetime(2025, 11, effective, tzinfo=UTC) if effective else None)
    return asyncio.run(load_dids(store.backend, str(path), nothing, since))


def load_calls(store: Store, *moments: str, customer: str = "5001") -> None:
    """A call from NUMBER at each moment, whose account tells the moment."""
    rows = [
        cdr_row(number, dt=moment, account=moment, dest_cli=NUMBER, customer_id=customer, switch=customer)
        for number, moment in enumerate(moments)
    ]
    store.load(as_csv(rows), f"{customer}.csv")


def is_did(store: Store, customer: str = "5001") -> dict[str, bool]:
    """By account, whether the calling number is in the inventory."""
    return {row["account"]: row["isDid"] for row in store.report("DID_AS_CLI", customer)}


@pytest.mark.parametrize(
    ("valid_from", "valid_to", "first", "end"),
    [
        ("2025-11-01", "2025-12-01", "2025-11-01 00:00:00", "2025-12-01 00:00:00"),
        ("2025-11-01 10:00:00", "2025-11-01 10:00:01", "2025-11-01 10:00:00", "2025-11-01 10:00:01"),
        ("2025-11-01T10:00:00.250Z", "2025-11-01T10:00:00.251Z", "2025-11-01 10:00:00.250", "2025-11-01 10:00:00.251"),
        ("2025-11-01T10:00:00+05:30", "2025-11-01T10:00:00-04:00", "2025-11-01 04:30:00", "2025-11-01 14:00:00"),
    ],
)
def test_a_did_is_valid_from_and_until_before(
    store: Store, valid_from: str, valid_to: str, first: str, end: str
) -> None:
    millisecond = timedelta(milliseconds=1)
    begin, behind = datetime.fromisoformat(first), datetime.fromisoformat(end)
    moments = [str(each) for each in (begin - millisecond, begin, behind - millisecond, behind)]
    assert load(store, f"{HEADER}{NUMBER},5001,{valid_from},{valid_to}\n") == LoadedDids(loaded=1)
    load_calls(store, *dict.fromkeys(moments))
    found = is_did(store)
    assert [found[moment] for moment in moments] == [False, True, True, False]


def test_windows_without_an_end(store: Store) -> None:
    windows = list(product(("", "1970-01-01", "1900-01-01", "0001-01-01"), ("", "9999-12-31", "2300-01-01 00:00:00")))
    rows = [
        cdr_row(number, branch_idx=branch, dt=moment, dest_cli=str(12015550100 + number), account=f"{number}")
        for number in range(len(windows))
        for branch, moment in (("0", "2020-01-01 00:00:00"), ("1", "2029-12-31 23:59:59.999"))
    ]
    lines = [f"{12015550100 + number},5001,{start},{end}\n" for number, (start, end) in enumerate(windows)]
    store.load(as_csv(rows))
    assert load(store, HEADER + "".join(lines)) == LoadedDids(loaded=len(windows))
    assert [row["isDid"] for row in store.report("DID_AS_CLI")] == [True] * len(windows)


def test_a_leading_plus_is_ignored(store: Store) -> None:
    dids = ("12015550100", "+12015550101", "+1 (201) 555-0102", " 12015550103 ")
    clis = [(plus, str(12015550100 + number)) for number in range(len(dids)) for plus in ("", "+", "++")]
    store.load(as_csv(cdr_row(n, dest_cli=plus + cli, account=plus + cli) for n, (plus, cli) in enumerate(clis)))
    load(store, HEADER + "".join(f"{did},5001,2020-01-01,\n" for did in dids))
    assert is_did(store) == {plus + cli: True for plus, cli in clis}


def test_separators_are_ignored(store: Store) -> None:
    clis = ("1-2015550100", "+1-201-555-0100", "1 (201) 555-0100", "1.201.555.0100", "+1 201 555 0100")
    store.load(as_csv(cdr_row(number, dest_cli=cli, account=cli) for number, cli in enumerate(clis)))
    load(store, f"{HEADER}{NUMBER},5001,2020-01-01,\n")
    assert is_did(store) == dict.fromkeys(clis, True)


def test_a_line_that_was_cut_off_is_rejected(store: Store) -> None:
    load_calls(store, "2025-11-02 06:00:00")
    assert load(store, f"{HEADER}{NUMBER},5001\n12015550199,5001,,\n") == LoadedDids(loaded=1, rejected=1)
    assert is_did(store) == {"2025-11-02 06:00:00": False}


def test_an_end_without_a_beginning_ends_the_period_that_is_open(store: Store) -> None:
    """As an inventory that is loaded each day tells it."""
    days = ("2025-10-05", "2025-11-15", "2025-11-26", "2025-11-27")
    load_calls(store, *(f"{day} 06:00:00" for day in days))
    load(store, f"{HEADER}12015550199,5001,,\n")
    for day in (10, 27):
        assert load(store, f"{HEADER}{NUMBER},5001,,\n", effective=day).dated == (1 if day == 10 else 0)
    assert list(is_did(store).values()) == [False, True, True, True]
    assert load(store, f"{HEADER}{NUMBER},5001,,2025-11-25\n", effective=28).dated == 0
    assert list(is_did(store).values()) == [False, True, False, False]


def test_other_numbers(store: Store) -> None:
    clis = ("", "2015550100", "1" + NUMBER, f"sip:{NUMBER}@example.net", "anonymous", f"{NUMBER}x", "+", NUMBER[:-1])
    store.load(as_csv(cdr_row(number, dest_cli=cli, account=cli) for number, cli in enumerate(clis)))
    load(store, f"{HEADER}{NUMBER},5001,2020-01-01,\n")
    assert is_did(store) == dict.fromkeys(clis, False)


def test_a_did_belongs_to_its_customer_alone(store: Store) -> None:
    load_calls(store, "2025-11-02 06:00:00")
    load_calls(store, "2025-11-03 06:00:00", customer="5002")
    load(store, f"{HEADER}{NUMBER},5002,2020-01-01,\n")
    assert is_did(store) == {"2025-11-02 06:00:00": False}
    assert is_did(store, "5002") == {"2025-11-03 06:00:00": True}


def test_windows_apart_overlapping_and_handed_over(store: Store) -> None:
    days = [f"2025-11-{day:02} 00:00:00" for day in range(1, 13)]
    load_calls(store, *days)
    load_calls(store, days[10], customer="5002")
    lines = (
        "5001,2025-11-02,2025-11-03", "5001,2025-11-05,2025-11-08", "5001,2025-11-06,2025-11-07",
        "5001,2025-11-07,2025-11-09", "5001,2025-11-10,2025-11-11", "5002,2025-11-11,",
    )  # fmt: skip
    assert load(store, HEADER + "".join(f"{NUMBER},{line}\n" for line in lines)) == LoadedDids(loaded=6)
    assert [day for day, found in sorted(is_did(store).items()) if found] == [days[n - 1] for n in (2, 5, 6, 7, 8, 10)]
    assert is_did(store, "5002") == {days[10]: True}


def test_only_dids(store: Store) -> None:
    load_calls(store, "2025-11-02 06:00:00", "2025-11-03 06:00:00")
    load(store, f"{HEADER}{NUMBER},5001,2025-11-03,\n")
    [row] = store.report("DID_AS_CLI", dids_only=True)
    assert (row["account"], row["isDid"], row["count"]) == ("2025-11-03 06:00:00", True, 1)


def test_a_line_renews_an_earlier_one_also_in_a_later_file(store: Store) -> None:
    load_calls(store, "2025-11-02 06:00:00", "2025-11-04 06:00:00")
    load(store, f"{HEADER}{NUMBER},5001,2025-11-01,\n")
    assert list(is_did(store).values()) == [True, True]
    load(store, f"{HEADER}+{NUMBER},5001,2025-11-01,2025-11-03\n", "later.csv")
    assert is_did(store) == {"2025-11-02 06:00:00": True, "2025-11-04 06:00:00": False}
    load(store, f"{HEADER}{NUMBER},5001,2025-11-01,2025-11-02\n{NUMBER},5001,2025-11-01,\n", "latest.csv")
    assert list(is_did(store).values()) == [True, True]


def test_the_same_file_again_changes_nothing(store: Store) -> None:
    load_calls(store, "2025-11-02 06:00:00")
    for _ in range(2):
        assert load(store, f"{HEADER}{NUMBER},5001,2020-01-01,\n") == LoadedDids(loaded=1)
        [row] = store.report("DID_AS_CLI", dids_only=True)
        assert row["count"] == 1


@pytest.mark.parametrize(
    "spelled",
    [
        pytest.param(lambda text: gzip.compress(text.encode()), id="gzip"),
        pytest.param(
            lambda text: b"\xef\xbb\xbf" + text.replace("\n", "\r\n\r\n").encode(), id="BOM, CRLF, blank lines"
        ),
        pytest.param(lambda text: text.replace(",", "\t").encode(), id="tabs"),
        pytest.param(lambda text: text.replace(",", " , ").rstrip().encode(), id="padded"),
    ],
)
def test_spellings_of_a_file(store: Store, spelled: Callable[[str], bytes]) -> None:
    load_calls(store, "2025-11-02 06:00:00")
    assert load(store, spelled(f"{HEADER}{NUMBER},5001,2020-01-01,\n")) == LoadedDids(loaded=1)
    assert is_did(store) == {"2025-11-02 06:00:00": True}


def test_columns_in_any_order_and_unknown_ones(store: Store) -> None:
    load_calls(store, "2025-11-02 06:00:00")
    content = f'notes,valid_to,customer_id,valid_from,did\n"a, ""b""\nc",,5001,2020-01-01,{NUMBER}\n'
    assert load(store, content) == LoadedDids(loaded=1)
    assert is_did(store) == {"2025-11-02 06:00:00": True}


def test_rejects(store: Store) -> None:
    load_calls(store, "2025-11-02 06:00:00")
    bad = [
        (2, "no digits in did", "anonymous,5001,,"),
        (3, "no digits in did", ",5001,,"),
        (4, "no customer_id", f"{NUMBER},,,"),
        (5, "bad time in valid_from", f"{NUMBER},5001,2025-02-30,"),
        (6, "bad time in valid_to", f"{NUMBER},5001,,later"),
        (8, "valid_to is not after valid_from", f"{NUMBER},5001,2025-01-02,2025-01-02"),
    ]
    lines = [line for _, _, line in bad]
    lines.insert(5, f"{NUMBER},5001,2020-01-01,")
    assert load(store, HEADER + "\n".join(lines) + "\n") == LoadedDids(loaded=1, rejected=6)
    assert store.rejects("dids.csv") == bad
    assert is_did(store) == {"2025-11-02 06:00:00": True}


def test_a_quote_that_is_never_closed(store: Store) -> None:
    """All behind it is one cell, however long; nothing but a LoadError or a reject may come of it."""
    content = f'{HEADER}{NUMBER},5001,2020-01-01,\n"12015550101,5001,2020-01-01,\n' + f"{NUMBER},5001,,\n" * 9000
    with suppress(LoadError):
        assert load(store, content).rejected


def refused(store: Store, content: str | bytes, told: str) -> None:
    with pytest.raises(LoadError, match=told):
        load(store, content)
    assert store.query("SELECT count() FROM did") == [(0,)]


def test_a_file_without_columns_is_refused(store: Store) -> None:
    for missing in ("did", "customer_id", "valid_from", "valid_to"):
        refused(store, HEADER.replace(missing, "other") + "1,2,3,4\n", f"columns {missing}; nothing")


def test_what_is_no_inventory_is_refused(store: Store) -> None:
    for content in (b"", bytes(range(256)) * 2000):
        refused(store, content, "lacks the columns|cannot be read")
    refused(store, gzip.compress(HEADER.encode() * 99)[:40], "cannot be read")

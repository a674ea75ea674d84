"""Files with one thing wrong in them: nothing is lost without a word, and no fault costs another row."""

import asyncio
import io
import json
import sys
import tarfile
import zipfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gqlreports.errors import LoadError
from gqlreports.store import formats
from gqlreports.store.check_cdrs import check_cdrs
from gqlreports.store.csv_rows import NO_UTF8, Lines
from gqlreports.store.formats import ReadOptions
from gqlreports.store.layout import Layout, parse_layout
from gqlreports.store.load_cdrs import load_cdrs
from gqlreports.store.load_counts import LoadCounts
from gqlreports.store.loads import Unloaded, finished_loads, unload
from gqlreports.store.records import Pending
from tests.store.test_load_cdrs import HEADER, Row, Store, as_csv, as_json, as_parquet, cdr_row, home
from tests.support.awkward import COLUMNS, cdr_line, csv_line
from tests.support.sites import Engine, nothing

__all__ = ["home"]


@pytest.fixture
def store(engine: Engine, home: Path, tmp_path: Path) -> Store:
    made = Store(engine.open(home), tmp_path)
    made.command("TRUNCATE TABLE cdr_load")
    return made


def load(store: Store, content: bytes, name: str = "cdrs.csv", replace: bool = False, **options: Any) -> LoadCounts:
    path = store.folder / name
    path.write_bytes(content)
    return asyncio.run(load_cdrs(store.backend, str(path), nothing, replace, ReadOptions(**options)))


def whole(counts: LoadCounts) -> bool:
    """Whether the counts add up to what was read."""
    stored = counts.added + counts.corrected + counts.there_before + counts.repeated
    return counts.read == stored + counts.left_out + counts.joined + counts.rejected


@pytest.mark.parametrize("size", [900, formats.CHUNK_BYTES])
@pytest.mark.parametrize("places", [{4}, {2, 7}, {0}, {9}, {3, 4}], ids=str)
@pytest.mark.parametrize("column", ["customer_id", "account", "dtmf"])
def test_a_quote_that_is_never_closed_costs_its_line(
    store: Store, monkeypatch: pytest.MonkeyPatch, size: int, places: set[int], column: str
) -> None:
    monkeypatch.setattr(formats, "CHUNK_BYTES", size)
    lines = [cdr_line(cdr_row(number) | {column: "MARK" if number in places else "7"}) for number in range(10)]
    content = HEADER + "".join(line.replace("MARK", '"x') for line in lines)
    counts = load(store, content.encode())
    assert (counts.added, counts.rejected, counts.read) == (10 - len(places), len(places), 10)
    assert store.column("branch_idx").keys() == {f"call-{number}" for number in range(10) if number not in places}
    assert [line for line, _, _ in store.rejects()] == [number + 2 for number in sorted(places)]
    assert {reason for _, reason, _ in store.rejects()} == {"a quote is never closed"}


CELL = st.text(alphabet='ab",\n \r', max_size=8)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.lists(CELL, min_size=3, max_size=3), max_size=8), st.integers(0, 8))
def test_rows_that_are_well_quoted_are_read_as_they_were_written(rows: list[list[str]], cut: int) -> None:
    """Also where the lines come in two blocks."""
    text = "".join(",".join('"' + cell.replace('"', '""') + '"' for cell in row) + "\n" for row in rows)
    lines = text.split("\n")[:-1]
    cut = min(cut, len(lines))
    first, end = Lines(lines[:cut], 1, frozenset([3]), last=False).rows()
    rest, _ = Lines([*lines[end:cut], *lines[cut:]], 1 + end, frozenset([3])).rows()
    found = [row for row in [*first, *rest] if row.record.text.strip()]
    broken = [row for row in found if row.reason]
    if not broken:
        assert [row.cells for row in found] == rows
    # A cell whose line looks like a row of three cells cannot be told from an open quote; no line is lost there either.
    assert sum(row.record.text.count("\n") + 1 for row in [*first, *rest]) == len(lines)


def test_one_call_of_two_customers_is_two_calls(store: Store) -> None:
    rows = [cdr_row(0), cdr_row(0, customer_id="other")]
    assert load(store, as_csv(rows)) == LoadCounts(added=2)
    assert load(store, as_csv(rows)) == LoadCounts(there_before=2)


@pytest.mark.parametrize("size", [700, formats.CHUNK_BYTES])
def test_a_key_that_is_used_again_later_is_another_call(
    store: Store, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    """The same however the rows are divided into files."""
    monkeypatch.setattr(formats, "CHUNK_BYTES", size)
    rows = [cdr_row(0, dt=f"2025-11-{day:02} 09:00:00", account=str(day)) for day in (3, 28, 4, 29, 12)]
    assert load(store, as_csv(rows)) == LoadCounts(added=3, repeated=2)
    together = {row["account"] for row in store.rows()}
    store.command("TRUNCATE TABLE cdr")
    counts = [load(store, as_csv([row]), f"{number}.csv") for number, row in enumerate(rows)]
    assert [count.added for count in counts] == [1, 1, 0, 0, 1]
    assert {row["account"] for row in store.rows()} == together == {"3", "28", "12"}


def test_rows_that_repeat_a_key_of_the_file_are_told_from_those_there_before(store: Store) -> None:
    rows = [cdr_row(0), cdr_row(1), cdr_row(0), cdr_row(1, duration="99")]
    counts = load(store, as_csv(rows))
    assert (counts, counts.differing, counts.read) == (LoadCounts(added=2, repeated=2), 1, 4)
    again = load(store, as_csv([cdr_row(0), cdr_row(1, duration="98")]))
    assert (again, again.differing) == (LoadCounts(there_before=2), 1)


def test_attempts_count_where_their_call_began(store: Store) -> None:
    rows = [
        cdr_row(0, dt="2025-11-30 23:59:58", sip_code="503"),
        cdr_row(0, dt="2025-12-01 00:00:03", branch_idx="1"),
        cdr_row(1, dt="2025-11-30 23:59:59"),
    ]
    assert load(store, as_csv(rows)) == LoadCounts(added=3)
    assert {str(row["dt"])[:19] for row in store.rows()} == {"2025-11-30 23:59:58", "2025-11-30 23:59:59"}
    # An attempt that comes in a later file belongs to the call that is stored.
    later = [cdr_row(1, dt="2025-12-01 00:00:09", branch_idx="1")]
    assert load(store, as_csv(later), "later.csv") == LoadCounts(added=1)
    assert [str(row["dt"]) for row in store.rows() if row["callid"] == "call-1"] == ["2025-11-30 23:59:59"] * 2
    assert load(store, as_csv([*rows, *later]), "all.csv") == LoadCounts(there_before=4)


def test_attempts_that_are_numbered_from_1(store: Store) -> None:
    rows = [cdr_row(0, branch_idx="1", sip_code="503"), cdr_row(0, branch_idx="2"), cdr_row(1, branch_idx="1")]
    with pytest.raises(LoadError, match="--first-branch 1"):
        load(store, as_csv(rows))
    assert store.count() == 0
    assert load(store, as_csv(rows), first_branch=1) == LoadCounts(added=3)
    assert sorted(row["branch_idx"] for row in store.rows()) == [0, 0, 1]
    mixed = load(store, as_csv([cdr_row(5, branch_idx="1"), cdr_row(6)]), "mixed.csv")
    assert (mixed.added, mixed.no_first) == (2, ["call-5"])


def test_a_call_that_was_answered_twice_is_named(store: Store) -> None:
    counts = load(store, as_csv([cdr_row(0), cdr_row(0, branch_idx="1"), cdr_row(1)]))
    assert (counts, counts.two_answers) == (LoadCounts(added=3), ["call-0"])


@pytest.mark.parametrize(
    "text", ["", "0", "0.0", "1970-01-01 00:00:00", "1970-01-01T00:00:00.000Z", "0000-00-00 00:00:00", "0000-00-00"]
)
def test_an_answer_time_that_is_none(store: Store, text: str) -> None:
    rows = [cdr_row(0, answer_time=text, sip_code="487", duration="0")]
    assert load(store, as_csv(rows, [*COLUMNS, "answer_time"])) == LoadCounts(added=1)
    assert store.column("answered") == {"call-0": False}


@pytest.mark.parametrize(
    ("text", "keys"),
    [("1,2,3", "123"), ("1 2 3", "123"), ("none", ""), ("NULL", ""), ('["1","2"]', "12"), ("12#", "12#"),
     ("1E5", "1E5")],
)  # fmt: skip
def test_keys_are_counted_without_what_separates_them(store: Store, text: str, keys: str) -> None:
    load(store, as_csv([cdr_row(0, dtmf=text)]))
    assert store.column("dtmf") == {"call-0": keys}


def test_keys_in_a_json_array(store: Store) -> None:
    load(store, as_json([cdr_row(0)]).replace(b'"12#"', b'["1", "2"]'), "cdrs.jsonl")
    assert store.column("dtmf") == {"call-0": "12"}


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("12125550142.0", "12125550142"), ('="12125550142"', "12125550142"), ("+1 (212) 555-0100", "+1 (212) 555-0100"),
        ("1.21256E+10", None), ("1e10", None), ("tel:+12125550100", "tel:+12125550100"),
    ],
)  # fmt: skip
def test_numbers_that_went_through_a_spreadsheet(store: Store, text: str, number: str | None) -> None:
    counts = load(store, as_csv([cdr_row(0, dest_number=text)]))
    assert store.column("dest_number") == ({} if number is None else {"call-0": number})
    assert counts.rejected == (number is None)


def test_numbers_that_are_floats_in_parquet(store: Store) -> None:
    floats = pyarrow.array([12125550142.0, 0.5], pyarrow.float64())
    load(store, as_parquet([cdr_row(0), cdr_row(1)], dest_number=floats), "cdrs.parquet")
    assert store.column("dest_number") == {"call-0": "12125550142", "call-1": "0.5"}


def test_a_did_is_compared_by_its_digits(store: Store) -> None:
    store.command(
        "INSERT INTO did (customer_id, number, loaded_at) VALUES ('5001', '12125550100', now64())",
        "SYSTEM RELOAD DICTIONARY did_window",
    )
    forms = ("+1-212-555-0100", "1 (212) 555-0100", "+12125550100", "12125550101")
    load(store, as_csv([cdr_row(place, dest_cli=text) for place, text in enumerate(forms)]))
    found = {row["destCli"]: row["isDid"] for row in store.report("DID_AS_CLI")}
    assert found == {**dict.fromkeys(forms[:3], True), forms[3]: False}


def test_currencies(store: Store) -> None:
    texts = ("USD", "usd", "US Dollar", "", "$")
    rows = [cdr_row(place, customer_card_currency=text) for place, text in enumerate(texts)]
    assert load(store, as_csv(rows)) == LoadCounts(added=3, rejected=2)
    assert store.column("customer_card_currency") == {"call-0": "USD", "call-1": "USD", "call-3": ""}


def test_text_in_another_encoding(store: Store) -> None:
    content = as_csv([cdr_row(0, account="Jörg"), cdr_row(1, account="Jürg"), cdr_row(2)]).decode().encode("latin-1")
    counts = load(store, content)
    assert (counts, whole(counts)) == (LoadCounts(added=1, rejected=2), True)
    assert {reason for _, reason, _ in store.rejects()} == {"no UTF-8: name the encoding, such as --encoding latin-1"}
    assert load(store, content, encoding="latin-1") == LoadCounts(added=2, there_before=1)
    assert store.column("account")["call-1"] == "Jürg"


def test_a_call_in_the_future(store: Store) -> None:
    now = datetime.now(UTC)
    times = [now + timedelta(hours=23), now + timedelta(hours=25), datetime(2099, 6, 1, tzinfo=UTC)]
    rows = [cdr_row(place, dt=moment.isoformat(" ", "milliseconds")) for place, moment in enumerate(times)]
    assert load(store, as_csv(rows)) == LoadCounts(added=1, rejected=2)
    assert [each[:2] for each in store.rejects()] == [(3, "starts in the future"), (4, "starts in the future")]


def test_a_correction_leaves_what_its_file_does_not_have(store: Store) -> None:
    first = [
        cdr_row(0, answer_time="2025-11-02 06:00:05", sip_code="487"),
        cdr_row(1, answer_time="", sip_code="200", duration="0"),
    ]
    load(store, as_csv(first, [*COLUMNS, "answer_time"]))
    rated = [cdr_row(0, sip_code="487", customer_charge="0.5"), cdr_row(1, duration="0", customer_charge="0.5")]
    assert load(store, as_csv(rated), "rated.csv", replace=True) == LoadCounts(corrected=2)
    [[answered]] = store.query("SELECT groupArray((callid, answered)) FROM (SELECT callid, answered FROM cdr "
                               "GROUP BY ALL HAVING sum(sign) > 0 ORDER BY callid)")  # fmt: skip
    assert [tuple(each) for each in answered] == [("call-0", True), ("call-1", False)]


@pytest.mark.parametrize("delimiter", [";", "|", "\t"])
def test_other_delimiters(store: Store, delimiter: str) -> None:
    content = as_csv([cdr_row(0), cdr_row(1)]).decode().replace(",", delimiter).encode()
    assert load(store, content) == LoadCounts(added=2)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be"])
def test_utf_16(store: Store, encoding: str) -> None:
    content = as_csv([cdr_row(0, account="é"), cdr_row(1)]).decode()
    mark = "" if encoding == "utf-16" else "\ufeff"
    assert load(store, (mark + content).encode(encoding)) == LoadCounts(added=2)
    assert store.column("account")["call-0"] == "é"


def zipped(files: dict[str, bytes]) -> bytes:
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return sink.getvalue()


def tarred(files: dict[str, bytes]) -> bytes:
    sink = io.BytesIO()
    with tarfile.open(fileobj=sink, mode="w:gz") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return sink.getvalue()


@pytest.mark.parametrize("pack", [zipped, tarred])
def test_archives(store: Store, pack: Any) -> None:
    rows = [cdr_row(0), cdr_row(1), cdr_row(2, dt="never")]
    files = {"day/1.csv": as_csv(rows[:1]), "2.jsonl": as_json(rows[1:])}
    counts = load(store, pack(files), "calls.archive")
    assert (counts, counts.read) == (LoadCounts(added=2, rejected=1), 3)
    assert [reason for _, reason, _ in store.rejects("calls.archive.2.jsonl")] == ["bad time in dt"]


@pytest.mark.parametrize(
    "content",
    [
        json.dumps(cdr_row(0), indent=1).encode(),
        json.dumps([cdr_row(0), cdr_row(1)]).encode(),
        json.dumps([cdr_row(0)], indent=2).encode(),
        b"\n".join(json.dumps(cdr_row(number)).encode() for number in range(2)),
    ],
)
def test_json_in_any_form(store: Store, content: bytes) -> None:
    assert load(store, content, "cdrs.json").added == content.count(b"callid")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "empty"),
        (b"a,b\n1,2\n", "2 cells divided by commas: a, b"),
        (b"1,2025-11-03 09:00:00,7,12\n", "no header"),
        (b"-- MySQL dump\nINSERT INTO cdr VALUES (1)", "SQL"),
        (b"<?xml version='1.0'?><calls><call id='1'/></calls>", "XML, with calls, call"),
        (zipped({"[Content_Types].xml": b"", "xl/workbook.xml": b""}), "Excel"),
        (b'{"a": 1}', "JSON, with a"),
        (HEADER.replace("dtmf,", "").encode(), "lacks the columns dtmf"),
    ],
)
def test_a_file_of_no_certain_form_is_told_by_what_was_seen(store: Store, content: bytes, words: str) -> None:
    with pytest.raises(LoadError) as error:
        load(store, content)
    assert words in str(error.value)
    assert str(error.value).startswith(str(store.folder / "cdrs.csv"))


def test_a_constant_for_a_column_that_the_file_lacks(store: Store) -> None:
    columns = [name for name in COLUMNS if name not in ("switch", "customer_id")]
    counts = load(store, as_csv([cdr_row(0)], columns), constants={"switch": "pbx 'é'", "customer_id": "7"})
    assert counts == LoadCounts(added=1)
    assert store.column("switch") == {"call-0": "pbx 'é'"}


WORKED = """
about = "Calls of a made-up switch"
[file]
delimiter = ";"
[where]
kind = ["call"]
[columns]
customer_id = { field = "trunk" }
callid = { text = "{node}-{id}" }
dt = { field = "start", time = "%d.%m.%Y %H:%M:%S" }
duration = { from = "answered", to = "ended", time = "%d.%m.%Y %H:%M:%S", none = ["-"] }
answer_time = { field = "answered", time = "%d.%m.%Y %H:%M:%S", none = ["-"] }
customer_charge = { field = "price", scale = "-0.01", round = true }
provider_charge = { text = "1.000,{id}", decimal = "," }
sip_code = { field = "cause", table = { BUSY = "486" }, other = "500" }
source_cli = { field = "from", pattern = '<(\\d+)>' }
"extra.kind" = { field = "kind" }
"""
LINES = b"""kind;node;id;trunk;start;answered;ended;price;cause;from
call;a;1;77;02.11.2025 01:30:00;02.11.2025 01:30:05;02.11.2025 01:31:06;-1.2345678901;;"Ann" <12125550142>
ping;a;2;77;x;-;-;;;
call;a;3;77;03.11.2025 01:30:00;-;-;;BUSY;none
call;a;4;77;31.11.2025 01:30:00;-;-;;OTHER;none
"""


def test_a_layout_of_ones_own(store: Store) -> None:
    layout = parse_layout(WORKED, "worked.toml")
    counts = load(store, LINES, layout=layout, time_zone="Europe/Berlin")
    assert (counts, whole(counts), counts.layout) == (LoadCounts(added=2, left_out=1, rejected=1), True, "worked.toml")
    assert [each[:2] for each in store.rejects()] == [(5, "bad time in dt")]
    columns = (
        "callid, toString(dt), toFloat64(duration), answered, toString(customer_charge), sip_code, source_cli, extra, "
        "toString(provider_charge)"
    )
    assert [tuple(row) for row in store.query(f"SELECT {columns} FROM cdr ORDER BY callid")] == [
        ("a-1", "2025-11-02 00:30:00.000", 61.0, True, "0.01234568", 0, "12125550142", '{"kind":"call"}', "1000.1"),
        ("a-3", "2025-11-03 00:30:00.000", 0.0, False, "0", 486, "", '{"kind":"call"}', "1000.3"),
    ]


def test_local_times_need_a_zone(store: Store) -> None:
    with pytest.raises(LoadError, match="--time-zone"):
        load(store, LINES, layout=parse_layout(WORKED, "worked.toml"))
    text = '[columns]\ncustomer_id = { field = "c" }\ncallid = { field = "i" }\ndt = { field = "t", time = "iso" }\n'
    content = b"c,i,t\n1,a,2025-11-03 09:00:00\n1,b,2025-11-03 09:00:00-05:00\n"
    assert load(store, content, layout=parse_layout(text, "iso.toml")) == LoadCounts(added=1, rejected=1)
    assert [each[:2] for each in store.rejects()] == [(2, "local time in dt: its zone is unknown")]
    with pytest.raises(LoadError, match="--time-zone"):
        load(store, content.replace(b"-05:00", b""), layout=parse_layout(text, "iso.toml"))


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ('[columns]\ncallid = { feild = "x" }', 2, "there is no feild"),
        ('[columns]\ncallid = { field = "x" }\nwhen = { field = "y" }', 3, "there is no such column"),
        ('[columns]\ncallid = { field = "x" }\ndt = { field = "y" }', 3, "needs its form"),
        ('[columns]\ncallid = { field = "x" }\ndt = { field = "y", time = "soon" }', 3, "time must be one of"),
        ('[columns]\ncallid = { field = "x", pattern = "(" }', 2, "no regular expression"),
        ('[columns]\ncallid = { field = "x", pattern = "a(?=b)" }', 2, "looking around"),
        ('[file]\nformat = "xls"\n[columns]\n', 2, "must be one of csv"),
        ('[file]\ndelimiter = ",,"', 2, "one ASCII character"),
        ('[file]\nheader = "no"', 2, "true or false"),
        ('[file]\nencoding = "klingon"', 2, "no known encoding"),
        ('[columns]\ncallid = { field = "x" }', None, "dt is missing"),
        ("[columns\ncallid = 1", 1, "line 1"),
    ],
)
def test_a_mistake_in_a_layout_is_told_with_its_line(text: str, line: int | None, words: str) -> None:
    with pytest.raises(LoadError) as error:
        parse_layout(text, "own.toml")
    assert words in str(error.value)
    assert str(error.value).startswith("own.toml")
    assert line is None or f"line {line}" in str(error.value)


@pytest.mark.parametrize(
    ("form", "text", "expected"),
    [
        ("epoch", "1762160400", "2025-11-03 09:00:00.000"), ("epoch", "1762160400.5", "2025-11-03 09:00:00.500"),
        ("epoch-ms", "1762160400123", "2025-11-03 09:00:00.123"),
        ("epoch-us", "1762160400123999", "2025-11-03 09:00:00.123"),
        ("gregorian", "63929379600", "2025-11-03 09:00:00.000"),
        ("%a, %d %b %Y %H:%M:%S %z", "Mon, 03 Nov 2025 09:00:00 -0500", "2025-11-03 14:00:00.000"),
        ("%Y%m%d%H%M%S.%f", "20251103090000.123", "2025-11-03 09:00:00.123"),
        ("%m/%d/%y %I:%M:%S %p", "11/03/25 09:00:00 PM", "2025-11-03 21:00:00.000"),
        ("iso", "2025-11-03 09:00:00.5+00", "2025-11-03 09:00:00.500"),
        ("iso", "2025-11-03T09:00:00Z", "2025-11-03 09:00:00.000"), ("iso", "2025-11-31 09:00:00", None),
        ("epoch", "soon", None), ("epoch", "-1", None), ("%d/%m/%Y", "3.11.2025", None),
    ],
)  # fmt: skip
def test_forms_of_times(store: Store, form: str, text: str, expected: str | None) -> None:
    source = f'dt = {{ field = "t", time = "{form}", zone = "UTC" }}'
    layout = (
        f'[file]\nformat = "json"\n[columns]\ncustomer_id = {{ field = "c" }}\ncallid = {{ field = "c" }}\n{source}'
    )
    counts = load(store, json.dumps({"c": "1", "t": text}).encode(), layout=parse_layout(layout, "times"))
    assert counts.added == (expected is not None)
    assert [row[0] for row in store.query("SELECT toString(dt) FROM cdr")] == ([expected] if expected else [])


BERLIN = [
    ("26.10.2025 01:59:50", "2025-10-25 23:59:50"), ("26.10.2025 03:00:05", "2025-10-26 02:00:05"),
    ("30.03.2025 01:59:50", "2025-03-30 00:59:50"), ("30.03.2025 03:00:05", "2025-03-30 01:00:05"),
    ("30.03.2025 02:30:00", None), ("15.07.2025 12:00:00", "2025-07-15 10:00:00"),
]  # fmt: skip


@pytest.mark.parametrize("iso", [False, True])
@pytest.mark.parametrize(("local", "utc"), BERLIN)
def test_times_on_days_on_which_clocks_change(store: Store, local: str, utc: str | None, iso: bool) -> None:
    """Held against Python's own zones; a time that the clocks skip is none."""
    moment = datetime.strptime(local, "%d.%m.%Y %H:%M:%S").replace(tzinfo=ZoneInfo("Europe/Berlin"))
    form = "iso" if iso else "%d.%m.%Y %H:%M:%S"
    fields = '[columns]\ncustomer_id = { field = "c" }\ncallid = { field = "c" }\n'
    layout = f'{fields}dt = {{ field = "t", time = "{form}" }}\n'
    text = moment.strftime("%Y-%m-%d %H:%M:%S") if iso else local
    load(store, f"c,t\n1,{text}\n".encode(), layout=parse_layout(layout, "own"), time_zone="Europe/Berlin")
    assert [row[0][:19] for row in store.query("SELECT toString(dt) FROM cdr")] == ([utc] if utc else [])
    assert utc is None or moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S") == utc


@pytest.mark.parametrize(
    ("start", "end", "seconds"),
    [
        ("30.03.2025 01:59:55", "30.03.2025 03:00:05", 10), ("26.10.2025 01:59:55", "26.10.2025 03:00:05", 7210),
        ("26.10.2025 02:59:55", "26.10.2025 02:00:10", 15), ("26.10.2025 02:10:00", "26.10.2025 02:10:30", 30),
    ],
)  # fmt: skip
def test_a_duration_over_the_hour_in_which_clocks_change(store: Store, start: str, end: str, seconds: int) -> None:
    form = 'time = "%d.%m.%Y %H:%M:%S"'
    layout = f"""[columns]
customer_id = {{ field = "c" }}
callid = {{ field = "c" }}
dt = {{ field = "s", {form} }}
duration = {{ from = "s", to = "e", {form} }}
"""
    content = f"c,s,e\n1,{start},{end}\n".encode()
    load(store, content, layout=parse_layout(layout, "own"), time_zone="Europe/Berlin")
    assert store.query("SELECT toInt64(duration) FROM cdr") == [(seconds,)]


def check(store: Store, content: bytes, layout: Layout | None = None) -> Any:
    path = store.folder / "cdrs.csv"
    path.write_bytes(content)
    options = ReadOptions(layout=layout, time_zone="Europe/Berlin")
    return asyncio.run(check_cdrs(store.backend, str(path), nothing, options))


def test_a_check_tells_all_and_stores_nothing(store: Store) -> None:
    rows: list[Row] = [cdr_row(0), cdr_row(0, branch_idx="1", sip_code="503"), cdr_row(1, sip_code="486", duration="0")]
    columns = [*COLUMNS, "note"]
    content = as_csv([row | {"note": "x"} for row in (*rows, cdr_row(2, dt="never"))], columns)
    found = check(store, content)
    assert (found.unused, dict(found.reasons), found.lines) == (("note",), {"bad time in dt": 1}, {"bad time in dt": 5})
    assert (found.totals.calls, found.totals.answered, str(found.totals.asr)) == (2, 1, "0.5")
    assert {name: str(charge) for name, charge in found.totals.customer_charges.items()} == {"USD": "0.37037034"}
    assert len(found.calls) == 3
    assert store.count() == 0
    assert check(store, LINES, parse_layout(WORKED, "worked.toml")).counts.left_out == 1
    assert store.query("SELECT count() FROM cdr_load") == [(0,)]


def totals(store: Store) -> list[Any]:
    return [tuple(row) for row in store.query(
        "SELECT callid, customer_charge FROM cdr GROUP BY callid, customer_charge HAVING sum(sign) > 0 ORDER BY ALL"
    )]  # fmt: skip


def test_a_load_is_taken_back_exactly_and_can_come_again(store: Store) -> None:
    first = load(store, as_csv([cdr_row(0), cdr_row(1)]))
    before = totals(store)
    second = load(store, as_csv([cdr_row(1, customer_charge="9"), cdr_row(2, dt="2025-12-01 00:00:00")]), "2.csv", True)
    after = totals(store)
    loads = asyncio.run(finished_loads(store.backend, 10))
    assert [(each.file.rpartition("/")[2], each.added, each.corrected) for each in loads] == [
        ("2.csv", 1, 1), ("cdrs.csv", 2, 0),
    ]  # fmt: skip
    with pytest.raises(LoadError, match=f"{second.load:012x}"):
        asyncio.run(unload(store.backend, f"{first.load:012x}"))
    assert totals(store) == after
    assert asyncio.run(unload(store.backend, f"{second.load:012x}")) == Unloaded(3, 0)
    assert totals(store) == before
    assert asyncio.run(unload(store.backend, f"{second.load:012x}")) == Unloaded(0, 0)
    assert load(store, (store.folder / "2.csv").read_bytes(), "2.csv", True) == LoadCounts(added=1, corrected=1)
    assert totals(store) == after


@pytest.mark.parametrize("place", [0, 3, 9])
def test_an_open_quote_in_a_file_without_a_header(store: Store, place: int) -> None:
    """In a `Master.csv` of Asterisk every cell is quoted."""
    cells = [
        "7",
        "12125550101",
        "13125550142",
        "out",
        '"Ann" <12125550101>',
        "a",
        "b",
        "Dial",
        "x",
        "2025-11-03 09:00:00",
    ]
    cells += ["2025-11-03 09:00:05", "2025-11-03 09:00:09", "9", "4", "ANSWERED", "3"]
    lines = [csv_line([*cells, f"id-{number}"], quote_all=True) for number in range(10)]
    lines[place] = lines[place].replace('"b"', '"b')
    counts = load(store, "".join(lines).encode(), time_zone="UTC")
    assert (counts.layout, counts.added, counts.rejected, counts.read) == ("asterisk", 9, 1, 10)
    assert [line for line, _, _ in store.rejects()] == [place + 1]


class Trickle(io.RawIOBase):
    """A pipe that brings a few bytes at a time."""

    def __init__(self, content: bytes) -> None:
        self.rest = content

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        size = min(7, len(buffer), len(self.rest))
        buffer[:size], self.rest = self.rest[:size], self.rest[size:]
        return size


@pytest.mark.parametrize(
    "content", [as_csv([cdr_row(0)]), as_json([cdr_row(0)]), zipped({"a.csv": as_csv([cdr_row(0)])})]
)
def test_a_pipe_that_brings_little_at_a_time(store: Store, monkeypatch: pytest.MonkeyPatch, content: bytes) -> None:
    monkeypatch.chdir(store.folder)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BufferedReader(Trickle(content))))
    assert asyncio.run(load_cdrs(store.backend, "-", nothing)) == LoadCounts(added=1)


def test_a_column_that_only_later_objects_have(store: Store) -> None:
    """Here behind the thousand that tell which columns a file has."""
    early = {name: text for name, text in cdr_row(0).items() if name not in ("sip_code", "codec")}
    rows = [early | {"callid": f"early-{number}", "duration": "0"} for number in range(1000)]
    later = cdr_row(1, duration="0", sip_code="200") | {"codec": "G722"}
    assert load(store, as_json([*rows, later]), "cdrs.jsonl") == LoadCounts(added=1001)
    assert store.query("SELECT callid, codec FROM cdr WHERE answered") == [("call-1", "G722")]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b'[\n{"dt": "caf\xe9", "callid": "a", "switch": "b"},\n', NO_UTF8),
        (b'[\n{"dt": "\\ud800", "callid": "a", "switch": "b"},\n', "no JSON object"),
        (b'[\n[1],\n', "no JSON object"),
    ],
)  # fmt: skip
def test_a_broken_object_in_an_array_costs_itself(store: Store, content: bytes, reason: str) -> None:
    counts = load(store, content + json.dumps(cdr_row(0)).encode() + b"\n]", "cdrs.json")
    # Of an array within the array, the reader sees what is in it.
    assert counts.added == 1
    assert {why for _, why, _ in store.rejects("cdrs.json")} <= {reason}


@pytest.mark.parametrize("content", [b'{"a":' * 100_000, b"[" * 100_000, as_csv([cdr_row(0)]).replace(b"\r\n", b"\r")])
def test_what_cannot_be_read_is_told_in_words(store: Store, content: bytes) -> None:
    with pytest.raises(LoadError) as error:
        load(store, content)
    assert "universal-newline" not in str(error.value)


def test_a_file_of_an_archive_that_is_refused_does_not_stop_the_others(store: Store) -> None:
    bad = as_csv([cdr_row(5, dt="never")])
    files = {"a/b.csv": as_csv([cdr_row(0)]), "empty.csv": b"", "a_b.csv": bad, "a/c.csv": as_csv([cdr_row(1)])}
    counts = load(store, zipped({**files, "a/b.csv": as_csv([cdr_row(0), cdr_row(6, dt="soon")])}), "calls.zip")
    assert (counts, len(counts.refused), counts.archive) == (LoadCounts(added=2, rejected=2), 1, True)
    assert "calls.zip.empty.csv: it is empty" in counts.refused[0]
    assert sorted(path.name for path in store.folder.glob("*.rejects.csv")) == [
        "calls.zip.a_b.csv.rejects.csv", "calls.zip.a_b.csv_.rejects.csv",
    ]  # fmt: skip


def test_cells_of_any_length(store: Store) -> None:
    rows = [cdr_row(0, account="x" * 200_000), cdr_row(1, account="two\r\nlines")]
    assert load(store, as_csv(rows)) == LoadCounts(added=2)


@pytest.mark.parametrize(
    "line",
    [
        "minus = {}", 'minus = "x"', "minus = 1.5", 'round = "no"', 'pattern = "a{1001}"', 'pattern = "b\\\\Z"',
        'pattern = "O++K"', 'time = "%A"', 'time = "%d.%Z"', 'zone = "Mars/X", time = "iso"',
    ],
)  # fmt: skip
def test_what_a_layout_cannot_mean_is_refused_when_it_is_read(line: str) -> None:
    column = "dt" if line.startswith(("time", "zone")) else "branch_idx"
    other = "" if column == "dt" else 'dt = { field = "t", time = "iso" }\n'
    text = f'[columns]\ncallid = {{ field = "c" }}\n{other}{column} = {{ field = "x", {line} }}\n'
    with pytest.raises(LoadError, match=rf"own\.toml, line {4 if other else 3}, {column}"):
        parse_layout(text, "own.toml")


@pytest.mark.parametrize(
    "text",
    [
        "[recognise]\nplaces = [1]\n", "[recognise]\ncolumns = 5\n",
        '[file]\nencoding = "hex"\n', "[file]\nskip = -1\n",
        '[file]\nheader = false\n[columns]\ncallid = { field = "name" }\ndt = { field = 1, time = "iso" }\n',
        '[columns]\ncallid = { field = { A = 1 } }\ndt = { field = "t", time = "iso" }\n',
        '[columns]\ncallid = { field = "c" }\ndt = { field = "t", time = "iso" }\n'
        'duration = { from = "a", to = "b", time = "iso", scale = "2" }\n',
    ],
)  # fmt: skip
def test_a_layout_with_values_of_the_wrong_kind_is_refused(text: str) -> None:
    whole = (
        text
        if "[columns]" in text
        else f'{text}[columns]\ncallid = {{ field = "c" }}\ndt = {{ field = "t", time = "iso" }}\n'
    )
    with pytest.raises(LoadError, match=r"own\.toml, line"):
        parse_layout(whole, "own.toml")


EVENTS = """[file]
format = "pairs"
[pairs]
key = ["id"]
start = { method = ["INVITE"] }
end = { method = ["BYE"] }
needs_end = { code = ["200"] }
[columns]
customer_id = { field = "who" }
callid = { field = "id" }
dt = { field = "at", time = "epoch" }
duration = { from = "at", to = "end.at", time = "epoch" }
sip_code = { field = "code" }
"""
INVITES = b"""who=1;id=a;method=INVITE;code=200;at=1762160400
who=1;id=b;method=INVITE;code=486;at=1762160401
who=1;id=c;method=INVITE;code=200;at=1762160402
who=1;id=c;method=ACK;code=200;at=1762160402
"""
BYES = b"who=1;id=a;method=BYE;code=200;at=1762160460\nwho=1;id=z;method=BYE;code=200;at=1762160470\n"


@pytest.mark.parametrize("pack", [zipped, tarred])
def test_the_halves_of_a_call_may_be_in_two_files_of_an_archive(store: Store, pack: Any) -> None:
    layout = parse_layout(EVENTS, "events")
    counts = load(store, pack({"1.log": INVITES, "2.log": BYES}), "calls.archive", layout=layout)
    assert (counts, counts.joined, whole(counts)) == (LoadCounts(added=2, left_out=1, rejected=2), 1, True)
    assert store.query("SELECT callid, toInt64(duration) FROM cdr ORDER BY callid") == [("a", 60), ("b", 0)]
    assert {text[:9] for _, _, text in store.rejects("calls.archive")} == {"who=1;id="}


@pytest.mark.parametrize("order", [1, -1])
def test_the_halves_of_a_call_may_be_in_two_files_of_a_command(store: Store, order: int) -> None:
    pending, layout = Pending(), parse_layout(EVENTS, "events")
    first, second = [INVITES, BYES][::order]
    one = load(store, first, "1.log", layout=layout, pending=pending, last=False)
    assert one.waiting == 2
    two = load(store, second, "2.log", layout=layout, pending=pending)
    assert (one.added + two.added, two.waiting, two.rejected) == (2, 0, 2)
    assert one.read + two.read == 6
    assert sum(each.added + each.joined + each.left_out + each.rejected for each in (one, two)) == 6


def test_a_zone_for_times_in_our_own_format(store: Store) -> None:
    rows = [cdr_row(0, dt="2025-11-03 09:00:00"), cdr_row(1, dt="2025-11-03 09:00:00Z")]
    load(store, as_csv(rows), time_zone="America/New_York")
    assert {name: str(at) for name, at in store.column("dt").items()} == {
        "call-0": "2025-11-03 14:00:00", "call-1": "2025-11-03 09:00:00",
    }  # fmt: skip


def test_attempts_from_1_in_parquet(store: Store) -> None:
    branches = pyarrow.array([1, 2], pyarrow.int16())
    load(store, as_parquet([cdr_row(0), cdr_row(0)], branch_idx=branches), "cdrs.parquet", first_branch=1)
    assert sorted(row["branch_idx"] for row in store.rows()) == [0, 1]

"""CDR files into the store: what is kept of a row, what is refused, and that each counts once."""

import asyncio
import csv
import gzip
import io
import json
import random
import re
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any

import orjson
import pyarrow
import pyarrow.parquet
import pytest

from gqlreports.backends.base import Customers, Statement
from gqlreports.backends.embedded.backend import EmbeddedBackend
from gqlreports.errors import LoadError
from gqlreports.plugins import CountingBasis
from gqlreports.schema.answer import ReportAnswer
from gqlreports.schema.request import ReportRequest, Selection
from gqlreports.schema.types.columns import validated
from gqlreports.store import formats
from gqlreports.store.cdr_columns import COLUMNS as FILE_COLUMNS
from gqlreports.store.load_cdrs import load_cdrs
from gqlreports.store.load_counts import LoadCounts
from gqlreports.tables import cdr
from tests.support import sites
from tests.support.awkward import COLUMNS, cdr_line, csv_line, write_rejects
from tests.support.killing import killed
from tests.support.sites import Engine, nothing

Row = dict[str, str]
csv.field_size_limit(1 << 20)
Reject = tuple[int, str, str]
HEADER = csv_line(COLUMNS)
REGISTRY = sites.REGISTRY.reports
REQUIRED = [column.name for column in FILE_COLUMNS if column.required]
STORED = [column.name for column in cdr.columns if column.name not in ("loaded_at", "load_id")]
UNTOLD = {
    "q850_cause": 0, "hangup_side": "", "end_time": None, "codec": "", "mos": None, "packet_loss": None, "jitter": None,
    "caller_name": "", "linked_callid": "", "extra": "",
}  # fmt: skip
"""What stands in the columns that few switches tell, where a file does not have them."""
NANP = re.compile(r"(?:\+?1)?([2-9][0-9]{2}[2-9][0-9]{6})")
MONEY = ("customer_charge", "customer_card_rate", "provider_charge")
SECONDS = ("duration", "customer_duration", "provider_duration", "ring_duration")
WHOLE = ("branch_idx", "pdd_out", "sip_code")
TYPICAL: Row = {
    "dt": "2025-11-02 06:00:00.125", "callid": "", "branch_idx": "0", "switch": "east-1", "direction": "out",
    "customer_id": "5001", "account": "5001-A", "tech_prefix": "0044", "source_cli": "12025550100",
    "dest_cli": "+12025550101", "source_dest_number": "004412015550102", "dest_number": "12015550103",
    "lrn": "12015550104", "duration": "61.5", "customer_duration": "66", "customer_charge": "0.12345678",
    "customer_card_id": "7", "customer_card_rate": "0.0066", "customer_card_currency": "USD",
    "customer_card_dest_code": "1", "customer_card_dest_name": "USA", "provider_id": "3", "provider_card_id": "31",
    "provider_duration": "62", "provider_charge": "0.00000001", "provider_card_currency": "EUR", "pdd_out": "900",
    "ring_duration": "7.25", "sip_code": "200", "sip_reason": "OK", "release_reason": "Normal Clearing",
    "dtmf": "12#", "source_ip": "192.0.2.10",
}  # fmt: skip


def cdr_row(number: int, **cells: str) -> Row:
    """The text of every column, typical but for `cells`; `number` makes its key."""
    return TYPICAL | {"callid": f"call-{number}"} | cells


VARIED = [
    cdr_row(0),
    cdr_row(1, callid='say "hi", twice', account="two\r\nlines", sip_reason="Moved\nTemporarily"),
    cdr_row(2, dt="2025-11-02T06:00:00Z", sip_code="486", duration="0", dest_number="+12015550103"),
    cdr_row(
        3, lrn="", customer_duration="", customer_charge="", customer_card_rate="", customer_card_currency="",
        customer_card_dest_code="", provider_charge="", provider_duration="", pdd_out="", ring_duration="",
        sip_code="", duration="", dtmf="", source_ip="", switch="", account="",
    ),
    cdr_row(4, customer_charge="-9999999999.99999999", provider_charge="9007199254.74099301"),
    cdr_row(5, dt="2025-10-31T23:59:59.999+05:30", account="naïve 📞 Ω", switch="süd"),
    cdr_row(6, dest_number="6023456789", customer_card_dest_code="60", dest_cli="anonymous", lrn="0"),
    cdr_row(7, dest_number="6023456789", sip_code="", duration="0.001"),
    cdr_row(8, branch_idx="255", pdd_out="4294967295", duration="86400.001", sip_code="65535"),
    cdr_row(9, account="back\\slash", release_reason="tab\there", dtmf="007", tech_prefix="NULL"),
]  # fmt: skip


def stored(row: Row) -> dict[str, Any]:
    """What a row is in the store, by a calculation of its own."""
    values: dict[str, Any] = {name: row.get(name, "").strip(" \t\r\n") for name in COLUMNS}
    utc = moment(values["dt"])
    values["dt"] = utc.replace(microsecond=utc.microsecond // 1000 * 1000)
    values |= {name: Decimal(values[name] or 0) for name in (*MONEY, *SECONDS)}
    status = int(values["sip_code"] or 0)
    values |= {"branch_idx": int(values["branch_idx"]), "sip_code": status, "sign": 1}
    values["pdd_out"] = int(values["pdd_out"]) if values["pdd_out"] else None
    values["answered"] = 200 <= status <= 299 if status else values["duration"] > 0
    foreign = len(values["dest_number"]) == 10 and values["customer_card_dest_code"][:1] not in ("", "1")
    values["dest_nanp"] = 0 if foreign else nanp(values["dest_number"])
    values["lrn_nanp"], values["cli_nanp"] = nanp(values["lrn"]), nanp(values["dest_cli"])
    return UNTOLD | values


def nanp(number: str) -> int:
    found = NANP.fullmatch(number)
    return int(found.group(1)) if found else 0


def by_key(rows: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(rows, key=lambda row: (row["switch"], row["callid"], row["branch_idx"], row["dt"]))


def as_csv(rows: Iterable[Row], columns: Sequence[str] = COLUMNS, quote_all: bool = False) -> bytes:
    lines = [columns, *([row[name] for name in columns] for row in rows)]
    return "".join(csv_line(cells, quote_all) for cells in lines).encode()


def as_json(rows: Iterable[Row]) -> bytes:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode()


def as_json_numbers(rows: Iterable[Row]) -> bytes:
    """JSON lines with numbers as numbers, and null for nothing."""

    def value(name: str, text: str) -> str:
        return text if text and name in (*MONEY, *SECONDS, *WHOLE) else json.dumps(text or None)

    lines = [", ".join(f'"{name}": {value(name, text)}' for name, text in row.items()) for row in rows]
    return "".join("{" + line + "}\r\n" for line in lines).encode()


def as_parquet(rows: list[Row], **columns: pyarrow.Array) -> bytes:
    """Parquet, all text but for `columns`."""
    text = {name: pyarrow.array([row[name] for row in rows]) for name in rows[0]}
    sink = io.BytesIO()
    pyarrow.parquet.write_table(pyarrow.table(text | columns), sink)
    return sink.getvalue()


def as_typed_parquet(rows: list[Row]) -> bytes:
    def typed(name: str, kind: pyarrow.DataType, convert: Callable[[str], Any]) -> pyarrow.Array:
        return pyarrow.array([convert(row[name]) if row[name] else None for row in rows], kind)

    moments = [datetime.fromisoformat(row["dt"]) for row in rows]
    zoned = [moment if moment.tzinfo else moment.replace(tzinfo=UTC) for moment in moments]
    return as_parquet(
        rows,
        dt=pyarrow.array(zoned, pyarrow.timestamp("us", "Asia/Kolkata")),
        account=pyarrow.array([row["account"] for row in rows]).dictionary_encode(),
        **{name: typed(name, pyarrow.decimal128(18, 8), Decimal) for name in MONEY},
        **{name: typed(name, pyarrow.float64(), float) for name in SECONDS},
        **{name: typed(name, pyarrow.int64(), int) for name in WHOLE},
    )


def as_values(rows: list[Row], **columns: pyarrow.Array) -> bytes:
    """Parquet in which all that is no text is a value."""

    def values(convert: Callable[[str], Any], **kinds: pyarrow.DataType) -> dict[str, pyarrow.Array]:
        cells = {name: [convert(row[name]) if row[name] else None for row in rows] for name in kinds}
        return {name: pyarrow.array(cells[name], kind) for name, kind in kinds.items()}

    return as_parquet(
        rows,
        **values(moment, dt=pyarrow.timestamp("us")),
        **values(Decimal, **dict.fromkeys(MONEY, pyarrow.decimal128(18, 8))),
        **values(Decimal, **dict.fromkeys(SECONDS, pyarrow.decimal128(12, 3))),
        **values(int, branch_idx=pyarrow.int32(), pdd_out=pyarrow.int64(), sip_code=pyarrow.int32()),
        **columns,
    )


def moment(text: str) -> datetime:
    """As UTC, without a zone."""
    read = datetime.fromisoformat(text)
    return read.astimezone(UTC).replace(tzinfo=None) if read.tzinfo else read


def zstd(content: bytes) -> bytes:
    packed: bytes = pyarrow.compress(content, codec="zstd", asbytes=True)
    return packed


FORMATS: dict[str, Callable[[list[Row]], bytes]] = {
    "cdrs.csv": as_csv,
    "quoted.csv": lambda rows: as_csv(rows, quote_all=True),
    "cdrs.csv.gz": lambda rows: gzip.compress(as_csv(rows)),
    "cdrs.csv.zst": lambda rows: zstd(as_csv(rows)),
    "in-two-parts.csv.gz": lambda rows: gzip.compress(as_csv(rows)[:999]) + gzip.compress(as_csv(rows)[999:]),
    "in-two-parts.csv.zst": lambda rows: zstd(as_csv(rows)[:999]) + zstd(as_csv(rows)[999:]),
    "cdrs.jsonl": as_json,
    "numbers.jsonl": as_json_numbers,
    "cdrs.jsonl.gz": lambda rows: gzip.compress(as_json(rows)),
    "cdrs.parquet": as_parquet,
    "typed.parquet": as_typed_parquet,
    "values.parquet": as_values,
    "typed.parquet.zst": lambda rows: zstd(as_typed_parquet(rows)),
}


class Store:
    """A store with nothing in it, and a folder for files to load."""

    def __init__(self, backend: EmbeddedBackend, folder: Path) -> None:
        self.backend = backend
        self.folder = folder
        self.command("TRUNCATE TABLE cdr", "TRUNCATE TABLE did", "TRUNCATE TABLE numbering")

    def load(self, content: bytes, name: str = "cdrs.csv") -> LoadCounts:
        """Load a CDR file of this content."""
        path = self.folder / name
        path.write_bytes(content)
        return asyncio.run(load_cdrs(self.backend, str(path), nothing))

    def refused(self, content: bytes, name: str = "cdrs.csv") -> str:
        """Why a file was refused, which must leave nothing behind."""
        with pytest.raises(LoadError) as error:
            self.load(content, name)
        assert self.count() == 0
        return str(error.value)

    def query(self, sql: str) -> list[Any]:
        async def rows() -> list[Any]:
            async with self.backend.session() as session:
                return list(await session.query(Statement(sql)))

        return asyncio.run(rows())

    def command(self, *statements: str) -> None:
        async def run() -> None:
            async with self.backend.session() as session:
                for sql in statements:
                    await session.command(Statement(sql))

        asyncio.run(run())

    def rows(self) -> list[dict[str, Any]]:
        """All rows with all columns but the time of loading, by key."""
        found = self.query(f"SELECT {', '.join(STORED)} FROM cdr")
        return by_key(dict(zip(STORED, row, strict=True)) for row in found)

    def column(self, name: str) -> dict[str, Any]:
        """The values of one column by callid."""
        return dict(self.query(f"SELECT callid, {name} FROM cdr"))

    def count(self) -> int:
        [[count]] = self.query("SELECT count() FROM cdr")
        return int(count)

    def rejects(self, name: str = "cdrs.csv") -> list[Reject]:
        path = self.folder / f"{name}.rejects.csv"
        if not path.exists():
            return []
        with path.open(encoding="utf-8", errors="surrogateescape", newline="") as file:
            header, *rows = csv.reader(file)
        assert header == ["line", "reason", "row"]
        return [(int(line), reason, row) for line, reason, row in rows]

    def report(self, type: str, customer: str = "5001", **parameters: Any) -> list[dict[str, Any]]:
        """All rows of a report for staff over 2020 to 2030."""
        registered = REGISTRY[type]
        start, end = datetime(2020, 1, 1, tzinfo=UTC), datetime(2030, 1, 1, tzinfo=UTC)
        given = validated(registered, parameters)
        request = ReportRequest(registered, Customers.of(customer), start, end, given, CountingBasis.CALL, staff=True)
        answer = ReportAnswer(request, self.backend).rows(Selection.all(request.columns))
        rows: list[dict[str, Any]] = orjson.loads(asyncio.run(answer))
        return rows


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cdrs") / "store"


@pytest.fixture
def store(engine: Engine, home: Path, tmp_path: Path) -> Store:
    return Store(engine.open(home), tmp_path)


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_stores_the_same(store: Store, name: str) -> None:
    assert store.load(FORMATS[name](VARIED), name) == LoadCounts(added=len(VARIED))
    assert store.rows() == by_key(map(stored, VARIED))
    assert store.rejects(name) == []


@pytest.mark.parametrize("name", ["cdrs.csv.gz", "cdrs.jsonl", "typed.parquet"])
def test_standard_input(store: Store, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.chdir(store.folder)
    content = FORMATS[name]([*VARIED, cdr_row(99, customer_id="")])
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))
    loaded = asyncio.run(load_cdrs(store.backend, "-", nothing))
    assert loaded == LoadCounts(added=len(VARIED), rejected=1)
    assert store.rows() == by_key(map(stored, VARIED))
    assert [reason for _, reason, _ in store.rejects("stdin")] == ["no customer_id"]


@pytest.mark.parametrize(
    "spelled",
    [
        pytest.param(lambda text: text, id="CRLF"),
        pytest.param(lambda text: text.replace(b"\r\n", b"\n"), id="LF"),
        pytest.param(lambda text: text.rstrip(), id="no line break at the end"),
        pytest.param(lambda text: b"\xef\xbb\xbf" + text, id="BOM"),
        pytest.param(lambda text: text.replace(b"\r\n", b"\r\n\r\n\n") + b"\r\n \r\n", id="blank lines"),
    ],
)
def test_line_ends(store: Store, spelled: Callable[[bytes], bytes]) -> None:
    rows = [cdr_row(number, account=f"5001-{number}") for number in range(5)]
    assert store.load(spelled(as_csv(rows))) == LoadCounts(added=5)
    assert store.rows() == by_key(map(stored, rows))


def test_bom_and_blank_lines_in_json_lines(store: Store) -> None:
    content = b"\xef\xbb\xbf" + as_json(VARIED).replace(b"\n", b"\n\r\n\n")
    assert store.load(content, "cdrs.jsonl") == LoadCounts(added=len(VARIED))
    assert store.rows() == by_key(map(stored, VARIED))


def test_columns_in_any_order_and_unknown_ones(store: Store) -> None:
    columns = ["notes", *reversed(COLUMNS), "more, notes"]
    columns.insert(9, "x y")
    notes = {"notes": 'a "b", c\r\nd', "x y": "7", "more, notes": "é"}
    rows = [row | notes for row in VARIED]
    assert store.load(as_csv(rows, columns)) == LoadCounts(added=len(rows))
    assert store.rows() == by_key(map(stored, VARIED))
    assert store.load(as_json(rows), "more.jsonl") == LoadCounts(there_before=len(rows))
    assert store.load(as_parquet(rows), "more.parquet") == LoadCounts(there_before=len(rows))


def test_an_unknown_column_of_parquet_may_be_of_any_type(store: Store) -> None:
    tags = pyarrow.array([["a", "b"]] * len(VARIED))
    assert store.load(as_parquet(VARIED, tags=tags), "nested.parquet") == LoadCounts(added=len(VARIED))
    assert store.rows() == by_key(map(stored, VARIED))


def test_columns_that_may_be_missing(store: Store) -> None:
    assert store.load(as_csv(VARIED, REQUIRED)) == LoadCounts(added=len(VARIED))
    assert store.rows() == by_key(stored({name: row[name] for name in REQUIRED}) for row in VARIED)


def test_a_column_that_the_first_object_lacks(store: Store) -> None:
    first = {name: text for name, text in cdr_row(0).items() if name != "source_ip"}
    assert store.load(as_json([first, cdr_row(1)]), "cdrs.jsonl") == LoadCounts(added=2)
    assert store.column("source_ip") == {"call-0": "", "call-1": TYPICAL["source_ip"]}


def mixed_rows(count: int) -> tuple[list[Row], list[str], list[Reject]]:
    """Good rows with line breaks in quotes, bad ones and blank lines between; the lines of their file; the rejects."""
    good, lines, rejects, line = [], [HEADER], list[Reject](), 2
    for number in range(count):
        row = cdr_row(number, account=("plain", "two\r\nlines", 'a\nb\nc, "d"', "\n")[number % 4])
        if number % 7 == 3:
            row |= {"dt": "never", "sip_reason": "Moved\nTemporarily"}
            rejects.append((line, "bad time in dt", cdr_line(row).rstrip()))
        else:
            good.append(row)
        lines.append(cdr_line(row) + ("\r\n" if number % 5 == 4 else ""))
        line += lines[-1].count("\n")
    return good, lines, rejects


@pytest.mark.parametrize("size", [700, formats.CHUNK_BYTES])
def test_chunks_end_between_rows(store: Store, monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    good, lines, rejects = mixed_rows(35)
    monkeypatch.setattr(formats, "CHUNK_BYTES", size)
    assert store.load("".join(lines).encode()) == LoadCounts(added=len(good), rejected=len(rejects))
    assert store.rows() == by_key(map(stored, good))
    assert store.rejects() == rejects


@pytest.mark.parametrize("size", [2000, formats.CHUNK_BYTES])
def test_chunks_of_json_lines(store: Store, monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    good, _, _ = mixed_rows(30)
    lines = as_json(good).decode().splitlines(keepends=True)
    bad = json.dumps(cdr_row(99, branch_idx="x"))
    for place, text in ((20, "{}"), (15, "not JSON"), (10, bad), (5, "[1]"), (5, "")):
        lines.insert(place, text + "\n")
    monkeypatch.setattr(formats, "CHUNK_BYTES", size)
    assert store.load("".join(lines).encode(), "cdrs.jsonl") == LoadCounts(added=len(good), rejected=4)
    assert store.rows() == by_key(map(stored, good))
    assert sorted(store.rejects("cdrs.jsonl")) == [
        (7, "no JSON object", "[1]"),
        (13, "bad number in branch_idx", bad),
        (19, "no JSON object", "not JSON"),
        (25, "no customer_id", "{}"),
    ]


@pytest.mark.parametrize("rows_each", [8, formats.CHUNK_ROWS])
def test_chunks_of_parquet(store: Store, monkeypatch: pytest.MonkeyPatch, rows_each: int) -> None:
    good, _, _ = mixed_rows(30)
    rows = [*good[:9], cdr_row(99, duration="-1"), *good[9:]]
    monkeypatch.setattr(formats, "CHUNK_ROWS", rows_each)
    assert store.load(as_parquet(rows), "cdrs.parquet") == LoadCounts(added=len(good), rejected=1)
    assert store.rows() == by_key(map(stored, good))
    assert [(line, reason) for line, reason, _ in store.rejects("cdrs.parquet")] == [(10, "bad number in duration")]


def test_every_kind_of_bad_row(store: Store) -> None:
    path = store.folder / "cdrs.csv"
    listed = write_rejects(path)
    kept = [(line, column) for line, column in listed if column == "switch"]
    *bad, (cut_short, _) = [each for each in listed if each not in kept]
    total = len(list(csv.reader(io.StringIO(path.read_text("utf-8"), newline="")))) - 1
    loaded = store.load(path.read_bytes())
    assert loaded == LoadCounts(added=total - len(bad) - 1, rejected=len(bad) + 1)
    found = store.rejects()
    assert [(line, reason.split()[-1]) for line, reason, _ in found[:-1]] == bad
    assert all(reason.startswith(("no ", "bad time in ", "bad number in ")) for _, reason, _ in found[:-1])
    assert found[-1][:2] == (cut_short, "fewer cells than the header")
    assert store.count() == loaded.added
    assert len(kept) == store.query("SELECT count() FROM cdr WHERE switch = ''")[0][0]


@pytest.mark.parametrize("more", [",x", ",,x"])
def test_more_cells_than_the_header(store: Store, more: str) -> None:
    bad = cdr_line(cdr_row(1)).rstrip() + more
    content = HEADER + cdr_line(cdr_row(0)) + bad + "\r\n" + cdr_line(cdr_row(2))
    assert store.load(content.encode()) == LoadCounts(added=2, rejected=1)
    assert store.rejects() == [(3, "more cells than the header", bad)]


@pytest.mark.parametrize("first", ["", TYPICAL["dt"]])
@pytest.mark.parametrize("cells", [2, len(COLUMNS) - 1])
def test_fewer_cells_than_the_header(store: Store, first: str, cells: int) -> None:
    bad = ",".join([first, *list(cdr_row(1).values())[1:cells]])
    content = HEADER + cdr_line(cdr_row(0)) + bad + "\r\n" + cdr_line(cdr_row(2))
    assert store.load(content.encode()) == LoadCounts(added=2, rejected=1)
    assert store.rejects() == [(3, "fewer cells than the header", bad)]


def test_fewer_cells_behind_an_unknown_first_column(store: Store) -> None:
    content = as_csv([row | {"id": "7"} for row in VARIED], ["id", *COLUMNS]) + b"8\r\n"
    assert store.load(content) == LoadCounts(added=len(VARIED), rejected=1)


def test_text_behind_a_quoted_cell_is_the_fault_of_its_row_alone(store: Store) -> None:
    bad = cdr_line(cdr_row(1)).replace("call-1", '"call-1"x')
    content = HEADER + cdr_line(cdr_row(0)) + bad + cdr_line(cdr_row(2))
    assert store.load(content.encode()).added >= 2
    assert {"call-0", "call-2"} <= store.column("callid").keys()


def test_quotes_in_an_unquoted_cell(store: Store) -> None:
    row = cdr_row(1, account='5" pipe')
    bare = cdr_line(row).replace('"5"" pipe"', '5" pipe')
    content = HEADER + cdr_line(cdr_row(0)) + bare + cdr_line(cdr_row(2))
    assert store.load(content.encode()) == LoadCounts(added=3)
    assert store.column("account")["call-1"] == '5" pipe'


def test_a_carriage_return_in_quotes_is_no_line(store: Store) -> None:
    bad = cdr_row(2, dt="never")
    content = as_csv([cdr_row(0, account="a\rb"), cdr_row(1, account="c\rd"), bad, cdr_row(3)])
    assert store.load(content) == LoadCounts(added=3, rejected=1)
    assert store.column("account")["call-0"] == "a\rb"
    assert store.rejects() == [(4, "bad time in dt", cdr_line(bad).rstrip())]


def test_bytes_that_are_no_text(store: Store) -> None:
    content = as_csv([cdr_row(0, account="caf?"), cdr_row(1, account="caf?", dt="never")]).replace(b"caf?", b"caf\xe9")
    assert store.load(content) == LoadCounts(rejected=2)
    assert {reason for _, reason, _ in store.rejects()} == {"no UTF-8: name the encoding, such as --encoding latin-1"}
    assert "caf\udce9" in store.rejects()[0][2]


def test_a_bad_row_with_a_very_long_cell(store: Store) -> None:
    content = as_csv([cdr_row(0, account="x" * 200_000, dt="never"), cdr_row(1)])
    assert store.load(content) == LoadCounts(added=1, rejected=1)
    assert [line for line, _, _ in store.rejects()] == [2]


def test_rejects_of_an_earlier_load_go(store: Store) -> None:
    assert store.load(as_csv([cdr_row(0), cdr_row(1, dt="")])) == LoadCounts(added=1, rejected=1)
    assert len(store.rejects()) == 1
    assert store.load(as_csv([cdr_row(0), cdr_row(1)])) == LoadCounts(added=1, there_before=1)
    assert store.rejects() == []


def test_many_rejects(store: Store) -> None:
    rows = [cdr_row(number, dt="" if number % 2 else TYPICAL["dt"]) for number in range(22_000)]
    assert store.load(as_csv(rows)) == LoadCounts(added=11_000, rejected=11_000)
    assert [line for line, _, _ in store.rejects()] == list(range(3, 22_002, 2))


@pytest.mark.parametrize("write", [as_csv, as_json, as_parquet])
def test_a_file_without_columns_is_refused(store: Store, write: Callable[[list[Row]], bytes]) -> None:
    gone = ("customer_id", "dtmf", "provider_charge")
    rows = [{name: text for name, text in row.items() if name not in gone} for row in VARIED]
    content = as_csv(rows, list(rows[0])) if write is as_csv else write(rows)
    why = store.refused(content)
    assert set(re.findall(r"\w+", why)) & set(COLUMNS) == set(gone)
    assert store.rejects() == []


def test_each_column_that_is_needed(store: Store) -> None:
    for name in REQUIRED:
        why = store.refused(as_csv(VARIED, [column for column in COLUMNS if column != name]))
        assert set(re.findall(r"\w+", why)) & set(COLUMNS) == {name}


def test_a_column_twice_is_refused(store: Store) -> None:
    assert "dtmf" in store.refused(as_csv(VARIED, [*COLUMNS, "dtmf"]))


def test_columns_without_a_name_are_unknown_columns(store: Store) -> None:
    assert store.load(as_csv([row | {"": ""} for row in VARIED], [*COLUMNS, "", ""])) == LoadCounts(added=len(VARIED))


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"", id="empty"),
        pytest.param(random.Random(1).randbytes(300_000), id="bytes"),
        pytest.param(b"\r\n" + HEADER.encode(), id="blank first line"),
        pytest.param(b"PAR1" + b"x" * 99, id="broken Parquet"),
        pytest.param(gzip.compress(as_csv(VARIED))[:200], id="cut gzip"),
        pytest.param(b"\x28\xb5\x2f\xfd" + b"x" * 99, id="broken zstd"),
        pytest.param(as_csv([cdr_row(0)]).replace(b"\r\n", b"\r"), id="CR alone"),
    ],
)
def test_what_is_no_cdr_file_is_refused(store: Store, content: bytes) -> None:
    assert store.refused(content)


@pytest.mark.parametrize("name", ["missing.csv", "."])
def test_what_cannot_be_read_is_refused(store: Store, name: str) -> None:
    with pytest.raises(LoadError, match="cannot be read"):
        asyncio.run(load_cdrs(store.backend, str(store.folder / name), nothing))


def test_the_same_file_again_adds_nothing(store: Store) -> None:
    store.load(as_csv(VARIED))
    before = store.rows()
    for name in ("cdrs.csv", "numbers.jsonl", "typed.parquet"):
        assert store.load(FORMATS[name](VARIED), name) == LoadCounts(there_before=len(VARIED))
    assert store.rows() == before


def test_files_that_overlap(store: Store) -> None:
    rows = [cdr_row(n, dt=f"2025-1{n % 3}-0{1 + n % 9} 0{n % 10}:00:00.{n:03}") for n in range(90)]
    assert store.load(as_csv(rows[:60])) == LoadCounts(added=60)
    assert store.load(as_json(rows[30:]), "later.jsonl") == LoadCounts(added=30, there_before=30)
    assert store.load(as_parquet(rows[::-1]), "all.parquet") == LoadCounts(there_before=90)
    assert store.rows() == by_key(map(stored, rows))


def test_what_makes_a_row_another(store: Store) -> None:
    rows = [
        cdr_row(0), cdr_row(0, branch_idx="1"), cdr_row(0, switch="EAST-1"), cdr_row(0, switch=""),
        cdr_row(0, callid="CALL-0"), cdr_row(0, callid="call-0 x"),
    ]  # fmt: skip
    assert store.load(as_csv(rows)) == LoadCounts(added=len(rows))
    assert store.rows() == by_key(map(stored, rows))


@pytest.mark.parametrize("size", [1800, formats.CHUNK_BYTES])
def test_of_rows_with_the_same_key_the_first_counts(store: Store, monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    rows = [cdr_row(number) for number in range(20)]
    again = [row | {"customer_charge": "7", "account": "other"} for row in rows]
    bad_first = [cdr_row(20, dt="never"), cdr_row(20)]
    monkeypatch.setattr(formats, "CHUNK_BYTES", size)
    assert store.load(as_csv([*rows, *again, *bad_first, *again])) == LoadCounts(added=21, repeated=40, rejected=1)
    assert store.rows() == by_key(map(stored, [*rows, cdr_row(20)]))


@pytest.mark.parametrize("size", [1800, formats.CHUNK_BYTES])
def test_a_key_counts_once_also_at_another_time_of_the_day(
    store: Store, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    rows = [cdr_row(number, dt=f"2025-11-{number + 1:02} 06:00:00") for number in range(20)]
    monkeypatch.setattr(formats, "CHUNK_BYTES", size)
    assert store.load(as_csv([*rows, cdr_row(0, dt="2025-11-02 05:59:59")])) == LoadCounts(added=20, repeated=1)
    assert store.rows() == by_key(map(stored, rows))


@pytest.mark.parametrize("size", [1800, formats.CHUNK_BYTES])
def test_a_key_counts_once_also_in_two_months(store: Store, monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    rows = [cdr_row(number, dt=f"2025-11-01 00:00:00.{number:03}") for number in range(20)]
    again = [row | {"dt": "2025-10-31 23:59:59.999", "account": "other"} for row in rows]
    older = [cdr_row(number, dt="2025-10-31 12:00:00") for number in range(20, 25)]
    monkeypatch.setattr(formats, "CHUNK_BYTES", size)
    assert store.load(as_csv([*rows, *older, *again])) == LoadCounts(added=25, repeated=20)
    assert store.rows() == by_key(map(stored, [*rows, *older]))


@pytest.mark.parametrize(
    ("write", "gone", "calls"),
    [
        pytest.param(
            as_csv,
            ("answer_time",),
            (
                ("", "200", "0", True), ("", "299", "0", True), ("", "199", "9", False), ("", "300", "9", False),
                ("", "487", "4.2", False), ("", "2000", "9", False), ("", "0", "0.001", True),
                ("", "", "0.001", True), ("", "", "0.000", False), ("", "", "", False),
            ),
            id="by status",
        ),
        pytest.param(
            as_json,
            ("answer_time", "sip_code"),
            (("", "486", "0.001", True), ("", "200", "0", False), ("", "200", "", False)),
            id="by duration",
        ),
        pytest.param(
            as_parquet,
            (),
            (
                ("2025-11-02 06:00:01", "486", "0", True), ("", "200", "9", False), (" ", "200", "9", False),
                ("2025-11-02T06:00:01.5+01:00", "", "", True),
            ),
            id="by answer time",
        ),
        pytest.param(
            as_csv,
            ("sip_code",),
            (("2025-11-02 06:00:01Z", "", "0", True), ("", "", "9", False)),
            id="by answer time alone",
        ),
    ],
)  # fmt: skip
def test_answered(
    store: Store,
    write: Callable[..., bytes],
    gone: tuple[str, ...],
    calls: tuple[tuple[str, str, str, bool], ...],
) -> None:
    columns = [name for name in (*COLUMNS, "answer_time") if name not in gone]
    rows = [
        cdr_row(number, answer_time=answer_time, sip_code=status, duration=duration)
        for number, (answer_time, status, duration, _) in enumerate(calls)
    ]
    rows = [{name: row[name] for name in columns} for row in rows]
    assert store.load(as_csv(rows, columns) if write is as_csv else write(rows)) == LoadCounts(added=len(rows))
    assert store.column("answered") == {f"call-{number}": call[-1] for number, call in enumerate(calls)}


def test_a_bad_answer_time_is_a_bad_time(store: Store) -> None:
    rows = [cdr_row(0, answer_time="soon"), cdr_row(1, answer_time="2025-11-02 06:00:01")]
    assert store.load(as_csv(rows, [*COLUMNS, "answer_time"])) == LoadCounts(added=1, rejected=1)
    assert [each[:2] for each in store.rejects()] == [(2, "bad time in answer_time")]


def test_values_of_parquet_are_held_to_what_texts_are(store: Store) -> None:
    """The same rows are refused for the same reasons as in CSV."""
    cells = [
        {"dt": "1970-01-01 00:00:00"}, {"dt": "1969-12-31 23:59:59.999999"},
        {"dt": "2100-01-01 00:00:00"}, {"dt": "0001-01-01 00:00:00"}, {"dt": "9999-12-31 23:59:59"}, {"dt": ""},
        {"duration": "-0.001"}, {"ring_duration": "-7"}, {"provider_duration": "31622400"}, {"duration": ""},
        {"branch_idx": "65536"}, {"branch_idx": "-1"}, {"branch_idx": ""}, {"branch_idx": "65535"},
        {"sip_code": "65536"}, {"sip_code": "-200"}, {"sip_code": ""}, {"pdd_out": "-1"}, {"pdd_out": "4294967296"},
        {"customer_charge": "-9999999999.99999999"}, {"provider_charge": ""}, {"customer_id": ""},
    ]  # fmt: skip
    rows = [cdr_row(number, **each) for number, each in enumerate(cells)]
    in_csv = store.load(as_csv(rows), "rows.csv")
    refused = {line - 2: reason for line, reason, _ in store.rejects("rows.csv")}
    assert in_csv == LoadCounts(added=len(rows) - 15, rejected=15)
    store.command("TRUNCATE TABLE cdr")
    assert store.load(as_values(rows), "rows.parquet") == in_csv
    assert {line - 1: reason for line, reason, _ in store.rejects("rows.parquet")} == refused
    assert store.rows() == by_key(stored(row) for number, row in enumerate(rows) if number not in refused)


def test_answer_times_as_values(store: Store) -> None:
    times = [datetime(2025, 11, 2, 6, 0, 1), None, datetime(2100, 1, 1), datetime(1969, 12, 31)]
    rows = [cdr_row(number, sip_code="486" if time else "200") for number, time in enumerate(times)]
    content = as_values(rows, answer_time=pyarrow.array(times, pyarrow.timestamp("ns")))
    assert store.load(content, "rows.parquet") == LoadCounts(added=2, rejected=2)
    assert store.column("answered") == {"call-0": True, "call-1": False}
    refused = [(3, "bad time in answer_time"), (4, "bad time in answer_time")]
    assert [(line, reason) for line, reason, _ in store.rejects("rows.parquet")] == refused


def check_texts(store: Store, column: str, good: dict[str, Any], bad: Iterable[str]) -> None:
    """Load a row for each text; the good ones must have these values, the bad ones must be refused for it."""
    rows = [cdr_row(number, **{column: text}) for number, text in enumerate([*good, *bad])]
    loaded = store.load(as_csv(rows))
    found = store.column(column)
    assert {text: found.get(f"call-{number}") for number, text in enumerate(good)} == good
    refused = range(2 + len(good), 2 + len(rows))
    assert [(line, reason.split()[-1]) for line, reason, _ in store.rejects()] == [(line, column) for line in refused]
    assert loaded == LoadCounts(added=len(good), rejected=len(refused))


@pytest.mark.parametrize("column", ["customer_charge", "provider_charge"])
def test_money_is_exact(store: Store, column: str) -> None:
    texts = (
        "0.00000001", "-0.12345678", "9999999999.99999999", "-9999999999.99999999", "9007199254.74099301",
        "1e-05", "5E-8", "2.5e+1", ".25", "3.", "00.5", "0.50000000000000", "-0", "+.5", "+1", " 1.5 ", "100e-2",
    )  # fmt: skip
    good = {text: Decimal(text.strip()) for text in texts} | {"": Decimal(0), "\\N": Decimal(0)}
    bad = (
        "free", "1,50", "1.2.3", "NaN", "nan", "inf", "-inf", "$1", "--1", "+-1", "1e40", "1e", "e5", ".", "-", "0x10",
        "1 000", "٣", "10000000000", "99999999999", "0.000000001", "1e-9", "1.5 USD", "true",
    )  # fmt: skip
    check_texts(store, column, good, bad)


@pytest.mark.parametrize("column", ["duration", "ring_duration"])
def test_seconds(store: Store, column: str) -> None:
    texts = ("0", "0.001", "59.9", "86400.001", "6", "1e3", ".5", "3.", "31622400")
    good = {text: Decimal(text) for text in texts} | {"": Decimal(0), "\\N": Decimal(0), "1.2349": Decimal("1.234")}
    check_texts(
        store,
        column,
        good,
        ("-1", "-0.001", "n/a", "00:01:30", "nan", "inf", "1,5", "31622400.001", "99999999999999999"),
    )


@pytest.mark.parametrize(
    ("column", "most", "empty"), [("branch_idx", 65535, None), ("sip_code", 65535, 0), ("pdd_out", 4294967295, None)]
)
def test_whole_numbers(store: Store, column: str, most: int, empty: int | None) -> None:
    good: dict[str, int | None] = {"0": 0, "7": 7, "007": 7, str(most): most}
    bad = ["-1", "1.5", str(most + 1), "first", "1e1", "9" * 30]
    if column == "branch_idx":
        bad += ["", "\\N"]
    else:
        good |= {"": empty, "\\N": empty}
    check_texts(store, column, good, bad)


def test_times(store: Store) -> None:
    kolkata, caracas = timezone(timedelta(hours=5, minutes=30)), timezone(timedelta(hours=-4))
    at = datetime(2025, 11, 2, 6, 0, 0, tzinfo=UTC)
    good = {
        "2025-11-02 06:00:00": at,
        "2025-11-02T06:00:00": at,
        "2025-11-02 06:00:00.5": at + timedelta(milliseconds=500),
        "2025-11-02 06:00:00.0009": at,
        "2025-11-02T05:59:59.999999Z": at - timedelta(milliseconds=1),
        "2025-11-02T06:00:00.123456789Z": at + timedelta(milliseconds=123),
        "2025-11-02T06:00:00+05:30": datetime(2025, 11, 2, 6, tzinfo=kolkata),
        "2025-11-02 06:00:00.25+0530": datetime(2025, 11, 2, 6, 0, 0, 250_000, tzinfo=kolkata),
        "2025-11-02 02:00:00-04:00": datetime(2025, 11, 2, 2, tzinfo=caracas),
        " 2025-11-02 06:00:00 ": at,
        "2024-02-29 23:59:59.999": datetime(2024, 2, 29, 23, 59, 59, 999_000, tzinfo=UTC),
        "1970-01-01 00:00:00": datetime(1970, 1, 1, tzinfo=UTC),
    }
    bad = (
        "", "\\N", "yesterday", "2025-13-01 00:00:00", "2025-02-30 10:00:00", "2025-02-29 10:00:00",
        "2025-11-02 24:00:00", "2025-11-02 06:60:00", "2025-11-02 06:00:61", "0000-00-00 00:00:00", "2025-11-02",
        "1761955200", "1761955200000x", "11/02/2025 06:00:00", "2025-11-02 06:00", "2025-11-02 06:00:00 PM",
        "2025-11-02 06:00:00 tomorrow",
    )  # fmt: skip
    check_texts(store, "dt", {text: moment.astimezone(UTC).replace(tzinfo=None) for text, moment in good.items()}, bad)


DRIVER = """
import asyncio
import sys
from pathlib import Path

from gqlreports.backends.embedded.backend import EmbeddedBackend
from gqlreports.store import formats
from gqlreports.store.definition import definition
from gqlreports.store.load_cdrs import load_cdrs


async def main():
    formats.CHUNK_BYTES = int(sys.argv[3])
    backend = EmbeddedBackend(Path(sys.argv[1]), definition())
    await backend.open()
    print("open", flush=True)
    print(await load_cdrs(backend, sys.argv[2], lambda count: None))
    await backend.close()
    print(Path("/proc/self/status").read_text())


asyncio.run(main())
"""


@pytest.fixture
def closed_engine(engine: Engine) -> Iterator[Engine]:
    """For stores that another process opens."""
    engine.close()
    yield engine
    engine.close()


@pytest.mark.processes
def test_a_load_that_is_killed_and_run_again(closed_engine: Engine, tmp_path: Path) -> None:
    rows = [cdr_row(n, dt=f"2025-1{n % 2}-{1 + n % 28:02} 06:00:00.{n % 997:03}") for n in range(1500)]
    bad = cdr_row(9999, dt="never")
    path = tmp_path / "cdrs.csv"
    path.write_bytes(as_csv([bad, *rows]))
    home = tmp_path / "store"
    command = [sys.executable, "-c", DRIVER, str(home), str(path), "1400"]
    for parts in (0, 1, 7, 20):
        assert killed(command, home, 1, parts) == ["open\n"]
    backend = closed_engine.open(home)
    loaded = asyncio.run(load_cdrs(backend, str(path), nothing))
    assert loaded.there_before >= 28
    assert loaded.added > 0
    assert (loaded.added + loaded.there_before, loaded.rejected) == (len(rows), 1)

    async def keys() -> list[Any]:
        async with backend.session() as session:
            return list(await session.query(Statement("SELECT callid, dt, customer_charge, sign FROM cdr")))

    found = sorted(map(tuple, asyncio.run(keys())))
    wanted = [(row["callid"], row["dt"], row["customer_charge"], row["sign"]) for row in map(stored, rows)]
    assert found == sorted(wanted)
    with path.with_name("cdrs.csv.rejects.csv").open(newline="") as file:
        assert [row[:2] for row in csv.reader(file)] == [["line", "reason"], ["2", "bad time in dt"]]


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="peak memory is read from /proc")
@pytest.mark.processes
def test_memory_does_not_grow_with_the_file(closed_engine: Engine, tmp_path: Path) -> None:
    small, large = (peak_of_loading(tmp_path / str(count), count) for count in (25_000, 75_000))
    assert large < small * 1.2, f"{small} kB for 60 MB, {large} kB for 180 MB"


def peak_of_loading(home: Path, rows: int) -> int:
    """The peak of resident memory in kB while a file of so many rows of 2.5 kB is loaded from standard input."""
    line = csv_line([*cdr_row(0, callid="{call}", dt="2025-11-02 06:{minute:02}:00").values(), "x" * 2200])
    command = [sys.executable, "-c", DRIVER, str(home), "-", str(6 << 20)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as loading:
        assert loading.stdin is not None
        assert loading.stdout is not None
        loading.stdin.write(csv_line([*COLUMNS, "notes"]))
        for start in range(0, rows, 1000):
            minute = start * 60 // rows
            loading.stdin.write("".join(line.format(call=n, minute=minute) for n in range(start, start + 1000)))
        loading.stdin.close()
        output = loading.stdout.read()
    assert f"added={rows}, " in output
    [peak] = re.findall(r"VmHWM:\s+(\d+) kB", output)
    return int(peak)

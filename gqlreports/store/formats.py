"""Reads CDR files in chunks of bounded size: CSV, JSON lines and Parquet, plain or compressed."""

import csv
import gzip
import io
import json
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, TypeAlias, cast

import orjson
import pyarrow
import pyarrow.parquet

from gqlreports.errors import LoadError
from gqlreports.store.cdr_columns import EXTRA_CELL

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

CHUNK_BYTES = 64 << 20
CHUNK_ROWS = 400_000
OnRead: TypeAlias = Callable[[int], None]
_BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True)
class Record:
    """A row as it stands in its file: where it begins (line 1 is the first) and its text."""

    line: int
    text: str


@dataclass(frozen=True)
class Chunk:
    """Some rows, printed in ClickHouse's format `form`.  `records` finds them again in the file, in order."""

    data: bytes
    form: str
    records: Callable[[], list[Record]]


@dataclass(frozen=True)
class Source:
    """An opened file: its column names, its rows in chunks, and the lines in which there is no row at all."""

    columns: tuple[str, ...]
    chunks: Iterator[Chunk]
    broken: list[Record]
    omits_cells: bool


@contextmanager
def opened(path: str, on_read: OnRead) -> Iterator[io.BufferedReader]:
    """A file, or standard input for `-`, decompressed where its first bytes say gzip or zstd.

    `on_read` is told how many bytes of the file were read.  Raises LoadError for a file that cannot be read, also
    where that shows later.
    """
    with ExitStack() as stack:
        try:
            raw = cast("BinaryIO", sys.stdin.buffer) if path == "-" else stack.enter_context(Path(path).open("rb"))
            yield _decompressed(io.BufferedReader(_Counted(raw, on_read), 1 << 20))
        except (OSError, EOFError, zstd.ZstdError, pyarrow.ArrowException) as error:
            raise LoadError(f"{path} cannot be read: {error}") from error


@contextmanager
def opened_rows(path: str, on_read: OnRead) -> Iterator[Source]:
    """The rows of a file in chunks; its format is known by its first bytes.  Raises LoadError as `opened` does."""
    with opened(path, on_read) as stream, ExitStack() as stack:
        yield _source(stream, stack)


class _Tabs(csv.excel_tab):
    quoting = csv.QUOTE_NONE


@dataclass(frozen=True)
class Cells:
    """A row of a small table: its cells by column name, trimmed, and where it stands."""

    values: dict[str, str]
    record: Record


def cells(stream: io.BufferedReader) -> tuple[tuple[str, ...], Iterator[Cells]]:
    """The column names and the rows of a CSV file, or of a tab separated one if a tab is in its first line."""
    text = io.TextIOWrapper(stream, "utf-8-sig", errors="replace", newline="")
    first = text.readline()
    tabs = "\t" in first
    dialect = _Tabs if tabs else csv.excel
    names = tuple(name.strip() for name in next(csv.reader([first], dialect), []))
    return names, _cells(text, names, dialect)


def _cells(text: io.TextIOWrapper, names: tuple[str, ...], dialect: type[csv.Dialect]) -> Iterator[Cells]:
    reader = csv.reader(text, dialect)
    line = 2
    for row in reader:
        if any(cell.strip() for cell in row):
            values = dict.fromkeys(names, "") | dict(zip(names, (cell.strip() for cell in row), strict=False))
            yield Cells(values, Record(line, dialect.delimiter.join(row)))
        line = reader.line_num + 2


class _Counted(io.RawIOBase):
    """Passes reads on and says how many bytes they were."""

    def __init__(self, raw: BinaryIO, on_read: Callable[[int], None]) -> None:
        self._raw = raw
        self._on_read = on_read

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "memoryview | bytearray") -> int:  # type: ignore[override]
        data = self._raw.read(len(buffer))
        buffer[: len(data)] = data
        self._on_read(len(data))
        return len(data)


def _decompressed(stream: io.BufferedReader) -> io.BufferedReader:
    start = stream.peek(4)[:4]
    if start.startswith(b"\x1f\x8b"):
        return io.BufferedReader(cast("io.RawIOBase", gzip.GzipFile(fileobj=stream)), 1 << 20)
    if start == b"\x28\xb5\x2f\xfd":
        return io.BufferedReader(cast("io.RawIOBase", zstd.ZstdFile(stream)), 1 << 20)
    return stream


def _source(stream: io.BufferedReader, stack: ExitStack) -> Source:
    start = stream.peek(4)
    if start.startswith(b"PAR1"):
        return _parquet(stream, stack)
    if start.removeprefix(_BOM).lstrip()[:1] == b"{":
        return _json_lines(stream)
    return _csv(stream)


def _csv(stream: io.BufferedReader) -> Source:
    first = stream.readline().removeprefix(_BOM)
    columns = tuple(name.strip() for name in next(csv.reader([first.decode("utf-8", "replace")]), []))
    return Source(columns, _csv_chunks(stream, columns), [], omits_cells=True)


def _csv_chunks(stream: io.BufferedReader, columns: tuple[str, ...]) -> Iterator[Chunk]:
    header = io.StringIO()
    csv.writer(header, lineterminator="\n").writerow((*columns, EXTRA_CELL))
    line = 2
    for body in _blocks(stream):
        yield Chunk(header.getvalue().encode() + body, "CSVWithNames", _csv_records(body, line))
        line += body.count(b"\n")


def _blocks(stream: io.BufferedReader) -> Iterator[bytes]:
    """Blocks of whole rows: a line break within quotes ends no row."""
    rest = b""
    while data := stream.read(CHUNK_BYTES):
        block = rest + data
        end = _last_row_end(block)
        rest = block[end:]
        if end:
            yield block[:end]
    if rest.strip():
        yield rest


def _last_row_end(block: bytes) -> int:
    """Behind the last line break with an even number of quotes before it; behind the last of all if none is."""
    quotes = block.count(b'"')
    last = end = block.rfind(b"\n") + 1
    quotes -= block.count(b'"', end)
    while end and quotes % 2:
        earlier = block.rfind(b"\n", 0, end - 1) + 1
        quotes -= block.count(b'"', earlier, end)
        end = earlier
    return end or last


def _csv_records(body: bytes, first_line: int) -> Callable[[], list[Record]]:
    def records() -> list[Record]:
        text = body.decode("utf-8", "surrogateescape")
        lines = text.split("\n")
        reader = csv.reader(io.StringIO(text, newline=""))
        found, before = [], 0
        for _ in reader:
            record = "\n".join(lines[before : reader.line_num]).rstrip("\r")
            found.append(Record(first_line + before, record))
            before = reader.line_num
        return found

    return records


def _json_lines(stream: io.BufferedReader) -> Source:
    """Objects, one a line; what is no object goes to `broken` while the chunks are read."""
    broken: list[Record] = []
    first = _object(stream.peek(1 << 20).removeprefix(_BOM).lstrip().split(b"\n", 1)[0])
    if first is None:
        raise LoadError("the first line is no JSON object; give JSON lines, one object a line")
    return Source(tuple(first), _json_chunks(stream, broken), broken, omits_cells=False)


def _json_chunks(stream: io.BufferedReader, broken: list[Record]) -> Iterator[Chunk]:
    good: list[Record] = []
    size = 0
    for number, raw in enumerate(stream, 1):
        text = raw.removeprefix(_BOM).strip()
        if not text:
            continue
        record = Record(number, text.decode("utf-8", "surrogateescape"))
        if _object(text) is None:
            broken.append(record)
            continue
        good.append(record)
        size += len(text)
        if size > CHUNK_BYTES or len(good) >= CHUNK_ROWS:
            yield _json_chunk(good)
            good, size = [], 0
    if good:
        yield _json_chunk(good)


def _json_chunk(records: list[Record]) -> Chunk:
    data = "\n".join(record.text for record in records).encode("utf-8", "surrogateescape")
    return Chunk(data, "JSONEachRow", lambda: records)


def _object(text: bytes) -> dict[str, object] | None:
    """A JSON object, or None for anything else."""
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError:
        return None
    return value if isinstance(value, dict) else None


def _parquet(stream: io.BufferedReader, stack: ExitStack) -> Source:
    """Parquet is read from its end, so what cannot be sought in is kept in a temporary file first."""
    file = stack.enter_context(tempfile.TemporaryFile())  # noqa: SIM115
    while data := stream.read(1 << 20):
        file.write(data)
    reader = pyarrow.parquet.ParquetFile(file)
    columns = tuple(name.strip() for name in reader.schema_arrow.names)
    return Source(columns, _parquet_chunks(reader, columns), [], omits_cells=False)


def _parquet_chunks(reader: pyarrow.parquet.ParquetFile, columns: tuple[str, ...]) -> Iterator[Chunk]:
    row = 1
    for batch in reader.iter_batches(CHUNK_ROWS // 4):
        text = pyarrow.table([_as_text(column) for column in batch.columns], names=list(columns))
        sink = io.BytesIO()
        with pyarrow.ipc.new_stream(sink, text.schema) as writer:
            writer.write_table(text)
        yield Chunk(sink.getvalue(), "ArrowStream", _parquet_records(text, row))
        row += len(batch)


def _as_text(column: pyarrow.Array) -> pyarrow.Array:
    """A column as text; a moment with a zone is told in UTC, which is what one without a zone means."""
    if pyarrow.types.is_timestamp(column.type):
        column = column.cast(pyarrow.timestamp(column.type.unit))
    return column.cast(pyarrow.string()).fill_null("")


def _parquet_records(table: pyarrow.Table, first_row: int) -> Callable[[], list[Record]]:
    return lambda: [Record(first_row + index, json.dumps(row)) for index, row in enumerate(table.to_pylist())]

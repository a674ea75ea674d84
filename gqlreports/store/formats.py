"""Reads CDR files in chunks of bounded size: CSV, JSON lines and Parquet, plain or compressed."""

import csv
import io
import json
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

import orjson
import pyarrow
import pyarrow.parquet

from gqlreports.errors import LoadError
from gqlreports.store.cdr_columns import EXTRA_CELL
from gqlreports.store.cells import Record
from gqlreports.store.files import BOM, OnRead, opened

CHUNK_BYTES = 64 << 20
CHUNK_ROWS = 400_000


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
def opened_rows(path: str, on_read: OnRead) -> Iterator[Source]:
    """The rows of a file in chunks; its format is known by its first bytes.  Raises LoadError as `opened` does."""
    with opened(path, on_read) as stream, ExitStack() as stack:
        yield _source(stream, stack)


def _source(stream: io.BufferedReader, stack: ExitStack) -> Source:
    start = stream.peek(4)
    if start.startswith(b"PAR1"):
        return _parquet(stream, stack)
    if start.removeprefix(BOM).lstrip()[:1] == b"{":
        return _json_lines(stream)
    return _csv(stream)


def _csv(stream: io.BufferedReader) -> Source:
    first = stream.readline().removeprefix(BOM)
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
    first = _object(stream.peek(1 << 20).removeprefix(BOM).lstrip().split(b"\n", 1)[0])
    if first is None:
        raise LoadError("the first line is no JSON object; give JSON lines, one object a line")
    return Source(tuple(first), _json_chunks(stream, broken), broken, omits_cells=False)


def _json_chunks(stream: io.BufferedReader, broken: list[Record]) -> Iterator[Chunk]:
    good: list[Record] = []
    size = 0
    for number, raw in enumerate(stream, 1):
        text = raw.removeprefix(BOM).strip()
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

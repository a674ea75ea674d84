"""Reads CDR files in chunks of bounded size: CSV, JSON lines and Parquet, plain or compressed."""

import csv
import io
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

import orjson

from gqlreports.errors import LoadError
from gqlreports.extras import needed
from gqlreports.store.files import BOM, Chunk, FileRecord, OnRead, OpenFile, opened
from gqlreports.store.layout import EXTRA_CELLS, cell_name

CHUNK_BYTES = 64 << 20
CHUNK_ROWS = 400_000


@contextmanager
def opened_rows(path: str, on_read: OnRead) -> Iterator[OpenFile]:
    """The rows of a file in chunks.  The file's first bytes determine its format.

    Raises LoadError as `opened` does, and NotInstalled for a Parquet file if the packages for it are missing.
    """
    with opened(path, on_read) as stream, ExitStack() as stack:
        try:
            source = _source(stream, stack)
        except LoadError as error:
            raise LoadError(f"{path}: {error}; nothing was loaded.") from error
        yield source


def _source(stream: io.BufferedReader, stack: ExitStack) -> OpenFile:
    start = stream.peek(4)
    if start.startswith(b"PAR1"):
        with needed("files", "Parquet files need"):
            from gqlreports.store.parquet import parquet_source
        return parquet_source(stream, stack, CHUNK_ROWS // 2)
    first = start.removeprefix(BOM).lstrip()[:1]
    if first == b"[":
        raise LoadError("this is a JSON array; give JSON lines, one object a line")
    if first == b"{":
        return _json_lines(stream)
    return _csv(stream)


def _csv(stream: io.BufferedReader) -> OpenFile:
    first = stream.readline().removeprefix(BOM)
    columns = tuple(name.strip() for name in next(csv.reader([first.decode("utf-8", "replace")]), []))
    return OpenFile(columns, _csv_chunks(stream, columns), csv=True)


def _csv_chunks(stream: io.BufferedReader, columns: tuple[str, ...]) -> Iterator[Chunk]:
    names = [cell_name(place, name) for place, name in enumerate(columns)]
    header = ",".join([*names, *EXTRA_CELLS]).encode() + b"\n"
    line = 2
    for body in _blocks(stream):
        rows = _CsvRows(body, line)
        yield Chunk(header + body, "CSVWithNames", rows.records, lambda rows=rows: header + rows.rewritten())  # type: ignore[misc]
        line += body.count(b"\n")


@dataclass(frozen=True)
class _CsvRows:
    """The rows of a block as Python's reader finds them; it accepts any text."""

    body: bytes
    first_line: int

    def records(self) -> Iterator[FileRecord]:
        return (record for record, _ in self._rows())

    def rewritten(self) -> bytes:
        """The rows printed again, with all cells in quotes."""
        text = io.StringIO()
        csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\n").writerows(cells for _, cells in self._rows())
        return text.getvalue().encode("utf-8", "surrogateescape")

    def _rows(self) -> Iterator[tuple[FileRecord, list[str]]]:
        lines = self.body.decode("utf-8", "surrogateescape").split("\n")
        limit = csv.field_size_limit(max(len(self.body), csv.field_size_limit()))
        try:
            reader = csv.reader(f"{line}\n" for line in lines)
            before = 0
            for cells in reader:
                text = "\n".join(lines[before : reader.line_num]).rstrip("\r")
                yield FileRecord(self.first_line + before, text), cells
                before = reader.line_num
        finally:
            csv.field_size_limit(limit)


def _blocks(stream: io.BufferedReader) -> Iterator[bytes]:
    """Blocks of complete rows.  A line break within quotes does not end a row."""
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
    """The position after the last line break outside quotes, or after the last line break if there is none.

    A line break is outside quotes if the number of quotes before it is even.
    """
    quotes = block.count(b'"')
    last = end = block.rfind(b"\n") + 1
    quotes -= block.count(b'"', end)
    while end and quotes % 2:
        earlier = block.rfind(b"\n", 0, end - 1) + 1
        quotes -= block.count(b'"', earlier, end)
        end = earlier
    return end or last


def _json_lines(stream: io.BufferedReader) -> OpenFile:
    """A file with one object on each line.  Some objects may lack some of the columns."""
    start = stream.peek(1 << 20).removeprefix(BOM).lstrip()
    lines = start.split(b"\n")
    objects = [found for found in map(_object, lines) if found is not None]
    if not objects:
        raise LoadError("the first line is no JSON object; give JSON lines, one object a line")
    return OpenFile(tuple(dict.fromkeys(name for each in objects for name in each)), _json_chunks(stream), csv=False)


def _json_chunks(stream: io.BufferedReader) -> Iterator[Chunk]:
    good: list[FileRecord] = []
    broken: list[FileRecord] = []
    size = 0
    for number, raw in enumerate(stream, 1):
        text = raw.removeprefix(BOM).strip()
        if not text:
            continue
        (good if _object(text) is not None else broken).append(
            FileRecord(number, text.decode("utf-8", "surrogateescape"))
        )
        size += len(text)
        if size > CHUNK_BYTES or len(good) + len(broken) >= CHUNK_ROWS:
            yield _json_chunk(good, broken)
            good, broken, size = [], [], 0
    yield _json_chunk(good, broken)


def _json_chunk(good: list[FileRecord], broken: list[FileRecord]) -> Chunk:
    data = "\n".join(record.text for record in good).encode("utf-8", "surrogateescape")
    return Chunk(data, "JSONEachRow", lambda: good, broken=broken)


def _object(text: bytes) -> dict[str, object] | None:
    """A JSON object, or None for anything else."""
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError:
        return None
    return value if isinstance(value, dict) else None

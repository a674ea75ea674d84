"""Files as the loaders see them: bytes with progress, rows of small tables, chunks of CDRs, and rejected rows."""

import codecs
import csv
import gzip
import io
import shutil
import sys
import tarfile
import tempfile
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, Protocol, TypeAlias, cast

from gqlreports.errors import LoadError


@dataclass(frozen=True)
class FileRecord:
    """A row as it stands in its file: the line on which it begins (the first line is 1), and its text."""

    line: int
    text: str


class _Tabs(csv.excel_tab):
    quoting = csv.QUOTE_NONE


@dataclass(frozen=True)
class FileRow:
    """A row of a small table: its trimmed cells by column name, its place in the file, and how many cells it lacks."""

    values: dict[str, str]
    record: FileRecord
    missing: int


def file_rows(stream: io.BufferedReader) -> tuple[tuple[str, ...], Iterator[FileRow]]:
    """The column names and the rows of a CSV file, or of a tab-separated file if its first line contains a tab."""
    text = io.TextIOWrapper(stream, "utf-8-sig", newline="")
    first = text.readline()
    tabs = "\t" in first
    dialect = _Tabs if tabs else csv.excel
    names = tuple(name.strip() for name in next(csv.reader([first], dialect), []))
    return names, _file_rows(text, names, dialect)


def _file_rows(text: io.TextIOWrapper, names: tuple[str, ...], dialect: type[csv.Dialect]) -> Iterator[FileRow]:
    reader = csv.reader(text, dialect)
    line = 2
    for row in reader:
        if any(cell.strip() for cell in row):
            values = dict.fromkeys(names, "") | dict(zip(names, (cell.strip() for cell in row), strict=False))
            yield FileRow(values, FileRecord(line, dialect.delimiter.join(row)), len(names) - len(row))
        line = reader.line_num + 2


@dataclass(frozen=True)
class Chunk:
    """Some rows, printed in ClickHouse's format `form`.

    `records` returns the same rows as they stand in the file, in order.  `rewritten` prints them again, cell by cell,
    for data that ClickHouse cannot read but a more lenient reader can.  `broken` are the records among them that cannot
    be read, and why.  Besides, `left_out` records are no calls, and `joined` ones are the later halves of calls.
    """

    data: bytes
    form: str
    records: Callable[[], Iterable[FileRecord]]
    rewritten: Callable[[], bytes] | None = None
    broken: Sequence[tuple[FileRecord, str]] = ()
    left_out: int = 0
    joined: int = 0
    names: tuple[str, ...] = ()
    """The columns of the file so far, if they are more than the beginning of the file had."""


@dataclass(frozen=True)
class OpenFile:
    """An open file: its column names, and its rows in chunks.

    In a CSV file a row may have fewer or more cells than there are columns, and `cell_name` names its columns.  The
    columns in `values` come as typed values, all others as text.
    """

    columns: tuple[str, ...]
    chunks: Iterator[Chunk]
    csv: bool
    values: frozenset[str] = frozenset()


if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

OnRead: TypeAlias = Callable[[int], None]
_UNREADABLE = (
    OSError,
    EOFError,
    UnicodeError,
    zlib.error,
    csv.Error,
    zstd.ZstdError,
    zipfile.BadZipFile,
    tarfile.TarError,
)
BOM = b"\xef\xbb\xbf"


@contextmanager
def opened(path: str, on_read: OnRead) -> Iterator[io.BufferedReader]:
    """Open a file, or standard input for `-`, and decompress it if its first bytes are those of gzip or zstd.

    `on_read` is called with the number of bytes at each read of the file.  Raises LoadError for a file that cannot be
    read, even if that shows only later.
    """
    with reading(path), ExitStack() as stack:
        raw = cast("BinaryIO", sys.stdin.buffer) if path == "-" else stack.enter_context(Path(path).open("rb"))
        yield decompressed(io.BufferedReader(_Counted(raw, on_read), 1 << 20))


@contextmanager
def reading(label: str) -> Iterator[None]:
    """Raise LoadError for whatever shows while one reads that cannot be read."""
    try:
        yield
    except _UNREADABLE as error:
        raise LoadError(f"{label} cannot be read: {error}") from error


class _Counted(io.RawIOBase):
    """Passes reads on to `raw`, and reports how many bytes each one returned."""

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


def decompressed(stream: io.BufferedReader) -> io.BufferedReader:
    """The content of a stream, whose first bytes tell whether it is in gzip or zstd."""
    start = stream.peek(4)[:4]
    if start.startswith(b"\x1f\x8b"):
        return io.BufferedReader(cast("io.RawIOBase", gzip.GzipFile(fileobj=stream, mode="rb")), 1 << 20)
    if start == b"\x28\xb5\x2f\xfd":
        return io.BufferedReader(cast("io.RawIOBase", zstd.ZstdFile(stream)), 1 << 20)
    return stream


_UTF16 = (b"\xff\xfe", b"\xfe\xff")


def recoded(stream: io.BufferedReader, encoding: str | None) -> io.BufferedReader:
    """The text of a stream in UTF-8.  UTF-16 is known by its first bytes; without an encoding all else is UTF-8."""
    if encoding is None and stream.peek(2)[:2] in _UTF16:
        encoding = "utf-16"
    if encoding is None or codecs.lookup(encoding).name == "utf-8":
        return stream
    return io.BufferedReader(cast("io.RawIOBase", _Recoded(stream, encoding)), 1 << 20)


def filled(stream: io.BufferedReader, size: int) -> io.BufferedReader:
    """A stream that can be looked into for `size` bytes, also where a pipe brings them in pieces."""
    return io.BufferedReader(cast("io.RawIOBase", _Begun(stream.read(size), stream)), max(size, 1 << 20))


class _Begun(io.RawIOBase):
    """Gives bytes that were read already, and then the rest of a stream."""

    def __init__(self, start: bytes, stream: io.BufferedReader) -> None:
        self._start, self._stream = start, stream

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "memoryview | bytearray") -> int:  # type: ignore[override]
        if not self._start:
            return self._stream.readinto(buffer)
        size = min(len(buffer), len(self._start))
        buffer[:size], self._start = self._start[:size], self._start[size:]
        return size


class _Recoded(io.RawIOBase):
    """Reads text in an encoding, and gives it in UTF-8."""

    def __init__(self, stream: io.BufferedReader, encoding: str) -> None:
        self._stream, self._decoder = stream, codecs.getincrementaldecoder(encoding)()
        self._encoding, self._rest = encoding, b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "memoryview | bytearray") -> int:  # type: ignore[override]
        while not self._rest:
            data = self._stream.read(1 << 18)
            try:
                self._rest = self._decoder.decode(data, not data).encode()
            except UnicodeError as error:
                raise LoadError(f"it is not in the encoding {self._encoding}: {error}") from error
            if not data:
                break
        size = min(len(buffer), len(self._rest))
        buffer[:size], self._rest = self._rest[:size], self._rest[size:]
        return size


@contextmanager
def opened_members(path: str, on_read: OnRead) -> Iterator[Iterator[tuple[str, io.BufferedReader]]]:
    """The files in a zip or tar archive, each with its own name; any other file is the only one, without a name.

    Raises LoadError as `opened` does.
    """
    with opened(path, on_read) as stream, ExitStack() as stack:
        try:
            yield _members(stream, stack)
        except LoadError as error:
            raise LoadError(about(path, str(error))) from error


def about(path: str, message: str) -> str:
    """A message about a file, with its name."""
    named = path.removesuffix(".") in message
    return message if named else f"{path}: {message.rstrip('.')}; nothing was loaded."


def _members(stream: io.BufferedReader, stack: ExitStack) -> Iterator[tuple[str, io.BufferedReader]]:
    start = stream.peek(512)[:512]
    if start.startswith(b"PK\x03\x04"):
        # The list of a zip archive is at its end, and the stream may not be seekable.
        file = stack.enter_context(tempfile.TemporaryFile())  # noqa: SIM115
        shutil.copyfileobj(stream, file, 1 << 20)
        archive = stack.enter_context(zipfile.ZipFile(file))
        names = [each.filename for each in archive.infolist() if not each.is_dir()]
        if any(each.flag_bits & 1 for each in archive.infolist()):
            raise LoadError("it is a zip archive with a password; unpack it first")
        if "[Content_Types].xml" in names:
            raise LoadError("it is an Excel workbook; save the sheet as CSV UTF-8")
        for name in names:
            with archive.open(name) as member:
                yield name, decompressed(io.BufferedReader(cast("io.RawIOBase", member), 1 << 20))
    elif start[257:262] == b"ustar":
        with tarfile.open(fileobj=stream, mode="r|") as tar:
            for each in tar:
                if each.isfile() and (content := tar.extractfile(each)) is not None:
                    yield each.name, decompressed(io.BufferedReader(cast("io.RawIOBase", content), 1 << 20))
    else:
        yield "", stream


class RejectSink(Protocol):
    """Takes rejected rows, and counts them and their reasons."""

    count: int
    reasons: Counter[str]

    def add(self, record: FileRecord, reason: str) -> None: ...


_HELD = 10_000


@dataclass
class Rejects:
    """Collects rejected rows and writes them to `target`, which is created with the first of them."""

    target: Path
    count: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    _rows: list[tuple[int, str, str]] = field(default_factory=list)

    def add(self, record: FileRecord, reason: str) -> None:
        self.count += 1
        self.reasons[reason] += 1
        self._rows.append((record.line, reason, record.text))
        if len(self._rows) >= _HELD:
            self.write()

    def write(self) -> None:
        if not self._rows:
            return
        try:
            self._append()
        except OSError as error:
            raise LoadError(f"Rejected rows cannot be written to {self.target}: {error.strerror}.") from error
        self._rows.clear()

    def _append(self) -> None:
        new = not self.target.exists()
        with self.target.open("a", encoding="utf-8", errors="surrogateescape", newline="") as file:
            writer = csv.writer(file)
            if new:
                writer.writerow(("line", "reason", "row"))
            writer.writerows(self._rows)


@contextmanager
def rejects_beside(path: str) -> Iterator[Rejects]:
    """The rejects of a file, in `PATH.rejects.csv`, or for `-` in `stdin.rejects.csv` in the current directory.

    An older file of that name is removed first.
    """
    target = Path("stdin.rejects.csv" if path == "-" else f"{path}.rejects.csv")
    target.unlink(missing_ok=True)
    rejects = Rejects(target)
    try:
        yield rejects
    finally:
        rejects.write()

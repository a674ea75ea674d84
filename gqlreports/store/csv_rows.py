"""Rows of CSV files, read so that a broken row costs no other row.

A quoted cell may hold line breaks.  A quote that is never closed looks the same at first, and would swallow all rows
after it.  So a line break belongs to a cell only if the next line is no whole row of its own.
"""

import csv
import io
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from gqlreports.store.files import Chunk, FileRecord

# The limit of Python's reader is the process's own, and by default lower than a cell may be.
csv.field_size_limit(1 << 24)
_MOST_LINES = 1000
"""How many lines a row may have."""
_SAMPLE = 200
"""How many lines tell how many cells a row may have."""
_NO_QUOTE_OR_LINE_FEED = bytes(each for each in range(256) if each not in b'"\n')
UNCLOSED = "a quote is never closed"
CARRIAGE_RETURN = "a carriage return stands outside quotes"
NO_UTF8 = "no UTF-8: name the encoding, such as --encoding latin-1"


@dataclass(frozen=True)
class Dialect:
    """How a line is divided into cells."""

    delimiter: str = ","
    quote: str = '"'
    escape: str = ""

    def cells(self, line: str, strict: bool = False) -> list[str]:
        """The cells of a row.  Raises csv.Error if it cannot be read; if `strict`, also for an open quote."""
        reader = csv.reader(
            [line],
            delimiter=self.delimiter,
            quotechar=self.quote or None,
            quoting=csv.QUOTE_MINIMAL if self.quote else csv.QUOTE_NONE,
            escapechar=self.escape or None,
            strict=strict,
        )
        return next(reader, [])

    def is_open(self, line: str) -> bool:
        """Whether a quote is not closed at the end of a line."""
        if not self.quote or self.quote not in line:
            return False
        try:
            self.cells(line, strict=True)
        except csv.Error as error:
            return "unexpected end" in str(error)
        return False

    def is_whole(self, line: str, widths: frozenset[int]) -> bool:
        """Whether a line is a row of its own.  One that closes a quote is not, though it may have as many cells."""
        if self.quote and line.count(self.quote) % 2:
            return False
        try:
            return self.delimiter in line and len(self.cells(line, strict=True)) in widths
        except csv.Error:
            return False

    def widths(self, start: str) -> frozenset[int]:
        """The numbers of cells in the lines at the beginning of a file without a header."""
        whole = (line for line in start.splitlines()[:_SAMPLE] if line.strip() and not self.is_open(line))
        return frozenset(len(self.cells(line)) for line in whole)


PLAIN = Dialect()


@dataclass(frozen=True)
class CsvRow:
    """A row and its cells, or the reason why it cannot be read."""

    record: FileRecord
    cells: list[str]
    reason: str = ""


@dataclass(frozen=True)
class Lines:
    """Lines of a file without their line feeds, of which the first has the number `first`.

    `widths` are the numbers of cells that a whole row may have, if that is known.  Unless the lines are the `last` of
    the file, the quote at their end may be closed in those that follow.
    """

    texts: Sequence[str]
    first: int
    widths: frozenset[int]
    dialect: Dialect = PLAIN
    last: bool = True

    def rows(self) -> tuple[list[CsvRow], int]:
        """The rows, and the place of the first line that belongs to no row yet."""
        rows: list[CsvRow] = []
        place = 0
        while place < len(self.texts):
            end = self._end(place)
            if end is None:
                return rows, place
            rows.append(self._row(place, end))
            place = max(end, place + 1)
        return rows, place

    def _row(self, place: int, end: int) -> CsvRow:
        text = "\n".join(self.texts[place : max(end, place + 1)]).removesuffix("\r")
        record = FileRecord(self.first + place, text)
        if not text.isascii() and any("\udc80" <= letter <= "\udcff" for letter in text):
            return CsvRow(record, [], NO_UTF8)
        if end == place:
            return CsvRow(record, [], UNCLOSED)
        try:
            return CsvRow(record, self.dialect.cells(text))
        except csv.Error as error:
            return CsvRow(record, [], CARRIAGE_RETURN if "new-line" in str(error) else f"cannot be read: {error}")

    def _end(self, place: int) -> int | None:
        """The place after the row that begins at `place`: `place` if its quote never ends, None if it may."""
        text = self.texts[place]
        if not self.dialect.is_open(text):
            return place + 1
        for end in range(place + 1, min(len(self.texts), place + _MOST_LINES)):
            line = self.texts[end]
            if self.dialect.is_whole(line.removesuffix("\r"), self.widths):
                return place
            text += "\n" + line
            if self.dialect.quote in line and not self.dialect.is_open(text.removesuffix("\r")):
                return end + 1 if self._fits(text.removesuffix("\r")) else place
        return place if self.last or len(self.texts) - place >= _MOST_LINES else None

    def _fits(self, text: str) -> bool:
        try:
            return not self.widths or len(self.dialect.cells(text, strict=True)) in self.widths
        except csv.Error:
            return False


def csv_chunks(
    stream: io.BufferedReader, names: Sequence[str], line: int, widths: frozenset[int], size: int
) -> Iterator[Chunk]:
    """The rest of a CSV file in blocks of about `size` bytes.  It begins at this line, and has cells of these names."""
    header = ",".join(names).encode() + b"\n"

    def whole(body: bytes, first: int, last: bool) -> int:
        return _lines(body, first, last, widths).rows()[1]

    for body, first, last, simple in _blocks(stream, line, size, whole):
        lines = partial(_lines, body, first, last, widths)
        if simple:
            yield Chunk(
                header + body,
                "CSVWithNames",
                lambda lines=lines: [row.record for row in lines().rows()[0]],  # type: ignore[misc]
                lambda lines=lines: header + _printed(lines().rows()[0]),  # type: ignore[misc]
            )
        else:
            rows = lines().rows()[0]
            good = [row for row in rows if not row.reason]
            broken = [(row.record, row.reason) for row in rows if row.reason]
            records = [row.record for row in good]
            yield Chunk(header + _printed(good), "CSVWithNames", lambda records=records: records, broken=broken)  # type: ignore[misc]


def _blocks(
    stream: io.BufferedReader, line: int, size: int, whole: Callable[[bytes, int, bool], int]
) -> Iterator[tuple[bytes, int, bool, bool]]:
    """Blocks of whole rows, the line on which each begins, whether it is the last, and whether its rows are lines."""
    rest = b""
    while True:
        data = stream.read(size)
        block, last = rest + data, not data
        end = len(block) if last else block.rfind(b"\n") + 1
        simple = _is_simple(block[:end])
        if end and not simple and not last:
            lines = block[:end].split(b"\n")
            end = sum(len(each) + 1 for each in lines[: whole(block[:end], line, last)])
            simple = _is_simple(block[:end])
        if end and block[:end].strip():
            yield block[:end], line, last, simple
        line += block.count(b"\n", 0, end)
        rest = block[end:]
        if last:
            return


def _lines(body: bytes, first: int, last: bool, widths: frozenset[int]) -> Lines:
    texts = body.decode("utf-8", "surrogateescape").split("\n")
    return Lines(texts if texts[-1] else texts[:-1], first, widths, last=last)


def _printed(rows: Sequence[CsvRow]) -> bytes:
    """The rows with all cells in quotes, for what ClickHouse cannot read as it is."""
    text = io.StringIO()
    csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\n").writerows(row.cells or [""] for row in rows)
    return text.getvalue().encode("utf-8", "surrogateescape")


def _is_simple(body: bytes) -> bool:
    """Whether the rows are lines of UTF-8: no quote is open at the end of one."""
    if not body.isascii():
        try:
            body.decode()
        except UnicodeDecodeError:
            return False
    # The quotes of a line are an even number if nothing is left of them, pair by pair.
    return b'"' not in body or b'"' not in body.translate(None, _NO_QUOTE_OR_LINE_FEED).replace(b'""', b"")

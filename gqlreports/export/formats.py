"""The formats of exports, by their extension; each also in a zip archive with the checksum of the file.

The store itself prints CSV and JSON lines.  CSV starts with a header line and ends with a line for the number of rows.
Texts are in quotes, so an empty text is `""`, and a null is nothing at all.
"""

from collections.abc import AsyncGenerator, Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import PurePath
from typing import TypeAlias

from gqlreports.errors import InvalidInput
from gqlreports.export.archive import Archive
from gqlreports.export.export import Export, OnRows, RowSource
from gqlreports.extras import needed
from gqlreports.schema.plan.printing import readable, safe

ZIP = ".zip"
_OTHERS = bytes(set(range(256)) - set(b'"\n'))


class LineCounter:
    """Counts the lines of a CSV document that arrives in pieces; a line feed within quotes does not end a line."""

    def __init__(self) -> None:
        self._quoted = False

    def lines(self, piece: bytes) -> int:
        """Return how many lines end in this piece."""
        # Only quotes and line feeds are kept; split at the quotes, every other part is outside them.
        parts = piece.translate(None, _OTHERS).replace(b'""', b"").split(b'"')
        ended = sum(map(len, parts[self._quoted :: 2]))
        self._quoted ^= len(parts) % 2 == 0
        return ended


async def csv(export: Export, source: RowSource, on_rows: OnRows) -> AsyncGenerator[bytes, None]:
    """Yield the document piece by piece; the header comes only after the store has answered."""
    counter, total = LineCounter(), 0
    start = ",".join(export.names).encode() + b"\n"
    async with source.stream(export.statement(safe), "CSV") as pieces:
        async for piece in pieces:
            count = counter.lines(piece)
            total += count
            on_rows(count)
            yield start + piece
            start = b""
    yield start + (b"# %d rows\n" % total if export.count else b"")


async def jsonl(export: Export, source: RowSource, on_rows: OnRows) -> AsyncGenerator[bytes, None]:
    """Yield the document piece by piece."""
    total = 0
    async with source.stream(export.statement(readable), "JSONEachRow") as pieces:
        async for piece in pieces:
            count = piece.count(b"\n")
            total += count
            on_rows(count)
            yield piece
    yield b'{"rowCount":%d}\n' % total if export.count else b""


Writer: TypeAlias = Callable[[Export, RowSource, OnRows], AsyncGenerator[bytes, None]]


@dataclass(frozen=True)
class ExportFormat:
    """A file format; `writer` imports and returns its writer, or raises NotInstalled if packages are missing.

    With `in_archive`, the file is in a zip archive together with its checksum, and the extension is that of both.
    """

    extension: str
    media_type: str
    writer: Callable[[], Writer]
    in_archive: bool = False

    def write(self, export: Export, source: RowSource, on_rows: OnRows) -> AsyncGenerator[bytes, None]:
        """Yield the file of an export piece by piece, as soon as there is data.

        Raises the store's errors, also halfway; then the file is incomplete, and readers can tell that it is.
        """
        if not self.in_archive:
            return self.writer()(export, source, on_rows)
        archive = Archive(f"{export.stem}.{self.extension.removesuffix(ZIP)}")

        def counted(rows: int) -> None:
            archive.count(rows)
            on_rows(rows)

        return archive.pieces(self.writer()(export, source, counted))


def _xlsx() -> Writer:
    with needed("files", "Excel files need"):
        from gqlreports.export.xlsx import xlsx
    return xlsx


def _parquet() -> Writer:
    with needed("files", "Parquet files need"):
        from gqlreports.export.arrow import parquet
    return parquet


FORMATS: Mapping[str, ExportFormat] = {
    each.extension: each
    for each in (
        ExportFormat("csv", "text/csv; charset=utf-8; header=present", lambda: csv),
        ExportFormat("xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", _xlsx),
        ExportFormat("parquet", "application/vnd.apache.parquet", _parquet),
        ExportFormat("jsonl", "application/x-ndjson", lambda: jsonl),
    )
}


def format_of(file: PurePath) -> tuple[str, ExportFormat]:
    """A file's name without its extension, and the format that its extension tells: csv, or csv.zip for an archive.

    Raises InvalidInput if there is none, and NotInstalled if its packages are missing.
    """
    in_archive = file.suffix.lower() == ZIP
    inner = PurePath(file.stem) if in_archive else file
    extension = inner.suffix.removeprefix(".")
    found = FORMATS.get(extension.lower())
    if found is None:
        known = f"there are {', '.join(FORMATS)}, and each with {ZIP} behind it"
        raise InvalidInput(f"There is no format {extension[:64]!r} of exports; {known}.")
    found.writer()
    if in_archive:
        found = replace(found, extension=f"{found.extension}{ZIP}", media_type="application/zip", in_archive=True)
    return inner.stem, found

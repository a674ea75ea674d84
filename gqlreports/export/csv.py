"""CSV: a header line, and at the end a line with the number of rows.

Texts are in quotes, so an empty one is `""` and a null nothing at all.
"""

from collections.abc import AsyncGenerator

from gqlreports.backends.base import Backend
from gqlreports.export.export import Export, OnRows
from gqlreports.schema.plan.cells import safe

_OTHERS = bytes(set(range(256)) - set(b'"\n'))


class LineCounter:
    """Counts the lines of a CSV document that comes in pieces; a line feed within quotes ends none."""

    def __init__(self) -> None:
        self._quoted = False

    def lines(self, piece: bytes) -> int:
        """How many lines end in this piece."""
        parts = piece.translate(None, _OTHERS).replace(b'""', b"").split(b'"')
        ended = sum(map(len, parts[self._quoted :: 2]))
        self._quoted ^= len(parts) % 2 == 0
        return ended


async def csv(export: Export, backend: Backend, on_rows: OnRows) -> AsyncGenerator[bytes, None]:
    """The document piece by piece; nothing before the store has answered."""
    counter, total = LineCounter(), 0
    start = ",".join(export.names).encode() + b"\n"
    async with backend.stream(export.statement(safe), "CSV") as pieces:
        async for piece in pieces:
            count = counter.lines(piece)
            total += count
            on_rows(count)
            yield start + piece
            start = b""
    yield start + (b"# %d rows\n" % total if export.count else b"")

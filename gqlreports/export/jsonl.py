"""JSON lines: an object for each row, and at the end one with their number."""

from collections.abc import AsyncGenerator

from gqlreports.backends.base import Backend
from gqlreports.export.export import Export, OnRows
from gqlreports.schema.plan.cells import readable


async def jsonl(export: Export, backend: Backend, on_rows: OnRows) -> AsyncGenerator[bytes, None]:
    """The document piece by piece."""
    total = 0
    async with backend.stream(export.statement(readable), "JSONEachRow") as pieces:
        async for piece in pieces:
            count = piece.count(b"\n")
            total += count
            on_rows(count)
            yield piece
    yield b'{"rowCount":%d}\n' % total if export.count else b""

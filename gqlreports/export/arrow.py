"""Reads an export as Arrow record batches, and writes Parquet files from them."""

import io
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass

import pyarrow
from pyarrow.parquet import ParquetWriter
from starlette.concurrency import run_in_threadpool

from gqlreports.export.export import Export, OnRows, RowSource
from gqlreports.schema.plan.printing import typed

# Arrow's own allocator keeps about 20 MB more memory.
pyarrow.set_memory_pool(pyarrow.system_memory_pool())

_END = b"\xff\xff\xff\xff\0\0\0\0"
"""The end of a stream in the Arrow streaming format."""


def arrow_schema(export: Export) -> pyarrow.Schema:
    """The Arrow schema of an export: exact decimals, 64-bit counts, and moments with their time zone."""
    return pyarrow.schema(
        pyarrow.field(each.name, each.type.arrow_type(pyarrow, export.zone), each.nullable) for each in export.columns
    )


async def tables(export: Export, source: RowSource, on_rows: OnRows) -> AsyncIterator[pyarrow.Table]:
    """Yield all rows, some at a time; one empty table if there are no rows."""
    schema = arrow_schema(export)
    any_rows = False
    async with source.stream(export.statement(typed), "ArrowStream") as pieces:
        async for batch in _batches(pieces):
            on_rows(batch.num_rows)
            any_rows = True
            yield pyarrow.Table.from_batches([batch]).cast(schema)
    if not any_rows:
        yield schema.empty_table()


async def _batches(pieces: AsyncIterator[bytes]) -> AsyncIterator[pyarrow.RecordBatch]:
    """Yield the record batches that have rows from one or more consecutive Arrow streams.

    Only the latest piece and an incomplete message are held in memory.
    """
    held, schema = b"", None
    async for piece in pieces:
        held += piece
        while message := _message(held):
            held = held[message.size :]
            if message.content is None:
                continue
            if message.content.type == "schema":
                schema = pyarrow.ipc.read_schema(message.content)
            elif (batch := pyarrow.ipc.read_record_batch(message.content, schema)).num_rows:
                yield batch


@dataclass(frozen=True)
class _Message:
    """An Arrow message at the beginning of some bytes, and its size; `content` is None at the end of a stream."""

    content: pyarrow.ipc.Message | None
    size: int


def _message(held: bytes) -> _Message | None:
    """Read the first message; None if it is not complete yet."""
    if held.startswith(_END):
        return _Message(None, len(_END))
    file = pyarrow.BufferReader(held)
    try:
        return _Message(pyarrow.ipc.read_message(file), file.tell())
    except (pyarrow.ArrowInvalid, OSError, EOFError):
        return None


ROW_GROUP = 16_384
"""The minimum number of rows in a row group, except the last one."""


async def parquet(export: Export, source: RowSource, on_rows: OnRows) -> AsyncGenerator[bytes, None]:
    """Yield the file, one row group at a time."""
    sink = io.BytesIO()
    writer = ParquetWriter(sink, arrow_schema(export), compression="zstd")
    async for group in _groups(tables(export, source, on_rows)):
        await run_in_threadpool(writer.write_table, group)
        yield _taken(sink)
    await run_in_threadpool(writer.close)
    yield _taken(sink)


async def _groups(tables: AsyncIterator[pyarrow.Table]) -> AsyncIterator[pyarrow.Table]:
    held: list[pyarrow.Table] = []
    async for table in tables:
        held.append(table)
        if sum(each.num_rows for each in held) >= ROW_GROUP:
            yield pyarrow.concat_tables(held)
            held = []
    if held:
        yield pyarrow.concat_tables(held)


def _taken(sink: io.BytesIO) -> bytes:
    """Take what was written since the last call; the writer itself keeps track of its position in the file."""
    piece = sink.getvalue()
    sink.seek(0)
    sink.truncate()
    return piece

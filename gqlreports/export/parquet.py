"""Parquet: columns with their own types; the number of rows is in the footer."""

import io
from collections.abc import AsyncGenerator, AsyncIterator

import pyarrow
from pyarrow.parquet import ParquetWriter
from starlette.concurrency import run_in_threadpool

from gqlreports.backends.base import Backend
from gqlreports.export.arrow import arrow_schema, tables
from gqlreports.export.export import Export, OnRows

ROW_GROUP = 16_384
"""At least so many rows are in a row group, but for the last."""


async def parquet(export: Export, backend: Backend, on_rows: OnRows) -> AsyncGenerator[bytes, None]:
    """The file, a row group at a time."""
    sink = io.BytesIO()
    writer = ParquetWriter(sink, arrow_schema(export), compression="zstd")
    async for group in _groups(tables(export, backend, on_rows)):
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
    """What was written since; the writer itself knows how much there was before."""
    piece = sink.getvalue()
    sink.seek(0)
    sink.truncate()
    return piece

"""The rows of an export as Arrow tables."""

from collections.abc import AsyncIterator

import pyarrow

from gqlreports.backends.base import Backend
from gqlreports.export.export import Export, OnRows
from gqlreports.plugins.aggregates import COUNT, FLAG, MONEY, RATIO, SECONDS, TEXT
from gqlreports.plugins.contract import MOMENT, AnyColumn
from gqlreports.schema.plan.cells import typed

# Arrow's own allocator keeps some 20 MB more.
pyarrow.set_memory_pool(pyarrow.system_memory_pool())

_END = b"\xff\xff\xff\xff\0\0\0\0"
"""What a document of the Arrow streaming format ends with."""


def arrow_schema(export: Export) -> pyarrow.Schema:
    """Exact decimals, 64-bit counts, moments with their zone."""
    fields = (pyarrow.field(each.graphql_name, _type(each, export.zone), each.nullable) for each in export.columns)
    return pyarrow.schema(fields)


async def tables(export: Export, backend: Backend, on_rows: OnRows) -> AsyncIterator[pyarrow.Table]:
    """All rows, some at a time, and a table without rows where there are none."""
    schema = arrow_schema(export)
    any_rows = False
    async with backend.stream(export.statement(typed), "ArrowStream") as pieces:
        async for document in _documents(pieces):
            with pyarrow.ipc.open_stream(document) as reader:
                table = reader.read_all().cast(schema)
            if table.num_rows:
                on_rows(table.num_rows)
                any_rows = True
                yield table
    if not any_rows:
        yield schema.empty_table()


async def _documents(pieces: AsyncIterator[bytes]) -> AsyncIterator[pyarrow.BufferReader]:
    """Arrow streams one behind the other, each at the place where it begins."""
    held = b""
    async for piece in pieces:
        held += piece
        if held.endswith(_END):
            file = pyarrow.BufferReader(held)
            while file.tell() < len(held):
                yield file
            held = b""


def _type(column: AnyColumn, zone: str) -> pyarrow.DataType:
    types = [
        (TEXT, pyarrow.string()),
        (FLAG, pyarrow.bool_()),
        (COUNT, pyarrow.int64()),
        (RATIO, pyarrow.float64()),
        (MONEY, pyarrow.decimal128(38, 8)),
        (SECONDS, pyarrow.decimal128(38, 3)),
        (MOMENT, pyarrow.timestamp("ms", zone)),
    ]
    return next(arrow for known, arrow in types if column.type is known)

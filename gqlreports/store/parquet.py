"""Reads Parquet files of CDRs in chunks: numbers and moments as typed values, everything else as text."""

import io
import json
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

import pyarrow
import pyarrow.compute
import pyarrow.parquet

from gqlreports.store.cdr_columns import DIGITS, KINDS, SCALES, Kind
from gqlreports.store.files import Chunk, FileRecord, OpenFile

_WHOLE = {pyarrow.int8(), pyarrow.int16(), pyarrow.int32(), pyarrow.uint8(), pyarrow.uint16(), pyarrow.uint32()}
"""Whole numbers of at most ten digits."""


@contextmanager
def _as_unreadable() -> Iterator[None]:
    """Turn Arrow's errors into OSError, as for any other file that cannot be read."""
    try:
        yield
    except pyarrow.ArrowException as error:
        raise OSError(str(error)) from error


@_as_unreadable()
def parquet_source(stream: io.BufferedReader, stack: ExitStack, chunk_rows: int) -> OpenFile:
    """Copy a Parquet file to a temporary file and open it.

    Parquet is read from its end, and the stream may not be seekable.
    """
    file = stack.enter_context(tempfile.TemporaryFile())  # noqa: SIM115
    while data := stream.read(1 << 20):
        file.write(data)
    reader = pyarrow.parquet.ParquetFile(file)
    schema = reader.schema_arrow
    values = frozenset(field.name.strip() for field in schema if _is_value(field.name.strip(), field.type))
    columns = tuple(name.strip() for name in schema.names)
    return OpenFile(columns, _chunks(reader, values, chunk_rows), csv=False, values=values)


def _is_value(name: str, type: pyarrow.DataType) -> bool:
    """Whether all values of a Parquet type are values of the column's kind."""
    kind = KINDS.get(name, Kind.TEXT)
    if kind is Kind.MOMENT:
        return bool(pyarrow.types.is_timestamp(type)) and type.unit != "s"
    if kind is Kind.WHOLE:
        return type in _WHOLE or type == pyarrow.int64()
    if kind in SCALES and pyarrow.types.is_decimal(type):
        scale = SCALES[kind]
        return 0 <= int(type.scale) <= scale and int(type.precision - type.scale) <= DIGITS - scale
    return kind in SCALES and type in _WHOLE


def _chunks(reader: pyarrow.parquet.ParquetFile, values: frozenset[str], rows: int) -> Iterator[Chunk]:
    names = [name for name in reader.schema_arrow.names if name.strip() in KINDS]
    columns = [name.strip() for name in names]
    first = 1
    with _as_unreadable():
        for batch in reader.iter_batches(rows, columns=names):
            arrays = [batch.column(name) for name in names]
            read = [
                _as_value(each) if name in values else _as_text(each)
                for name, each in zip(columns, arrays, strict=True)
            ]
            table = pyarrow.table(read, names=columns)
            sink = io.BytesIO()
            with pyarrow.ipc.new_stream(sink, table.schema) as writer:
                writer.write_table(table)
            yield Chunk(sink.getvalue(), "ArrowStream", _records(columns, arrays, first))
            first += len(batch)


def _as_value(column: pyarrow.Array) -> pyarrow.Array:
    """Convert a moment to milliseconds since 1970, and leave a number as it is."""
    if pyarrow.types.is_timestamp(column.type):
        utc = column.cast(pyarrow.timestamp(column.type.unit))
        whole = pyarrow.compute.floor_temporal(utc, unit="millisecond")
        return whole.cast(pyarrow.timestamp("ms")).cast(pyarrow.int64())
    return column


def _as_text(column: pyarrow.Array) -> pyarrow.Array:
    """Convert a column to text: durations in seconds, and moments in UTC (also moments without a zone)."""
    if pyarrow.types.is_duration(column.type):
        column = pyarrow.compute.divide(column.cast(pyarrow.duration("us")).cast(pyarrow.int64()), 1e6)
    if pyarrow.types.is_timestamp(column.type):
        column = column.cast(pyarrow.timestamp(column.type.unit))
    text = column.cast(pyarrow.string())
    if pyarrow.types.is_floating(column.type):
        # A telephone number that came as a float would be printed as 1.2125550142e+10.
        whole = pyarrow.compute.and_(
            pyarrow.compute.equal(pyarrow.compute.trunc(column), column),
            pyarrow.compute.less(pyarrow.compute.abs(column), 2.0**53),
        )
        digits = pyarrow.compute.if_else(whole, column, None).cast(pyarrow.int64()).cast(pyarrow.string())
        text = pyarrow.compute.coalesce(digits, text)
    return text.fill_null("") if text.null_count else text


def _records(columns: list[str], arrays: list[pyarrow.Array], first_row: int) -> Callable[[], list[FileRecord]]:
    @_as_unreadable()
    def records() -> list[FileRecord]:
        rows = pyarrow.table([_as_text(each) for each in arrays], names=columns).to_pylist()
        return [FileRecord(first_row + index, json.dumps(row)) for index, row in enumerate(rows)]

    return records

"""What a command and the server that has its store open send each other.

A frame is a head, which is JSON, and a body of bytes; the lengths of both stand before them.  A connection carries one
request at a time: a command sends the next one when it has the answer.
"""

import asyncio
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime
from decimal import Decimal
from struct import Struct
from typing import Any, TypeAlias

from gqlreports.backends.base import Customers, Limits, Statement
from gqlreports.backends.failures import ReadFailed
from gqlreports.errors import (
    QueryCancelled,
    QueryTimeout,
    QueryTooLarge,
    StatementRefused,
    StoreBusy,
    StoreError,
    StoreUnavailable,
    UnreadableData,
)

Json: TypeAlias = Any
ROOM = 1 << 20
"""How many bytes of a connection are read ahead."""
_LENGTHS = Struct(">IQ")
_PLAIN = (str, int, float, bool, type(None))
_TEXTS: dict[str, tuple[type, Callable[[Any], str], Callable[[str], object]]] = {
    "decimal": (Decimal, str, Decimal),
    # A datetime is a date, too, so it comes first.
    "datetime": (datetime, datetime.isoformat, datetime.fromisoformat),
    "date": (date, date.isoformat, date.fromisoformat),
    "bytes": (bytes, bytes.hex, bytes.fromhex),
}
"""The types of values that are sent as a text, under these names."""
_ERRORS = {
    kind.__name__: kind
    for kind in (
        QueryCancelled,
        QueryTimeout,
        QueryTooLarge,
        StoreBusy,
        StoreError,
        StoreUnavailable,
        UnreadableData,
    )
}


@dataclass(frozen=True, slots=True)
class Frame:
    head: dict[str, Json]
    body: bytes = b""


async def read_frame(reader: asyncio.StreamReader) -> Frame:
    """The next frame.  Raises EOFError if the other end has closed the connection, and OSError if it is gone."""
    head, body = _LENGTHS.unpack(await reader.readexactly(_LENGTHS.size))
    told = json.loads(await reader.readexactly(head))
    pieces = []
    while body:
        piece = await reader.read(min(body, ROOM))
        if not piece:
            raise EOFError
        pieces.append(piece)
        body -= len(piece)
    # In a thread, since copying a large body would keep the reports of this process waiting.
    whole = await asyncio.to_thread(b"".join, pieces) if len(pieces) > 1 else b"".join(pieces)
    return Frame(told, whole)


async def write_frame(writer: asyncio.StreamWriter, frame: Frame) -> None:
    """Send a frame, and wait until the other end has taken most of what was sent."""
    head = json.dumps(frame.head).encode()
    writer.write(_LENGTHS.pack(len(head), len(frame.body)) + head)
    if frame.body:
        writer.write(frame.body)
    await writer.drain()


def packed(value: object) -> Json:
    """A value of a parameter or of a query as JSON: what JSON lacks is an object with one name, that of its type."""
    if isinstance(value, _PLAIN):
        return value
    if isinstance(value, list):
        return [packed(each) for each in value]
    if isinstance(value, tuple):
        return {"tuple": [packed(each) for each in value]}
    if isinstance(value, Mapping):
        return {"dict": [[packed(key), packed(each)] for key, each in value.items()]}
    for name, (kind, text, _) in _TEXTS.items():
        if isinstance(value, kind):
            return {name: text(value)}
    raise TypeError(f"A value of the type {type(value).__name__} cannot be sent.")


def unpacked(value: Json) -> Any:
    if isinstance(value, list):
        return [unpacked(each) for each in value]
    if not isinstance(value, dict):
        return value
    [(name, each)] = value.items()
    if name == "tuple":
        return tuple(map(unpacked, each))
    if name == "dict":
        return {unpacked(key): unpacked(one) for key, one in each}
    return _TEXTS[name][2](each)


def packed_rows(rows: Sequence[Sequence[Any]]) -> bytes:
    return json.dumps([[packed(value) for value in row] for row in rows]).encode()


def unpacked_rows(data: bytes) -> list[tuple[Any, ...]]:
    return [tuple(map(unpacked, row)) for row in json.loads(data)]


def packed_statement(statement: Statement) -> Json:
    customers = None if statement.customers is None else list(statement.customers.ids)
    return [statement.sql, packed(dict(statement.parameters)), customers, statement.rollup]


def unpacked_statement(value: Json) -> Statement:
    sql, parameters, ids, rollup = value
    return Statement(sql, unpacked(parameters), None if ids is None else Customers(tuple(ids)), rollup)


def packed_limits(limits: Limits) -> Json:
    return asdict(limits)


def unpacked_limits(value: Json) -> Limits:
    return Limits(**value)


def packed_error(error: StoreError) -> Json:
    """An error, so that the command can say what it would have said itself, and its cause as text."""
    told = [error.reached] if isinstance(error, StatementRefused) else [str(error), error.for_operators]
    return [type(error).__name__, told, None if error.__cause__ is None else str(error.__cause__)]


def unpacked_error(value: Json) -> StoreError:
    name, told, cause = value
    error = StatementRefused(*told) if name == StatementRefused.__name__ else _ERRORS[name](*told)
    error.__cause__ = None if cause is None else ReadFailed(cause)
    return error

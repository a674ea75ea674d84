"""Copies the content of one store into another unchanged, including corrections and load times."""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any

import orjson

from gqlreports.backends.base import Backend, Session, Statement
from gqlreports.errors import LoadError
from gqlreports.store.dictionaries import reload
from gqlreports.tables import DICTIONARIES

_BATCH = 16 * 1024 * 1024
"""How many bytes of rows are inserted at once."""
_MONTHS = "SELECT toYYYYMM(dt) AS part, count() AS rows FROM cdr GROUP BY part ORDER BY part"
_WHOLE = ("did", "numbering", "cdr_load", "cdr_load_customer")


@dataclass(frozen=True)
class CopiedPart:
    """A unit of copying: a month of calls, or a whole table."""

    table: str
    month: int | None
    rows: int

    def __str__(self) -> str:
        return f"{self.table} {self.month}" if self.month else self.table


async def copy_store(source: Backend, target: Backend, on_copied: Callable[[CopiedPart, bool], None]) -> None:
    """Copy all parts.  `on_copied` is called with each part, and with whether it was already in the target.

    The copy can be stopped at any point and run again.  Raises LoadError if the target has some of a part's rows, but
    not exactly as many as the source.
    """
    for part in await _parts(source):
        there = {str(each): each.rows for each in await _parts(target)}.get(str(part), 0)
        if there not in (0, part.rows):
            raise LoadError(f"The target has {there} of the {part.rows} rows of {part}: remove them, then copy again.")
        if not there:
            await _copy(part, source, target)
        on_copied(part, bool(there))
    async with target.session() as session:
        await reload(session, DICTIONARIES)


async def _parts(store: Backend) -> list[CopiedPart]:
    months = [CopiedPart("cdr", row["part"], row["rows"]) for row in await _rows(store, _MONTHS)]
    for table in _WHOLE:
        [row] = await _rows(store, f"SELECT count() AS rows FROM {table}")
        if row["rows"]:
            months.append(CopiedPart(table, None, row["rows"]))
    return months


async def _rows(store: Backend, sql: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = orjson.loads((await store.fetch_json(Statement(sql))).json)
    return rows


async def _copy(part: CopiedPart, source: Backend, target: Backend) -> None:
    values = {} if part.month is None else {"month": part.month}
    where = "" if part.month is None else " WHERE toYYYYMM(dt) = {month:UInt32}"
    async with (
        target.session() as session,
        source.stream(Statement(f"SELECT * FROM {part.table}{where}", values), "JSONEachRow") as pieces,
    ):
        await _insert(session, part.table, pieces)


async def _insert(session: Session, table: str, pieces: AsyncIterator[bytes]) -> None:
    """Insert rows that come in pieces.  A piece may end in the middle of a row."""
    held = bytearray()
    async for piece in pieces:
        held += piece
        if len(held) >= _BATCH:
            end = held.rfind(b"\n") + 1
            await session.insert(table, None, bytes(held[:end]), "JSONEachRow")
            del held[:end]
    if held:
        await session.insert(table, None, bytes(held), "JSONEachRow")

"""Loads as things: the finished ones, and how one is taken back."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import orjson

from gqlreports.backends.base import Backend, Session, Statement
from gqlreports.errors import LoadError, NotFound
from gqlreports.store.ledger import CORRECTED_LATER, LOADED, UNLOAD, UNLOAD_MONTHS

# A load that was taken back has a second row without counts.
_COUNTS = ("added", "corrected", "there_before", "rejected")
_LOADS = f"""
SELECT id, any(file) AS file, any(hash) AS hash, any(user) AS user,
    {", ".join(f"max({name}) AS {name}" for name in _COUNTS)},
    toUnixTimestamp64Milli(min(started_at)) AS began, toUnixTimestamp64Milli(min(finished_at)) AS ended,
    toUnixTimestamp64Milli(min(first_dt)) AS first, toUnixTimestamp64Milli(max(last_dt)) AS last,
    toUnixTimestamp64Milli(max(unloaded_at)) AS unloaded
FROM cdr_load WHERE id != 0 GROUP BY id HAVING (-ended, cdr_load.id) > ({{later:Int64}}, {{id:UInt64}})
ORDER BY ended DESC, id LIMIT {{first:UInt64}} OFFSET {{offset:UInt64}}
"""
_FROM_THE_LATEST = -(1 << 63)
_LOAD = """
SELECT first_dt, last_dt, min(finished_at), max(added + corrected) FROM cdr_load
WHERE id = {load:UInt64} GROUP BY first_dt, last_dt
"""
_UNLOADED = """
INSERT INTO cdr_load (finished_at, first_dt, last_dt, id, file, hash, user, started_at, unloaded_at)
SELECT finished_at, first_dt, last_dt, id, file, hash, user, started_at, now64(3, 'UTC') FROM cdr_load
WHERE id = {load:UInt64} AND unloaded_at IS NULL LIMIT 1
"""


@dataclass(frozen=True)
class FinishedLoad:
    """A load that ended; `id` is what `unload` takes.  Moments are in UTC."""

    id: str
    file: str
    hash: str
    user: str
    started_at: datetime
    finished_at: datetime
    first_call: datetime
    last_call: datetime
    added: int
    corrected: int
    there_before: int
    rejected: int
    unloaded_at: datetime | None


async def finished_loads(
    backend: Backend, first: int, offset: int = 0, after: tuple[datetime, str] | None = None
) -> list[FinishedLoad]:
    """A page of the finished loads, the latest first; those after the end and the id of one, where that is given."""
    later, id = (_FROM_THE_LATEST, 0) if after is None else (-_milliseconds(after[0]), int(after[1], 16))
    page = {"first": first, "offset": offset, "later": later, "id": id}
    found = await backend.fetch_json(Statement(_LOADS, page))
    return [_finished(row) for row in orjson.loads(found.json)]


def _finished(row: dict[str, Any]) -> FinishedLoad:
    return FinishedLoad(
        id=printed_id(row["id"]),
        file=row["file"],
        hash=row["hash"],
        user=row["user"],
        started_at=_moment(row["began"]),
        finished_at=_moment(row["ended"]),
        first_call=_moment(row["first"]),
        last_call=_moment(row["last"]),
        unloaded_at=None if row["unloaded"] is None else _moment(row["unloaded"]),
        **{name: row[name] for name in _COUNTS},
    )


def _moment(milliseconds: int) -> datetime:
    return datetime.fromtimestamp(milliseconds / 1000, UTC)


def printed_id(load: int) -> str:
    """A load's id as people see and type it."""
    return f"{load:012x}"


@dataclass(frozen=True)
class Unloaded:
    """How many rows were taken back or restored, and how many of the load were in months that are no longer kept."""

    rows: int
    dropped: int


async def unload(backend: Backend, load: str) -> Unloaded:
    """Take a load back: reports are as before it, and reports as of an earlier time stay as they were.

    It can be stopped at any point and run again.  Raises NotFound for an unknown id, and LoadError if a later load
    corrects calls of this one.
    """
    try:
        number = int(load, 16)
    except ValueError:
        number = 0
    async with backend.session() as session:
        found = await session.query(Statement(_LOAD, {"load": number})) if 0 < number < 2**64 else []
        if not found:
            raise NotFound(f"There is no load {load[:64]}; `gqlreports loads` lists them.")
        [first, last, finished, loaded] = found[0]
        bounds = {"load": number, "first": _milliseconds(first), "last": _milliseconds(last)}
        later = await session.query(Statement(CORRECTED_LATER, bounds))
        if later:
            ids = ", ".join(printed_id(each) for [each] in later)
            raise LoadError(f"Later loads correct calls of this one; unload them first: {ids}.")
        [[stored]] = await session.query(Statement(LOADED, {**bounds, "finished": _milliseconds(finished)}))
        rows = await _take_back(session, bounds)
        await session.command(Statement(_UNLOADED, {"load": number}))
    return Unloaded(rows, max(loaded - stored, 0))


async def _take_back(session: Session, bounds: dict[str, int]) -> int:
    rows = 0
    for month, count in await session.query(Statement(UNLOAD_MONTHS, bounds)):
        await session.command(Statement(UNLOAD, {**bounds, "month": month}))
        rows += count
    return rows


def _milliseconds(moment: datetime) -> int:
    return int(moment.replace(tzinfo=moment.tzinfo or UTC).timestamp() * 1000)

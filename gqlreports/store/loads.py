"""Loads as things: the finished ones, and how one is taken back."""

from dataclasses import dataclass
from datetime import UTC, datetime

from gqlreports.backends.base import Backend, Session, Statement
from gqlreports.errors import LoadError, NotFound
from gqlreports.store.ledger import CORRECTED_LATER, LOADED, UNLOAD, UNLOAD_MONTHS

_LOADS = """
SELECT id, any(file), any(hash), any(user), min(started_at), min(finished_at), any(first_dt), max(last_dt), any(added),
    any(corrected), any(there_before), any(rejected), max(unloaded_at)
FROM cdr_load WHERE id != 0 GROUP BY id ORDER BY min(finished_at) DESC, id LIMIT {first:UInt64}
"""
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


async def finished_loads(backend: Backend, first: int) -> list[FinishedLoad]:
    """The finished loads, the latest first."""
    async with backend.session() as session:
        rows = await session.query(Statement(_LOADS, {"first": first}))
    return [FinishedLoad(printed_id(number), *others) for number, *others in rows]


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

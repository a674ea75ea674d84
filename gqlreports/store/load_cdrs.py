"""Loads CDR files: every valid row, once.

A correction takes back the old version of a row and adds the new one, in a single insert into one partition.  So a
reader sees either the one or the other.  An interrupted load can be run again, since the rows that it has already
corrected match the file.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Collection, Iterator
from contextlib import AsyncExitStack, aclosing
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TypeAlias

from gqlreports.backends.base import Backend, Session, Statement
from gqlreports.errors import UnreadableData
from gqlreports.store.files import Chunk, OnRead, Rejects, rejects_beside
from gqlreports.store.formats import opened_rows
from gqlreports.store.layout import ANSWER_TIME, COLUMNS, KEY, NAMES, Layout, layout_of

_VALUES = (*(column.name for column in COLUMNS), "answered")
_CONTENT = ", ".join(_VALUES)
# With these settings an insert writes a single block, so that it is atomic within a partition.
ONE_BLOCK = "min_insert_block_size_rows = 100000000, min_insert_block_size_bytes = 0, max_insert_threads = 1"


def among(rows: str) -> str:
    """A condition on `cdr`: the key is among the keys of `rows`.  A hash of the callid quickly rules out most rows."""
    # GLOBAL, since a temporary table exists only on the server of its session.
    hashed = f"cityHash64(callid) GLOBAL IN (SELECT cityHash64(callid) FROM {rows})"
    return f"{hashed} AND ({KEY}) GLOBAL IN (SELECT {KEY} FROM {rows})"


# If rows repeat a key within the chunk, the last one counts, as it would if they came in two files.  A single thread
# keeps the rows in order.
LASTS = f"""
CREATE TEMPORARY TABLE lasts ENGINE = Memory AS
SELECT {_CONTENT} FROM (SELECT *, rowNumberInAllBlocks() AS place FROM checked WHERE reason = '')
ORDER BY place DESC LIMIT 1 BY {KEY} SETTINGS max_threads = 1
"""

# The versions of each call that are in effect, usually one.  The signs of a version that was taken back add up to 0.
VERSIONS = f"""
CREATE TEMPORARY TABLE version ENGINE = Memory AS
SELECT {_CONTENT}, sum(sign) AS number FROM cdr
WHERE dt >= (SELECT min(dt) - INTERVAL 1 DAY FROM lasts) AND dt <= (SELECT max(dt) + INTERVAL 1 DAY FROM lasts)
AND {among("lasts")}
GROUP BY {_CONTENT} HAVING number > 0
"""


def corrected(columns: Collection[str]) -> str:
    """The statement that computes the new versions.  Columns that the file lacks keep their values."""
    told = {*columns} if {"sip_code", ANSWER_TIME}.isdisjoint(columns) else {*columns, "answered"}
    values = ", ".join(
        f"lasts.{name} AS {name}" if name in told else f"if(version.number > 0, version.{name}, lasts.{name}) AS {name}"
        for name in _VALUES
    )
    return (
        f"CREATE TEMPORARY TABLE corrected ENGINE = Memory AS SELECT {values}, toInt64(version.number) AS held "
        f"FROM lasts LEFT ANY JOIN version USING ({KEY})"
    )


# `pdd_out` is the only nullable column, and = is NULL for two NULLs.
def _same(name: str) -> str:
    return f"corrected.{name} <=> version.{name}" if name == "pdd_out" else f"corrected.{name} = version.{name}"


# A call with several versions in effect always needs a correction.
FIND_UNCHANGED = f"""
INSERT INTO known SELECT {KEY} FROM corrected INNER JOIN version USING ({KEY})
GROUP BY {KEY} HAVING sum(version.number) = 1 AND min({" AND ".join(map(_same, _VALUES))})
"""

# A correction into another month would be two inserts into two partitions, and so not atomic.  These rows are rejected.
FIND_MOVED = f"""
CREATE TEMPORARY TABLE moved ENGINE = Memory AS
SELECT DISTINCT {KEY} FROM corrected INNER JOIN version USING ({KEY})
WHERE toYYYYMM(corrected.dt) != toYYYYMM(version.dt)
"""
LEAVE_MOVED = f"INSERT INTO known SELECT {KEY} FROM moved"

COUNT = f"""
SELECT countIf(held = 0), countIf(held > 0 AND ({KEY}) NOT IN (SELECT {KEY} FROM known)), (SELECT count() FROM moved)
FROM corrected
"""

# ARRAY JOIN takes a version back as often as it is in effect.
CORRECT = f"""
INSERT INTO cdr ({_CONTENT}, sign, loaded_at)
SELECT {_CONTENT}, sign, now64(3, 'UTC') FROM (
    SELECT {_CONTENT}, 1 AS sign FROM corrected
    WHERE toYYYYMM(dt) = {{month:UInt32}} AND ({KEY}) NOT IN (SELECT {KEY} FROM known)
    UNION ALL
    SELECT {_CONTENT}, -1 AS sign FROM version ARRAY JOIN range(toUInt64(number)) AS each
    WHERE toYYYYMM(dt) = {{month:UInt32}} AND ({KEY}) NOT IN (SELECT {KEY} FROM known)
) SETTINGS {ONE_BLOCK}
"""


@dataclass
class LoadCounts:
    """How many rows of a file were added, corrected, already there, and rejected."""

    added: int = 0
    corrected: int = 0
    there_before: int = 0
    rejected: int = 0
    last_call: int | None = field(default=None, compare=False)
    """Start of the latest call, in milliseconds since 1970."""


async def load_cdrs(backend: Backend, path: str, on_read: OnRead, corrects: bool = False) -> LoadCounts:
    """Load one file, `-` for standard input, in bounded memory.

    A row adds nothing if its key (switch, callid, branch_idx) is already in the store within a day of the file's rows.
    With `corrects`, it replaces the stored row if they differ.  Invalid rows go to `PATH.rejects.csv`.  The load can be
    stopped at any point and run again.

    Raises LoadError for a file that cannot be read or lacks a column, and StoreError if the store fails.
    """
    loaded = LoadCounts()
    with opened_rows(path, on_read) as source, rejects_beside(path) as rejects:
        following = partial(_next, backend, source.chunks, layout_of(source, path))
        # If a chunk fails, the session of the prefetched next chunk must be closed before anything else happens.
        async with aclosing(_prefetch(following)) as chunks:
            async for staged in chunks:
                async with staged.session_open:
                    await _keep(staged, loaded, rejects, _correct if corrects else _add)
        loaded.rejected = rejects.count
    await _record(backend, loaded)
    return loaded


async def _record(backend: Backend, loaded: LoadCounts) -> None:
    """Record that the load is complete."""
    if loaded.last_call is not None:
        async with backend.session() as session:
            values = {"last_call": loaded.last_call, "added": loaded.added}
            await session.command(Statement(_RECORD, values))


@dataclass(frozen=True)
class _ValidRows:
    """Facts about the valid rows of a chunk: how many rows and keys, the start of the last call, and the months."""

    rows: int
    keys: int
    last_call: int
    months: list[int]


@dataclass(frozen=True)
class _StagedChunk:
    """A chunk whose rows have been parsed into the temporary table `checked` of a session."""

    chunk: Chunk
    layout: Layout
    session: Session
    session_open: AsyncExitStack
    rejected: int
    good: _ValidRows


async def _prefetch(following: Callable[[], Awaitable[_StagedChunk | None]]) -> AsyncGenerator[_StagedChunk, None]:
    """Yield the chunks in order.  The next one is read and staged while the caller stores the current one."""
    coming = asyncio.ensure_future(following())
    try:
        while (staged := await coming) is not None:
            coming = asyncio.ensure_future(following())
            yield staged
    finally:
        coming.cancel()
        for left in await asyncio.gather(coming, return_exceptions=True):
            if isinstance(left, _StagedChunk):
                await left.session_open.aclose()


async def _next(backend: Backend, chunks: Iterator[Chunk], layout: Layout) -> _StagedChunk | None:
    """The next chunk, staged.  It is rewritten if ClickHouse cannot read it as it stands in the file."""
    chunk = await asyncio.to_thread(next, chunks, None)
    if chunk is None:
        return None
    try:
        return await _staged(backend, chunk, layout)
    except UnreadableData:
        if chunk.rewritten is None:
            raise
        return await _staged(backend, replace(chunk, data=chunk.rewritten()), layout)


async def _staged(backend: Backend, chunk: Chunk, layout: Layout) -> _StagedChunk:
    async with AsyncExitStack() as stack:
        session = await stack.enter_async_context(backend.session())
        for statement in layout.temporary_tables():
            await session.command(Statement(statement))
        await session.insert("staged", None, chunk.data, chunk.form)
        await session.command(Statement(layout.check()))
        [[rejected, rows, hashes, *others]] = await session.query(Statement(_COUNT))
        [[keys]] = [[rows]] if hashes == rows else await session.query(Statement(_COUNT_KEYS))
        return _StagedChunk(chunk, layout, session, stack.pop_all(), rejected, _ValidRows(rows, keys, *others))


_Keeping: TypeAlias = Callable[[_StagedChunk, LoadCounts, Rejects], Awaitable[None]]


async def _keep(staged: _StagedChunk, loaded: LoadCounts, rejects: Rejects, keep: _Keeping) -> None:
    for record in staged.chunk.broken:
        rejects.add(record, "no JSON object")
    if staged.rejected:
        await _reject(staged, staged.layout.rejected(), rejects)
    if staged.good.rows:
        await keep(staged, loaded, rejects)
        loaded.last_call = max(loaded.last_call or staged.good.last_call, staged.good.last_call)


async def _reject(staged: _StagedChunk, places: str, rejects: Rejects) -> None:
    found = await staged.session.query(Statement(places))
    reasons: dict[int, str] = dict(found)  # type: ignore[arg-type]
    for place, record in enumerate(staged.chunk.records()):
        if place in reasons:
            rejects.add(record, reasons[place])


async def _add(staged: _StagedChunk, loaded: LoadCounts, rejects: Rejects) -> None:
    """Store the rows whose key is new."""
    session, good = staged.session, staged.good
    await session.command(Statement(_FIND_KNOWN))
    [[known]] = await session.query(Statement("SELECT count() FROM known"))
    if good.rows != good.keys:
        await session.command(Statement(_FIRSTS))
    source = "checked" if good.rows == good.keys else "firsts"
    for month in good.months:
        await session.command(Statement(_new(source, known), {"month": month}))
    loaded.added += good.keys - known
    loaded.there_before += good.rows - good.keys + known


async def _correct(staged: _StagedChunk, loaded: LoadCounts, rejects: Rejects) -> None:
    """Store the rows whose key is new, and the rows that differ from the stored row with the same key."""
    session, good = staged.session, staged.good
    for statement in (LASTS, VERSIONS, corrected(staged.layout.told), FIND_UNCHANGED, FIND_MOVED, LEAVE_MOVED):
        await session.command(Statement(statement))
    [[added, changed, moved]] = await session.query(Statement(COUNT))
    if moved:
        await _reject(staged, staged.layout.moved(), rejects)
    for month in good.months:
        await session.command(Statement(CORRECT, {"month": month}))
    loaded.added += added
    loaded.corrected += changed
    loaded.there_before += good.rows - added - changed - moved


# Counting distinct hashes is faster than counting distinct keys.  If all hashes differ, so do all keys.
_COUNT = f"""
SELECT
    countIf(reason != ''), countIf(reason = ''), uniqExactIf(cityHash64({KEY}), reason = ''),
    toUnixTimestamp64Milli(maxIf(dt, reason = '')), arraySort(groupUniqArrayIf(toYYYYMM(dt), reason = ''))
FROM checked
"""

_COUNT_KEYS = f"SELECT uniqExact({KEY}) FROM checked WHERE reason = ''"

_RECORD = """
INSERT INTO cdr_load (finished_at, last_dt, added)
SELECT now64(3, 'UTC'), fromUnixTimestamp64Milli({last_call:Int64}, 'UTC'), {added:UInt64}
"""

_FIND_KNOWN = f"""
INSERT INTO known SELECT DISTINCT {KEY} FROM cdr
WHERE dt >= (SELECT min(dt) - INTERVAL 1 DAY FROM checked WHERE reason = '')
AND dt <= (SELECT max(dt) + INTERVAL 1 DAY FROM checked WHERE reason = '')
AND {among("checked WHERE reason = ''")}
"""


# If rows repeat a key within the chunk, the first one counts.  A single thread keeps the rows in order.
_FIRSTS = f"""
CREATE TEMPORARY TABLE firsts ENGINE = Memory AS
SELECT * FROM checked WHERE reason = '' LIMIT 1 BY {KEY} SETTINGS max_threads = 1
"""


def _new(source: str, known: int) -> str:
    """The statement that inserts the new rows of a month.

    ClickHouse writes an insert block by block and partition by partition, and only each block of a partition is atomic.
    So each insert covers one partition (a month) and one block; an interrupted load leaves no partial insert behind.
    """
    new = f"AND ({KEY}) NOT IN (SELECT {KEY} FROM known)" if known else ""
    return (
        f"INSERT INTO cdr ({NAMES}, answered, sign, loaded_at) "
        f"SELECT {NAMES}, answered, 1, now64(3, 'UTC') FROM {source} "
        f"WHERE reason = '' AND toYYYYMM(dt) = {{month:UInt32}} {new} "
        f"SETTINGS {ONE_BLOCK}"
    )

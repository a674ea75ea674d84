"""Loads many small bodies at once, each with counts of its own.

A switch posts each call by itself.  The store takes hardly longer for a hundred rows than for one, so the rows of
bodies that arrive together are loaded together.  A bad body is refused alone.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from functools import partial

from gqlreports.backends.base import Backend, Session, Statement
from gqlreports.errors import (
    LoadError,
    QueryCancelled,
    QueryTimeout,
    ReportsError,
    StoreBusy,
    StoreError,
    StoreUnavailable,
    UnreadableData,
)
from gqlreports.store.bodies import BODY, RECORDED, UNREADABLE, BodyLoad, BodyOptions, load_body, stream_of
from gqlreports.store.files import Chunk, FileRecord, reading
from gqlreports.store.formats import Opened, ReadOptions, open_cdrs
from gqlreports.store.load_cdrs import CdrLoad, StagedChunk, Turn
from gqlreports.store.load_counts import LoadCounts
from gqlreports.store.load_record import LoadRecord
from gqlreports.store.staging import Staging

logger = logging.getLogger(__name__)

_CSV, _JSON = "CSVWithNames", "JSONEachRow"
_OUTAGES = (StoreUnavailable, StoreBusy, QueryTimeout, QueryCancelled)
"""Failures that are not due to any body."""


async def load_bodies(
    backend: Backend, bodies: Sequence[bytes], options: BodyOptions, turn: Turn
) -> list[BodyLoad | ReportsError]:
    """Load small bodies at once.  Returns for each what became of it, or why it was refused."""
    results: list[BodyLoad | ReportsError] = [LoadError(UNREADABLE)] * len(bodies)
    groups: list[_Group] = []
    for place, opened in enumerate(await asyncio.to_thread(_opened_all, bodies, options.reading)):
        if isinstance(opened, ReportsError):
            results[place] = opened
        elif any(chunk.form not in (_CSV, _JSON) for chunk in opened.chunks):
            results[place] = await _alone(backend, bodies[place], options, turn)
        else:
            group = next((each for each in groups if each.fits(opened)), None)
            if group is None:
                groups.append(group := _Group(opened.staging, opened.header))
            group.bodies.append((place, bodies[place], opened.chunks))
    for each in groups:
        await each.load(backend, options, turn, results)
    return results


async def _alone(backend: Backend, body: bytes, options: BodyOptions, turn: Turn) -> BodyLoad | ReportsError:
    try:
        return await load_body(backend, partial(stream_of, body), options, turn)
    except ReportsError as error:
        return error


@dataclass(frozen=True)
class _OpenBody:
    staging: Staging
    chunks: list[Chunk]

    @property
    def header(self) -> bytes:
        """The first line of CSV; it also names columns that are not read."""
        return next((each.data.partition(b"\n")[0] for each in self.chunks if each.form == _CSV), b"")


def _opened_all(bodies: Sequence[bytes], options: ReadOptions) -> list[_OpenBody | ReportsError]:
    return [_opened(each, options) for each in bodies]


def _opened(body: bytes, options: ReadOptions) -> _OpenBody | ReportsError:
    try:
        with reading(BODY), ExitStack() as stack:
            opened = open_cdrs(stream_of(body), BODY, options, stack)
            return _OpenBody(replace(opened.staging, placed=True), list(opened.chunks))
    except ReportsError as error:
        return error
    except Exception as error:
        # Whatever is wrong with this one, those that came with it are loaded.
        logger.error("A body could not be read.", exc_info=error)
        return LoadError(f"{BODY} cannot be read; nothing was loaded.")


@dataclass(frozen=True)
class _PlacedRecord(FileRecord):
    """A record, and the place of its body among those that are loaded at once."""

    body: int = 0


@dataclass
class _Group:
    """Bodies with the same columns: their places, what they are, and their chunks."""

    staging: Staging
    header: bytes
    bodies: list[tuple[int, bytes, list[Chunk]]] = field(default_factory=list)

    def fits(self, opened: _OpenBody) -> bool:
        return self.header == opened.header and self.staging == opened.staging

    async def load(
        self, backend: Backend, options: BodyOptions, turn: Turn, results: list[BodyLoad | ReportsError]
    ) -> None:
        """Load all, and put what became of each in its place of the results."""
        error: ReportsError
        try:
            loaded = await self._loaded(backend, options, turn)
        except UnreadableData:
            error = LoadError(UNREADABLE)
        except (LoadError, StoreError) as failure:
            error = failure
        else:
            for (place, *_), body in zip(self.bodies, loaded, strict=True):
                results[place] = body
            return
        if len(self.bodies) > 1 and not isinstance(error, _OUTAGES):
            # One of them is to blame; so each is loaded by itself.
            for each in self.bodies:
                await _Group(self.staging, self.header, [each]).load(backend, options, turn, results)
        else:
            for place, *_ in self.bodies:
                results[place] = error

    async def _loaded(self, backend: Backend, options: BodyOptions, turn: Turn) -> list[BodyLoad]:
        record = LoadRecord(RECORDED, options.user)
        for _, body, _ in self.bodies:
            record.update(body)
        records: list[_PlacedRecord] = []
        gathered = await asyncio.to_thread(_gathered, [chunks for *_, chunks in self.bodies], records)
        loads = [BodyLoad(LoadCounts(load=record.load)) for _ in self.bodies]
        for load, (*_, chunks) in zip(loads, self.bodies, strict=True):
            load.counts.left_out = sum(chunk.left_out for chunk in chunks)
        opened = Opened(iter([gathered]), self.staging)
        # A switch may post any attempt of a call first.
        work = _BodiesLoad(
            backend, opened, _SortedRejects(loads), record.load, options.corrects, numbered_from_0=False, turn=turn
        )
        work.records, work.loads = records, loads
        counts = await work.run()
        for load in loads:
            load.counts.rejected = load.rejects.count
            counts.customers.update(load.counts.customers)
        await record.write(backend, counts)
        return loads


def _gathered(bodies: Sequence[Sequence[Chunk]], records: list[_PlacedRecord]) -> Chunk:
    """The chunks of all bodies as one, whose records are added to `records`."""
    broken: list[tuple[FileRecord, str]] = []
    parts: list[bytes] = []
    form = next((chunk.form for chunks in bodies for chunk in chunks), _JSON)
    for body, chunks in enumerate(bodies):
        for chunk in chunks:
            broken += [(_placed(record, body), reason) for record, reason in chunk.broken]
            found = [_placed(record, body) for record in chunk.records()]
            if not found:
                continue
            records += found
            # Rewritten, each row of CSV is a row for certain, and none swallows those of the next body.
            data = chunk.rewritten() if chunk.rewritten else chunk.data
            if form == _CSV:
                header, _, data = data.partition(b"\n")
                if not parts:
                    parts.append(header)
            parts.append(data.removesuffix(b"\n"))
    left_out, joined = (sum(getattr(c, name) for cs in bodies for c in cs) for name in ("left_out", "joined"))
    return Chunk(b"\n".join(parts), form, lambda: records, None, broken, left_out, joined)


def _placed(record: FileRecord, body: int) -> _PlacedRecord:
    return _PlacedRecord(record.line, record.text, body)


@dataclass
class _SortedRejects:
    """Gives each rejected row to its body."""

    loads: list[BodyLoad]
    count: int = 0
    reasons: Counter[str] = field(default_factory=Counter)

    def add(self, record: FileRecord, reason: str) -> None:
        assert isinstance(record, _PlacedRecord)
        self.count += 1
        self.reasons[reason] += 1
        self.loads[record.body].rejects.add(record, reason)


@dataclass
class _BodiesLoad(CdrLoad):
    """A load of several bodies, which counts for each."""

    records: list[_PlacedRecord] = field(default_factory=list)
    loads: list[BodyLoad] = field(default_factory=list)

    async def left_out(self, session: Session, checked: int) -> int:
        return 0 if checked == len(self.records) else await super().left_out(session, checked)

    async def count_customers(self, staged: StagedChunk) -> None:
        """Nothing: they are counted for each body."""

    async def prepare(self, staged: StagedChunk) -> bool:
        if staged.left_out > staged.chunk.left_out:
            for [place] in await staged.session.query(Statement(self.staging.left_out_places())):
                self.loads[self.records[place].body].counts.left_out += 1
        return await super().prepare(staged)

    async def stored(self, staged: StagedChunk, outcomes: str) -> None:
        """Count for each body.  A row that repeats one of another body was there before, as if that one came first."""
        seen: set[tuple[int, int]] = set()
        for place, customer, key, outcome in await staged.session.query(Statement(outcomes)):
            body = self.records[place].body
            counts = self.loads[body].counts
            counts.customers[customer] += 1
            if outcome == "repeated" and not self.corrects and (body, key) not in seen:
                outcome = "there_before"
            seen.add((body, key))
            if outcome != "rejected":
                setattr(counts, outcome, getattr(counts, outcome) + 1)

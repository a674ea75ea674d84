"""Loads CDR files: every valid row, once."""

import asyncio
import getpass
import io
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from contextlib import (
    AbstractAsyncContextManager,
    AbstractContextManager,
    AsyncExitStack,
    ExitStack,
    aclosing,
    nullcontext,
)
from dataclasses import dataclass, field, replace

from gqlreports.backends.base import Backend, Session, Statement
from gqlreports.errors import LoadError, UnreadableData
from gqlreports.store import ledger
from gqlreports.store.files import Chunk, OnRead, RejectSink, opened_members, rejects_beside
from gqlreports.store.formats import Opened, ReadOptions, open_cdrs
from gqlreports.store.load_counts import LoadCounts
from gqlreports.store.load_record import LoadRecord
from gqlreports.store.records import Pending
from gqlreports.store.staging import Staging

_NAMED = 10
"""How many calls a warning names."""
PLAIN = ReadOptions()


async def load_cdrs(
    backend: Backend, path: str, on_read: OnRead, corrects: bool = False, options: ReadOptions = PLAIN
) -> LoadCounts:
    """Load one file, `-` for standard input, in bounded memory.

    A row adds nothing if its key (customer, switch, callid, branch_idx) is already in the store within a day.  With
    `corrects`, it replaces the stored row if they differ.  Invalid rows go to `PATH.rejects.csv`.  The load can be
    stopped at any point and run again.

    Raises LoadError for a file that cannot be read, lacks a column, or whose form is not certain, and StoreError if the
    store fails.
    """
    record = LoadRecord(path, getpass.getuser())
    with opened_members(path, on_read) as members:
        return await load_members(backend, members, path, record, rejects_beside, corrects, options)


async def load_members(
    backend: Backend,
    members: Iterator[tuple[str, io.BufferedReader]],
    label: str,
    record: LoadRecord,
    rejects_of: Callable[[str], AbstractContextManager[RejectSink]],
    corrects: bool,
    options: ReadOptions,
    turn: "Turn | None" = None,
) -> LoadCounts:
    """Load streams as one load, each with its own name or none.  `label` is what messages call them."""
    loaded = LoadCounts(load=record.load)
    pending = Pending() if options.pending is None else options.pending
    each = replace(options, pending=pending, last=False)
    labels: set[str] = set()
    while (member := await asyncio.to_thread(next, members, None)) is not None:
        name, stream = member
        own = f"{label}.{name.replace('/', '_')}" if name else label
        while own in labels:
            own += "_"
        labels.add(own)
        loaded.archive = bool(name)
        with rejects_of(own) as rejects, ExitStack() as stack:
            try:
                # Opening reads, and a stream may wait for what the event loop has yet to receive.
                opened = await asyncio.to_thread(open_cdrs, record.hashed(stream), own, each, stack)
            except LoadError as error:
                if not name:
                    raise
                loaded.refused.append(str(error))
                continue
            load = CdrLoad(backend, opened, rejects, loaded.load, corrects, options.first_branch == 0)
            load.turn = turn or load.turn
            loaded.add(await load.run())
            if options.last and not name:
                loaded.reject(pending.rest(own), rejects)
    if options.last and loaded.archive:
        with rejects_of(label) as rejects:
            loaded.reject(pending.rest(label), rejects)
    loaded.waiting = pending.count
    await record.write(backend, loaded)
    return loaded


Turn = AbstractAsyncContextManager[object]
"""Held while a chunk is compared with what is stored, and added: another load of the process must not come between."""


@dataclass(frozen=True)
class _ValidRows:
    """Facts about the valid rows of a chunk."""

    rows: int
    keys: int
    retries: int
    """How many rows are not the first attempt of a call."""
    lowest_branch: int
    first_call: int
    last_call: int
    months: list[int]


@dataclass(frozen=True)
class StagedChunk:
    """A chunk whose rows have been parsed into the temporary table `checked` of a session."""

    chunk: Chunk
    staging: Staging
    session: Session
    session_open: AsyncExitStack
    left_out: int
    rejected: int
    good: _ValidRows


@dataclass
class CdrLoad:
    """A load of one file.  `numbered_from_0` says that the attempts of its calls must be numbered from 0."""

    backend: Backend
    opened: Opened
    rejects: RejectSink
    load_id: int
    corrects: bool
    numbered_from_0: bool
    counts: LoadCounts = field(default_factory=LoadCounts)
    turn: Turn = field(default_factory=nullcontext)

    @property
    def staging(self) -> Staging:
        return self.opened.staging

    async def run(self) -> LoadCounts:
        async with aclosing(self.chunks()) as chunks:
            async for staged in chunks:
                async with self.turn:
                    if await self.prepare(staged):
                        outcomes = await (self._correct if self.corrects else self._add)(staged)
                        await self.stored(staged, outcomes)
        self.counts.rejected = self.rejects.count
        self.counts.reasons.update(self.rejects.reasons)
        return self.counts

    async def stored(self, staged: StagedChunk, outcomes: str) -> None:
        """Called when a chunk is in the store; `outcomes` is the query for what became of each of its rows."""

    async def chunks(self) -> AsyncGenerator[StagedChunk, None]:
        """The chunks in order, each with an open session until the next one is asked for."""
        self.counts.load = self.load_id
        self.counts.layout = self.opened.layout.name if self.opened.layout else ""
        # If a chunk fails, the session of the prefetched next chunk must be closed before anything else happens.
        async with aclosing(_prefetch(self._next)) as chunks:
            async for staged in chunks:
                async with staged.session_open:
                    yield staged

    async def _next(self) -> StagedChunk | None:
        """The next chunk, staged.  It is rewritten if ClickHouse cannot read it as it stands in the file."""
        chunk = await asyncio.to_thread(next, self.opened.chunks, None)
        if chunk is None:
            return None
        try:
            return await self._staged(chunk)
        except UnreadableData:
            if chunk.rewritten is None:
                raise
            return await self._staged(replace(chunk, data=await asyncio.to_thread(chunk.rewritten)))

    async def _staged(self, chunk: Chunk) -> StagedChunk:
        async with AsyncExitStack() as stack:
            session = await stack.enter_async_context(self.backend.session())
            restaged = self.opened.restaged
            staging = restaged(chunk.names) if chunk.names and restaged else self.staging
            for statement in staging.temporary_tables():
                await session.command(Statement(statement))
            if chunk.data:
                await session.insert("staged", None, chunk.data, chunk.form)
            await session.command(Statement(staging.check()))
            [[rejected, rows, hashes, *others]] = await session.query(Statement(ledger.COUNT))
            left_out = await self.left_out(session, rejected + rows)
            [[keys]] = [[rows]] if hashes == rows else await session.query(Statement(ledger.COUNT_KEYS))
            good = _ValidRows(rows, keys, *others)
            return StagedChunk(chunk, staging, session, stack.pop_all(), chunk.left_out + left_out, rejected, good)

    async def prepare(self, staged: StagedChunk) -> bool:
        """Count the chunk's rows, reject the invalid ones, and align attempts.  Return whether any row is left."""
        counts, good = self.counts, staged.good
        if not (counts.read or good.rows) and staged.rejected:
            [[local]] = await staged.session.query(Statement(ledger.COUNT_LOCAL_TIMES))
            if local > staged.rejected // 2:
                raise LoadError("Its times are local; say in which zone, such as --time-zone America/New_York.")
        for record, reason in staged.chunk.broken:
            self.rejects.add(record, reason)
        if staged.rejected:
            await self._reject(staged, staged.staging.rejected())
        counts.left_out += staged.left_out
        counts.joined += staged.chunk.joined
        counts.read += good.rows + staged.rejected + len(staged.chunk.broken) + staged.left_out + staged.chunk.joined
        if not good.rows:
            return False
        await self.count_customers(staged)
        if good.retries:
            await self._align(staged)
        counts.first_call = min(counts.first_call or good.first_call, good.first_call)
        counts.last_call = max(counts.last_call or good.last_call, good.last_call)
        self.numbered_from_0 = False
        return True

    async def left_out(self, session: Session, checked: int) -> int:
        """How many records of a chunk do not count, given how many were checked."""
        if not self.staging.leaves_out:
            return 0
        [[left_out]] = await session.query(Statement(self.staging.left_out()))
        return int(left_out)

    async def count_customers(self, staged: StagedChunk) -> None:
        for customer, number in await staged.session.query(Statement(ledger.CUSTOMERS)):
            self.counts.customers[customer] += number

    async def _align(self, staged: StagedChunk) -> None:
        """Give all attempts of a call the start of the first one, and note calls that were answered twice."""
        session = staged.session
        for statement in (ledger.STARTS, ledger.STARTS_BEFORE):
            await session.command(Statement(statement))
        [[others, firsts]] = await session.query(Statement(ledger.COUNT_STARTS))
        if self.numbered_from_0 and staged.good.lowest_branch == 1 and not firsts:
            raise LoadError("Its calls have no attempt 0: they are numbered from 1; give --first-branch 1.")
        if others:
            for statement in ledger.ALIGN:
                await session.command(Statement(statement))
        for named, calls in (
            (self.counts.two_answers, ledger.TWO_ANSWERS),
            (self.counts.no_first, ledger.WITHOUT_FIRST),
        ):
            if len(named) < _NAMED:
                found = await session.query(Statement(calls, {"most": _NAMED - len(named)}))
                named += [callid for [callid] in found]

    async def _reject(self, staged: StagedChunk, places: str) -> None:
        found = await staged.session.query(Statement(places))
        reasons: dict[int, str] = dict(found)  # type: ignore[arg-type]

        def add() -> None:
            for place, record in enumerate(staged.chunk.records()):
                if place in reasons:
                    self.rejects.add(record, reasons[place])

        await asyncio.to_thread(add)

    async def _without_repeats(self, staged: StagedChunk, always: bool) -> str:
        """The table with the rows that count, of those with one key: the first, or in a correction the last."""
        session, good = staged.session, staged.good
        if good.rows == good.keys and not always:
            return "checked"
        for statement in (ledger.NUMBERED, ledger.dropped(self.corrects), ledger.KEPT):
            await session.command(Statement(statement))
        [[repeated, differing]] = await session.query(Statement(ledger.COUNT_DROPPED))
        self.counts.repeated += repeated
        self.counts.differing += differing
        return "kept"

    async def _add(self, staged: StagedChunk) -> str:
        """Store the rows whose key is new.  Returns the query for the outcomes."""
        session, good, load = staged.session, staged.good, {"load": self.load_id}
        repeated_before = self.counts.repeated
        source = await self._without_repeats(staged, always=False)
        rows = good.rows - (self.counts.repeated - repeated_before)
        await session.command(Statement(ledger.there(f"{source} WHERE reason = ''"), load))
        [[there]] = await session.query(Statement(ledger.COUNT_THERE))
        known = 0
        if there:
            await session.command(Statement(ledger.known(source), load))
            [[known, own, differing]] = await session.query(Statement(ledger.COUNT_KNOWN))
            self.counts.repeated += own
            self.counts.there_before += known - own
            self.counts.differing += differing
        for month in await self._months(staged):
            await session.command(Statement(ledger.new_rows(source, known > 0), {"month": month, **load}))
        self.counts.added += rows - known
        return ledger.outcomes(repeats=source == "kept", known=known > 0)

    async def _correct(self, staged: StagedChunk) -> str:
        """Store the rows whose key is new, and the rows that differ from the stored row with the same key.

        Returns the query for the outcomes.
        """
        session, good, load = staged.session, staged.good, {"load": self.load_id}
        repeated_before = self.counts.repeated
        await self._without_repeats(staged, always=True)
        rows = good.rows - (self.counts.repeated - repeated_before)
        corrections = (
            ledger.VERSIONS,
            ledger.corrected(staged.staging.told),
            ledger.NO_CHANGES,
            ledger.FIND_UNCHANGED,
            ledger.FIND_MOVED,
            ledger.LEAVE_MOVED,
        )
        for statement in corrections:
            await session.command(Statement(statement))
        [[added, changed, moved]] = await session.query(Statement(ledger.COUNT_CORRECTED))
        if moved:
            await self._reject(staged, staged.staging.moved())
        for month in await self._months(staged):
            await session.command(Statement(ledger.CORRECT, {"month": month, **load}))
        self.counts.added += added
        self.counts.corrected += changed
        self.counts.there_before += rows - added - changed - moved
        return ledger.CORRECTED_OUTCOMES

    async def _months(self, staged: StagedChunk) -> list[int]:
        """The months of the rows; attempts may have moved to that of their call."""
        if not staged.good.retries:
            return staged.good.months
        [[months]] = await staged.session.query(Statement(_MONTHS))
        found: list[int] = months
        return found


_MONTHS = "SELECT arraySort(groupUniqArrayIf(toYYYYMM(dt), reason = '')) FROM checked"


async def _prefetch(following: Callable[[], Awaitable[StagedChunk | None]]) -> AsyncGenerator[StagedChunk, None]:
    """Yield the chunks in order.  The next one is read and staged while the caller stores the current one."""
    coming = asyncio.ensure_future(following())
    try:
        while (staged := await coming) is not None:
            coming = asyncio.ensure_future(following())
            yield staged
    finally:
        coming.cancel()
        for left in await asyncio.gather(coming, return_exceptions=True):
            if isinstance(left, StagedChunk):
                await left.session_open.aclose()

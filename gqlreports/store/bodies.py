"""CDRs that arrive as the body of a request: what becomes of them, and how a body of any size is loaded."""

import asyncio
import io
from collections import Counter
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import cast

from gqlreports.backends.base import Backend, Statement
from gqlreports.errors import LoadError, StoreBusy, UnreadableData
from gqlreports.store.files import FileRecord, reading
from gqlreports.store.formats import ReadOptions
from gqlreports.store.load_cdrs import Turn, load_members
from gqlreports.store.load_counts import LoadCounts
from gqlreports.store.load_record import LoadRecord

BODY = "The body"
"""What messages call a body."""
RECORDED = "POST /load/cdrs"
"""The name of the file in the record of a load."""
MOST_REJECTS = 1_000
UNREADABLE = "The body has rows that the store cannot read."


@dataclass
class HeldRejects:
    """The lines of rejected rows and the reasons, as far as they are told."""

    count: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    held: list[tuple[int, str]] = field(default_factory=list)

    def add(self, record: FileRecord, reason: str) -> None:
        self.count += 1
        self.reasons[reason] += 1
        if self.count <= MOST_REJECTS:
            self.held.append((record.line, reason))


@dataclass
class BodyLoad:
    """What became of the records of a body.

    `unknown` are the customers of its rows whom nobody loaded, each with the number of its rows, the most first; None
    if that cannot be told.
    """

    counts: LoadCounts = field(default_factory=LoadCounts)
    rejects: HeldRejects = field(default_factory=HeldRejects)
    unknown: dict[str, int] | None = None


@dataclass(frozen=True)
class BodyOptions:
    """How bodies are read, whether they correct what is stored, and who loads them."""

    reading: ReadOptions
    corrects: bool
    user: str


async def load_body(
    backend: Backend, open_stream: Callable[[], io.BufferedReader], options: BodyOptions, turn: Turn
) -> BodyLoad:
    """Load a body of any size, in bounded memory.  It is opened and read in threads.

    Raises LoadError and StoreError, and whatever reading raises.
    """
    rejects = HeldRejects()
    record = LoadRecord(RECORDED, options.user)
    try:
        with reading(BODY):
            counts = await load_members(
                backend,
                (("", opened()) for opened in (open_stream,)),
                BODY,
                record,
                lambda label: nullcontext(rejects),
                options.corrects,
                options.reading,
                turn,
            )
    except UnreadableData as error:
        raise LoadError(UNREADABLE) from error
    return BodyLoad(counts, rejects)


def stream_of(body: bytes) -> io.BufferedReader:
    return io.BufferedReader(cast("io.RawIOBase", io.BytesIO(body)))


async def settled(backend: Backend) -> None:
    """Wait until the inserts of a process that was killed have ended: a server carries them on.

    A row that is posted again would otherwise be added twice.  Raises StoreBusy if they take long.
    """
    async with backend.session() as session:
        [[before]] = await session.query(Statement(_INSERTS))
        for _ in range(_TRIES):
            if not before:
                return
            await asyncio.sleep(_PAUSE)
            [[now]] = await session.query(Statement(_INSERTS))
            before = {*before} & {*now}
    raise StoreBusy("Loads of a process that ended are still under way; try again in a moment.")


_TRIES, _PAUSE = 300, 0.1
_INSERTS = """
SELECT groupArray(query_id) FROM system.processes
WHERE current_database = currentDatabase() AND query_kind = 'Insert' AND startsWith(trimLeft(query), 'INSERT INTO cdr')
"""

"""Takes the loads of a process: one large body at a time, and small ones gathered."""

import asyncio
import io
import time
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, TypeVar

from starlette.concurrency import run_in_threadpool

from gqlreports.backends.base import Backend
from gqlreports.directory.directory import Directory
from gqlreports.errors import DirectoryUnavailable, ReportsError, StoreBusy
from gqlreports.store.bodies import BodyLoad, BodyOptions, load_body, settled
from gqlreports.store.gathered import load_bodies
from gqlreports.web.load_options import LoadOptions

Result = TypeVar("Result")

GATHERED_FOR = 0.02
"""Seconds that a small body waits for others, unless a load is running."""
MOST_AT_ONCE = 500
"""Bodies in one load."""
LOADS_AT_ONCE = 2
"""Loads of small bodies at once: while the rows of one are added, those of the next are checked."""
MOST_WAITING = 2_000
"""Small bodies that may wait."""
MOST_LARGE = 4
"""Large bodies that may be loading or waiting."""
_LONGEST_END = 15.0
_BUSY = "Too many loads are waiting; try again in a moment."


_Kind = tuple[LoadOptions, str]
"""What bodies must share to be loaded together: the options, and whose they are."""


@dataclass
class _Waiting:
    since: float
    bodies: list[tuple[bytes, asyncio.Future[BodyLoad]]] = field(default_factory=list)


class Loads:
    """Loads bodies into a store, and compares and adds the rows of only one load at a time."""

    def __init__(self, backend: Backend, directory: Directory) -> None:
        self._backend, self._directory = backend, directory
        self._turn, self._one_large, self._settling = asyncio.Lock(), asyncio.Lock(), asyncio.Lock()
        self._at_once = asyncio.Semaphore(LOADS_AT_ONCE)
        self._settled = False
        self._waiting: dict[_Kind, _Waiting] = {}
        self._number = self._large = 0
        self._gathering: asyncio.Task[None] | None = None
        self._running: set[asyncio.Task[Any]] = set()

    def small(self, body: bytes, options: LoadOptions, user: str) -> asyncio.Future[BodyLoad]:
        """Load a small body, together with others.  Raises StoreBusy if too many wait."""
        if self._number >= MOST_WAITING:
            raise StoreBusy(_BUSY)
        self._number += 1
        future: asyncio.Future[BodyLoad] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault((options, user), _Waiting(time.monotonic())).bodies.append((body, future))
        if self._gathering is None or self._gathering.done():
            self._gathering = self._started(self._gather())
        return future

    def large(
        self, open_stream: Callable[[], io.BufferedReader], options: LoadOptions, user: str
    ) -> asyncio.Task[BodyLoad]:
        """Load a body of any size.  Raises StoreBusy if too many wait."""
        if self._large >= MOST_LARGE:
            raise StoreBusy(_BUSY)
        self._large += 1
        return self._started(self._loaded(open_stream, _body_options(options, user)))

    async def end(self) -> None:
        """Let running loads end, for some seconds, before the store is closed."""
        if self._running:
            await asyncio.wait(self._running, timeout=_LONGEST_END)

    def _started(self, work: Coroutine[Any, Any, Result]) -> asyncio.Task[Result]:
        task = asyncio.ensure_future(work)
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        return task

    async def _loaded(self, open_stream: Callable[[], io.BufferedReader], options: BodyOptions) -> BodyLoad:
        try:
            async with self._one_large:
                await self._settle()
                load = await load_body(self._backend, open_stream, options, self._turn)
                await self._find_unknown([load])
                return load
        finally:
            self._large -= 1

    async def _gather(self) -> None:
        while self._waiting:
            kind, waiting = next(iter(self._waiting.items()))
            await asyncio.sleep(max(0.0, waiting.since + GATHERED_FOR - time.monotonic()))
            await self._at_once.acquire()
            del self._waiting[kind]
            if rest := waiting.bodies[MOST_AT_ONCE:]:
                self._waiting[kind] = _Waiting(waiting.since, rest)
            now = waiting.bodies[:MOST_AT_ONCE]
            self._number -= len(now)
            self._started(self._load_now(_body_options(*kind), now))

    async def _load_now(self, options: BodyOptions, bodies: list[tuple[bytes, asyncio.Future[BodyLoad]]]) -> None:
        outcomes: list[BodyLoad | ReportsError] | list[Exception]
        try:
            await self._settle()
            outcomes = await load_bodies(self._backend, [body for body, _ in bodies], options, self._turn)
            await self._find_unknown([each for each in outcomes if isinstance(each, BodyLoad)])
        except Exception as error:
            outcomes = [error] * len(bodies)
        finally:
            self._at_once.release()
        for (_, future), outcome in zip(bodies, outcomes, strict=True):
            if future.done():
                continue
            if isinstance(outcome, Exception):
                future.set_exception(outcome)
            else:
                future.set_result(outcome)

    async def _find_unknown(self, loads: Sequence[BodyLoad]) -> None:
        customers = {customer for load in loads for customer in load.counts.customers}
        with suppress(DirectoryUnavailable):
            unknown = await run_in_threadpool(self._directory.unknown_customers, customers)
            for load in loads:
                load.unknown = {name: rows for name, rows in load.counts.customers.most_common() if name in unknown}

    async def _settle(self) -> None:
        async with self._settling:
            if not self._settled:
                await settled(self._backend)
                self._settled = True


def _body_options(options: LoadOptions, user: str) -> BodyOptions:
    return BodyOptions(options.reading, options.corrects, user)

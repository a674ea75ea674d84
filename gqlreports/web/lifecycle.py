"""The lifecycle of the process and of its requests: readiness, shutdown, and callers who disconnect."""

import asyncio
import logging
import signal
import socket
import time
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any, TypeVar

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.types import Receive

from gqlreports.backends.base import Backend
from gqlreports.directory.directory import Directory
from gqlreports.errors import ReportsError, ShuttingDown
from gqlreports.web.errors import PAUSE

Result = TypeVar("Result")
logger = logging.getLogger(__name__)


class Shutdown:
    """The shutdown of the process: `begin` makes it refuse new requests, and `end` cancels the running ones."""

    def __init__(self) -> None:
        self.begun = False
        self._running: set[asyncio.Future[Any]] = set()

    def begin(self) -> None:
        self.begun = True

    def end(self) -> None:
        for each in list(self._running):
            each.cancel()

    def check(self) -> None:
        """Raise ShuttingDown if the shutdown has begun."""
        if self.begun:
            raise ShuttingDown("This server is going down; try again in a moment.")

    @contextmanager
    def running(self, work: asyncio.Future[Any]) -> Iterator[None]:
        """Cancel `work` if the shutdown ends while this context is open."""
        self._running.add(work)
        try:
            yield
        finally:
            self._running.discard(work)


class CallerLeft(Exception):
    """The caller has disconnected, so nobody would read an answer."""


async def while_connected(work: Coroutine[Any, Any, Result], receive: Receive, shutdown: Shutdown) -> Result:
    """The result of some work, which is cancelled if the caller disconnects.

    The request's body must have been read before.  Raises CallerLeft if the caller disconnects, and ShuttingDown if the
    process ends before the work does.
    """
    task, gone = asyncio.ensure_future(work), asyncio.ensure_future(_gone(receive))
    both: set[asyncio.Future[Any]] = {task, gone}
    try:
        with shutdown.running(task):
            await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        if task.cancelled():
            raise ShuttingDown("This server went down before the answer was there; try again.")
        if task.done():
            return task.result()
        raise CallerLeft
    finally:
        gone.cancel()
        if not task.done():
            task.cancel()
            await asyncio.gather(*both, return_exceptions=True)


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


PATIENCE = 2.0
"""Seconds within which store and directory must answer."""
FRESH = 1.0
"""Seconds for which an answer is reused."""


class Readiness:
    """Answers /readyz.  It checks store and directory at most once a second, however many requests come in."""

    def __init__(self, backend: Backend, directory: Directory, shutdown: Shutdown) -> None:
        self._backend = backend
        self._directory = directory
        self._shutdown = shutdown
        self._asking = asyncio.Lock()
        self._asked = -FRESH
        self._ready = False

    async def answer(self, request: Request) -> Response:
        ready = not self._shutdown.begun and await self._known()
        headers = {"Cache-Control": "no-store"} | ({} if ready else {"Retry-After": str(PAUSE)})
        return PlainTextResponse("ok\n" if ready else "not ready\n", 200 if ready else 503, headers)

    async def _known(self) -> bool:
        async with self._asking:
            if time.monotonic() - self._asked >= FRESH:
                self._ready = await self._both_answer()
                self._asked = time.monotonic()
            return self._ready

    async def _both_answer(self) -> bool:
        try:
            async with asyncio.timeout(PATIENCE):
                await asyncio.gather(self._backend.check(), asyncio.to_thread(self._directory.check))
        except (ReportsError, TimeoutError) as error:
            logger.warning("Not ready: %s", error)
            return False
        return True


NOTICE = 1.0
"""Seconds between the first "not ready" at /readyz and the end of listening, so that a load balancer can notice."""
LAST = 10
"""Seconds that connections may stay open after the running requests were cancelled."""


class GracefulServer(uvicorn.Server):
    """A server that shuts down gracefully on SIGTERM.

    It reports that it is not ready, stops listening, and gives running requests `seconds` to end.  Then it cancels the
    remaining requests and answers them with 503.  The process exits with status 0.

    `run` raises KeyboardInterrupt if it was interrupted before it listened.
    """

    def __init__(self, app: Starlette, host: str, port: int, shutdown: Shutdown, seconds: float) -> None:
        last = int(seconds) + LAST
        config = uvicorn.Config(
            app,
            host,
            port,
            log_config=None,
            access_log=False,
            timeout_graceful_shutdown=last,
            server_header=False,
        )
        super().__init__(config)
        self._shutdown = shutdown
        self._seconds = seconds
        self._interrupted = False

    def run(self, sockets: list[socket.socket] | None = None) -> None:
        super().run(sockets)
        if self._interrupted and not self.started:
            raise KeyboardInterrupt

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        # Uvicorn's own handler would raise the signal again at the end, and the process would exit with its number.
        self._interrupted = sig == signal.SIGINT
        self.force_exit = self.should_exit and self._interrupted
        self.should_exit = True
        self._shutdown.begin()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        asyncio.get_running_loop().call_later(self._seconds, self._shutdown.end)
        await asyncio.sleep(min(NOTICE, self._seconds))
        await super().shutdown(sockets)

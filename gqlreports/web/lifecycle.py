"""The life of the process and of its requests: readiness, the end, and callers who leave."""

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
    """The end of the process: once it has begun, new requests are refused; at its end, running ones are cancelled."""

    def __init__(self) -> None:
        self.begun = False
        self._running: set[asyncio.Future[Any]] = set()

    def begin(self) -> None:
        self.begun = True

    def end(self) -> None:
        for each in list(self._running):
            each.cancel()

    def check(self) -> None:
        """Raises ShuttingDown once it has begun."""
        if self.begun:
            raise ShuttingDown("This server is going down; try again in a moment.")

    @contextmanager
    def running(self, work: asyncio.Future[Any]) -> Iterator[None]:
        """Some work that is cancelled at the end."""
        self._running.add(work)
        try:
            yield
        finally:
            self._running.discard(work)


class CallerLeft(Exception):
    """The caller has gone: nobody reads an answer."""


async def while_connected(work: Coroutine[Any, Any, Result], receive: Receive, shutdown: Shutdown) -> Result:
    """The result of some work, which is cancelled when the caller goes away.  The request's body must be read before.

    Raises CallerLeft if the caller went away, and ShuttingDown if the process ends before the work does.
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
"""Seconds in which store and directory must answer."""
FRESH = 1.0
"""Seconds for which an answer is given again."""


class Readiness:
    """Asks store and directory once a second at most, however many ask here."""

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
"""Seconds between the word that it ends, at /readyz, and the end of listening, for a load balancer to hear it."""
_LAST = 10
"""Seconds after which a connection that does not end is cut off."""


class GracefulServer(uvicorn.Server):
    """On SIGTERM it says that it is not ready, stops listening, and gives running requests `seconds` to end.

    Those that have not ended then are cancelled, and answered with 503; the process ends with 0.
    """

    def __init__(self, app: Starlette, host: str, port: int, shutdown: Shutdown, seconds: float) -> None:
        last = int(seconds) + _LAST
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

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        # Uvicorn's own would raise the signal again in the end, and the process would end with its number.
        self.force_exit = self.should_exit and sig == signal.SIGINT
        self.should_exit = True
        self._shutdown.begin()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        asyncio.get_running_loop().call_later(self._seconds, self._shutdown.end)
        await asyncio.sleep(min(NOTICE, self._seconds))
        await super().shutdown(sockets)

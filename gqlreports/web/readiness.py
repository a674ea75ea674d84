"""Whether this process can answer requests now."""

import asyncio
import logging
import time

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from gqlreports.backends.base import Backend
from gqlreports.directory.directory import Directory
from gqlreports.errors import ReportsError
from gqlreports.web.draining import Draining
from gqlreports.web.errors import PAUSE

logger = logging.getLogger(__name__)

PATIENCE = 2.0
"""Seconds in which store and directory must answer."""
FRESH = 1.0
"""Seconds for which an answer is given again."""


class Readiness:
    """Asks store and directory once a second at most, however many ask here."""

    def __init__(self, backend: Backend, directory: Directory, draining: Draining) -> None:
        self._backend = backend
        self._directory = directory
        self._draining = draining
        self._asking = asyncio.Lock()
        self._asked = -FRESH
        self._ready = False

    async def answer(self, request: Request) -> Response:
        ready = not self._draining.begun and await self._known()
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

"""The server that a process runs, and how it ends."""

import asyncio
import signal
import socket
from types import FrameType

import uvicorn
from starlette.applications import Starlette

from gqlreports.web.draining import Draining

NOTICE = 1.0
"""Seconds between the word that it ends, at /readyz, and the end of listening, for a load balancer to hear it."""
_LAST = 10
"""Seconds after which a connection that does not end is cut off."""


class DrainingServer(uvicorn.Server):
    """On SIGTERM it says that it is not ready, stops listening, and gives running requests `seconds` to end.

    Those that have not ended then are cancelled, and answered with 503; the process ends with 0.
    """

    def __init__(self, app: Starlette, host: str, port: int, draining: Draining, seconds: float) -> None:
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
        self._draining = draining
        self._seconds = seconds

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        # Uvicorn's own would raise the signal again in the end, and the process would end with its number.
        self.force_exit = self.should_exit and sig == signal.SIGINT
        self.should_exit = True
        self._draining.begin()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        asyncio.get_running_loop().call_later(self._seconds, self._draining.end)
        await asyncio.sleep(min(NOTICE, self._seconds))
        await super().shutdown(sockets)

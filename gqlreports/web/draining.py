"""The end of this process, as its requests see it."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from gqlreports.errors import ShuttingDown


class Draining:
    """Once it has begun, no request is taken any more; when it is over, those that still run are cancelled."""

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

"""Seconds that a query may take in parts."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from gqlreports.backends.base import store_error

_TIMEOUT_EXCEEDED = 159
"""ClickHouse's number for it."""


class Allowance:
    """So many seconds; what happens between the parts does not count."""

    def __init__(self, seconds: float) -> None:
        self._left = seconds

    @asynccontextmanager
    async def part(self) -> AsyncIterator[None]:
        """Some of the time.  What runs when it is used up is cancelled; raises QueryTimeout."""
        begun = time.monotonic()
        try:
            async with asyncio.timeout(self._left):
                yield
        except TimeoutError:
            raise store_error(_TIMEOUT_EXCEEDED) from None
        self._left -= time.monotonic() - begun

"""Seconds that a query may take in parts."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from gqlreports.backends.failures import store_error


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
        except TimeoutError as error:
            raise store_error(error) from error
        self._left -= time.monotonic() - begun

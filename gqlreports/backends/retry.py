"""Another try for what changes nothing, where its connection failed."""

import asyncio
import logging
import random
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

from gqlreports.backends.failures import FAILURES, lost_connection

logger = logging.getLogger(__name__)
Result = TypeVar("Result")

PATIENCE = 5.0
"""Seconds from the first failure after which it is given up."""
FIRST_PAUSE, LONGEST_PAUSE = 0.05, 0.5


async def retried(read: Callable[[], Awaitable[Result]]) -> Result:
    """The outcome of a read, tried again after growing pauses where its connection failed, and for nothing else."""
    pause, give_up = FIRST_PAUSE, time.monotonic() + PATIENCE
    while True:
        try:
            return await read()
        except FAILURES as error:
            if not lost_connection(error) or time.monotonic() + pause > give_up:
                raise
            logger.warning("The store's connection failed, trying again: %s", error)
        # No two callers wait alike, or they would all come back at once.
        await asyncio.sleep(pause * random.uniform(0.5, 1))
        pause = min(2 * pause, LONGEST_PAUSE)

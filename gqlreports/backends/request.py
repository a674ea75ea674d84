"""What a query knows of the request that it belongs to: its id, and the time that is left."""

import asyncio
import math
import secrets
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from contextvars import Context, ContextVar, copy_context

from gqlreports.backends.failures import store_error

NO_REQUEST = "gqlreports"
REQUEST_ID: ContextVar[str] = ContextVar("request_id", default=NO_REQUEST)
"""The id of the request that is being answered; the queries that it needs begin with it."""


def new_query_id() -> str:
    """An id for ClickHouse, which wants another for each query."""
    return f"{REQUEST_ID.get()}-{secrets.token_hex(6)}"


DEADLINE: ContextVar[float] = ContextVar("deadline", default=math.inf)
"""The moment on the monotonic clock at which the request that is being answered has no more time."""
_LEAST = 0.001


def without_deadline() -> Context:
    """A context for work that several requests wait for, each for as long as it may."""
    context = copy_context()
    context.run(DEADLINE.set, math.inf)
    return context


def time_left() -> float | None:
    """What is left until then, in seconds; None where there is no such moment."""
    return None if DEADLINE.get() == math.inf else seconds_left(math.inf)


def seconds_left(most: float) -> float:
    """What is left until then, in seconds, never more than `most`, and never 0: to ClickHouse that means any time."""
    return max(min(most, DEADLINE.get() - time.monotonic()), _LEAST)


class TimeBudget:
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

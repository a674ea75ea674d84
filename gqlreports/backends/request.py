"""What a query knows about its request: the request's id, and how much time is left."""

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
"""The id of the request that is being answered.  The ids of its queries begin with it."""


def new_query_id() -> str:
    """A query id for ClickHouse, unique for each query."""
    return f"{REQUEST_ID.get()}-{secrets.token_hex(6)}"


DEADLINE: ContextVar[float] = ContextVar("deadline", default=math.inf)
"""The moment, on the monotonic clock, by which the current request must be answered."""
_LEAST = 0.001


def without_deadline() -> Context:
    """A copy of the context without the deadline, for work that several requests wait for until their own deadlines."""
    context = copy_context()
    context.run(DEADLINE.set, math.inf)
    return context


def time_left() -> float | None:
    """The seconds left until the deadline, or None if there is no deadline."""
    return None if DEADLINE.get() == math.inf else seconds_left(math.inf)


def seconds_left(most: float) -> float:
    """The seconds left until the deadline, at most `most`.  Never 0, since ClickHouse takes 0 as no limit."""
    return max(min(most, DEADLINE.get() - time.monotonic()), _LEAST)


class TimeBudget:
    """A number of seconds that a query may use in parts.  Time between the parts does not count."""

    def __init__(self, seconds: float) -> None:
        self._left = seconds

    @asynccontextmanager
    async def part(self) -> AsyncIterator[None]:
        """A part of the query.  Cancels it and raises QueryTimeout once the seconds are used up."""
        begun = time.monotonic()
        try:
            async with asyncio.timeout(self._left):
                yield
        except TimeoutError as error:
            raise store_error(error) from error
        self._left -= time.monotonic() - begun

"""Until when an answer is wanted."""

import math
import time
from contextvars import ContextVar

DEADLINE: ContextVar[float] = ContextVar("deadline", default=math.inf)
"""The moment on the monotonic clock at which the request that is being answered has no more time."""
_LEAST = 0.001


def time_left() -> float | None:
    """What is left until then, in seconds; None where there is no such moment."""
    return None if DEADLINE.get() == math.inf else seconds_left(math.inf)


def seconds_left(most: float) -> float:
    """What is left until then, in seconds, never more than `most`, and never 0: to ClickHouse that means any time."""
    return max(min(most, DEADLINE.get() - time.monotonic()), _LEAST)

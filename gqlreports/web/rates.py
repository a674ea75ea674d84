"""How often a key asks."""

import math
import time
from dataclasses import dataclass

from gqlreports.errors import TooManyRequests

MINUTE = 60.0
_MANY = 1000


@dataclass
class _Window:
    end: float
    requests: int = 0


class Rates:
    """Counts the requests of each key in this process, from its first one for a minute, and then anew."""

    def __init__(self, per_minute: int) -> None:
        self._per_minute = per_minute
        self._windows: dict[str, _Window] = {}

    def count(self, key: str) -> None:
        """Raises TooManyRequests where the key has had its minute's requests."""
        now = time.monotonic()
        window = self._windows.get(key)
        if window is None or window.end <= now:
            self._forget(now)
            window = self._windows[key] = _Window(now + MINUTE)
        if window.requests >= self._per_minute:
            pause = math.ceil(window.end - now)
            raise TooManyRequests("requestsPerMinute", window.requests + 1, self._per_minute, pause)
        window.requests += 1

    def _forget(self, now: float) -> None:
        if len(self._windows) >= _MANY:
            self._windows = {key: each for key, each in self._windows.items() if each.end > now}

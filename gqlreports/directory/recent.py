"""What was found in the directory within the last seconds, so that it need not be looked up again."""

from time import monotonic
from typing import Generic, TypeVar

Found = TypeVar("Found")


SECONDS = 4.0
"""How old an answer may be.  What is ended holds no longer than this in other processes, which have 5 s."""
_MOST = 10_000


class Recent(Generic[Found]):
    """What was found by a text, the hash of a secret or an id; what does not hold is never kept."""

    def __init__(self) -> None:
        self._kept: dict[str, tuple[float, Found]] = {}
        self._cleared_at = 0.0

    def get(self, name: str) -> Found | None:
        kept = self._kept.get(name)
        return kept[1] if kept is not None and monotonic() - kept[0] < SECONDS else None

    def put(self, name: str, found: Found, asked_at: float) -> None:
        """`asked_at` is when the look-up began.  It misses changes since then, for example the cause of a `clear`."""
        if asked_at <= self._cleared_at:
            return
        if len(self._kept) >= _MOST:
            self._kept.clear()
        self._kept[name] = asked_at, found

    def clear(self) -> None:
        self._cleared_at = monotonic()
        self._kept.clear()

"""What was found in the directory within the last seconds, so that it need not be looked up again."""

from time import monotonic
from typing import Generic, TypeVar

Found = TypeVar("Found")

SECONDS = 4.0
"""How old an answer may be.  What is ended holds no longer than this in other processes, which have 5 s."""
_MOST = 10_000


class Recent(Generic[Found]):
    """What was found, by the hash of what it was found for; what does not hold is never kept."""

    def __init__(self) -> None:
        self._kept: dict[str, tuple[float, Found]] = {}

    def get(self, text_hash: str) -> Found | None:
        kept = self._kept.get(text_hash)
        return kept[1] if kept is not None and monotonic() - kept[0] < SECONDS else None

    def put(self, text_hash: str, found: Found, asked_at: float) -> None:
        """`asked_at` is when the look-up began: what came later is not in it."""
        if len(self._kept) >= _MOST:
            self._kept.clear()
        self._kept[text_hash] = asked_at, found

    def clear(self) -> None:
        self._kept.clear()

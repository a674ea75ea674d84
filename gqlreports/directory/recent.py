"""Remembers recent results from the directory for a few seconds, to save queries."""

from time import monotonic
from typing import Generic, TypeVar

Found = TypeVar("Found")


SECONDS = 4.0
"""How old a result may be.

Other processes still accept a revoked key or an ended session for this long, which is within the promised 5 seconds.
"""
_MOST = 10_000


class Recent(Generic[Found]):
    """Results by a text: the hash of a secret, or an id.  Failed look-ups are never kept."""

    def __init__(self) -> None:
        self._kept: dict[str, tuple[float, Found]] = {}
        self._cleared_at = 0.0

    def get(self, name: str) -> Found | None:
        kept = self._kept.get(name)
        return kept[1] if kept is not None and monotonic() - kept[0] < SECONDS else None

    def put(self, name: str, found: Found, asked_at: float) -> None:
        """Keep a result of a query that began at `asked_at`.

        It is dropped if `clear` was called since then, because the query may have missed the change that caused it.
        """
        if asked_at <= self._cleared_at:
            return
        if len(self._kept) >= _MOST:
            self._kept.clear()
        self._kept[name] = asked_at, found

    def clear(self) -> None:
        self._cleared_at = monotonic()
        self._kept.clear()

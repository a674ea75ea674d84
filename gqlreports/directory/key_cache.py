"""The keys that were found in the last seconds."""

from time import monotonic

from gqlreports.directory.grant import Grant

SECONDS = 4.0
"""How old an answer may be.  A key that is revoked holds no longer than this in other processes, which have 5 s."""
_MOST = 10_000


class KeyCache:
    """Grants by the hashes of their keys; keys that are not valid are never kept."""

    def __init__(self) -> None:
        self._kept: dict[str, tuple[float, Grant]] = {}

    def get(self, key_hash: str) -> Grant | None:
        asked_at, grant = self._kept.get(key_hash, (0.0, None))
        return grant if monotonic() - asked_at < SECONDS else None

    def put(self, key_hash: str, grant: Grant, asked_at: float) -> None:
        """`asked_at` is when the look-up began: what came later is not in it."""
        if len(self._kept) >= _MOST:
            self._kept.clear()
        self._kept[key_hash] = asked_at, grant

    def clear(self) -> None:
        self._kept.clear()

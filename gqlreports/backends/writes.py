"""What one process writes to a store."""

import threading
from collections.abc import Callable
from typing import TypeVar

Result = TypeVar("Result")


class Writes:
    """Counts them, from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._running = 0
        self._ended = 0

    @property
    def version(self) -> str | None:
        """Another one after each write; None while one runs, of which a reader may see a part."""
        with self._lock:
            return None if self._running else str(self._ended)

    def counted(self, work: Callable[..., Result], *arguments: object) -> Result:
        """Some work that writes, however it ends."""
        with self._lock:
            self._running += 1
        try:
            return work(*arguments)
        finally:
            with self._lock:
                self._running -= 1
                self._ended += 1

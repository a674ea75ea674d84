"""The right to write to an embedded store that a server has open.

One command at a time has it.  Two loads of the same file would otherwise both find its rows missing, and both add them.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TypeAlias

from gqlreports.errors import StoreUnavailable

End: TypeAlias = Callable[[], Awaitable[None]]
"""Ends a session, and returns when nothing of it runs any more."""


@dataclass(eq=False)
class _Holder:
    """The command that has the right, and how its sessions are ended."""

    client: str
    process: int | None
    sessions: list[End] = field(default_factory=list)


class WriteLock:
    def __init__(self) -> None:
        self._holder: _Holder | None = None
        self._turn = asyncio.Lock()

    @asynccontextmanager
    async def held(self, client: str, process: int | None) -> AsyncIterator[None]:
        """The right to write.  Raises StoreUnavailable if another command has it.

        A command may be killed and run again at once.  So the next one waits until what the last one's sessions ran
        has ended.
        """
        if self._holder is not None:
            other = "Another command" if self._holder.process is None else f"Process {self._holder.process}"
            raise StoreUnavailable(f"{other} is writing to the store: run this again when that has ended.")
        self._holder = holder = _Holder(client, process)
        try:
            async with self._turn:
                try:
                    yield
                finally:
                    self._let_go(holder)
                    await asyncio.gather(*(end() for end in holder.sessions))
        finally:
            self._let_go(holder)

    def lend(self, client: str, end: End) -> None:
        """Let a session of a command write.  Raises StoreUnavailable if the command does not have the right."""
        if self._holder is None or self._holder.client != client:
            raise StoreUnavailable("This command has lost the right to write to the store: run it again.")
        self._holder.sessions.append(end)

    def _let_go(self, holder: _Holder) -> None:
        if self._holder is holder:
            self._holder = None

"""Work that runs once for all callers that wait for it."""

import asyncio
from collections.abc import Callable, Coroutine
from contextvars import Context
from typing import Any, Generic, TypeVar

Result = TypeVar("Result")


class SharedTask(Generic[Result]):
    """Some work that is stopped when the last caller that waits for it has left.

    `on_end` is called when the work has ended or is stopped; no further caller may join it then.  The work runs in
    `context`, or by default in the context of the caller that starts it.
    """

    def __init__(
        self,
        work: Coroutine[Any, Any, Result],
        on_end: Callable[[], None] = lambda: None,
        context: Context | None = None,
    ) -> None:
        self._task = asyncio.get_running_loop().create_task(work, context=context)
        self._task.add_done_callback(lambda _: on_end())
        self._on_end = on_end
        self._waiting = 0

    @property
    def done(self) -> bool:
        return self._task.done()

    async def result(self) -> Result:
        """Wait for the work, and return its result or raise its exception."""
        self._waiting += 1
        try:
            return await asyncio.shield(self._task)
        finally:
            self._waiting -= 1
            if not self._waiting and not self._task.done():
                self._on_end()
                self._task.cancel()
                await self.end()

    async def end(self) -> None:
        """Wait until the work has ended in any way, without raising its exception."""
        await asyncio.wait((self._task,))

"""Work that runs once for all who wait for it."""

import asyncio
from collections.abc import Callable, Coroutine
from contextvars import Context
from typing import Any, Generic, TypeVar

Result = TypeVar("Result")


class SharedTask(Generic[Result]):
    """Some work, which is stopped when the last who waits for it has left.

    `on_end` is called when it has ended or is stopped: nobody may join it any more.  It runs in a `context`, or in that
    of whoever begins it.
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
        """The outcome, which is also raised, for each who waits."""
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
        """Returns once it has ended, however it did."""
        await asyncio.wait((self._task,))

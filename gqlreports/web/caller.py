"""Whether a request's caller still waits for the answer."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from starlette.types import Receive

from gqlreports.errors import ShuttingDown
from gqlreports.web.draining import Draining

Result = TypeVar("Result")


class CallerLeft(Exception):
    """The caller has gone: nobody reads an answer."""


async def while_connected(work: Coroutine[Any, Any, Result], receive: Receive, draining: Draining) -> Result:
    """The outcome of some work, which is cancelled when the caller goes away; the request's body must be read.

    Raises CallerLeft then, and ShuttingDown where the process ends before the work, after the work has ended.
    """
    task, gone = asyncio.ensure_future(work), asyncio.ensure_future(_gone(receive))
    both: set[asyncio.Future[Any]] = {task, gone}
    try:
        with draining.running(task):
            await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        if task.cancelled():
            raise ShuttingDown("This server went down before the answer was there; try again.")
        if task.done():
            return task.result()
        raise CallerLeft
    finally:
        gone.cancel()
        if not task.done():
            task.cancel()
            await asyncio.gather(*both, return_exceptions=True)


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass

"""Answers a request within its limits, for as long as its caller waits."""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any

from starlette.requests import ClientDisconnect
from starlette.responses import Response

from gqlreports.backends.request import REQUEST_ID
from gqlreports.errors import QueryTimeout, ReportsError
from gqlreports.limits import RequestLimits
from gqlreports.web.errors import Refused
from gqlreports.web.lifecycle import CallerLeft, Shutdown, while_connected
from gqlreports.web.limits import BoundedRequest, set_deadline

logger = logging.getLogger(__name__)

_GRACE = 1.0
"""Seconds after its deadline in which a request may still report which of its reports were late."""


async def answered(
    request: BoundedRequest,
    limits: RequestLimits,
    shutdown: Shutdown,
    run: Callable[[], Coroutine[Any, Any, Response]],
) -> Response | None:
    """The response of `run`, which is called when the body is there; None if the caller left.

    Raises Refused for a body that is too large or too slow, if the time is up, and for one of our errors.
    """
    try:
        seconds = set_deadline(request, limits.seconds_per_request)
        await request.arrive()
        async with asyncio.timeout(seconds + _GRACE):
            return await while_connected(run(), request.receive, shutdown)
    except (ClientDisconnect, CallerLeft):
        logger.info("The caller of request %s left before its answer.", REQUEST_ID.get())
        return None
    except TimeoutError:
        raise Refused.by(QueryTimeout("The request took longer than it may.")) from None
    except ReportsError as error:
        raise Refused.by(error) from error

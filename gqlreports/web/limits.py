"""Limits of requests: how many a key may send, how large and slow they may be, and how long an answer may take."""

import asyncio
import math
import re
import time
from collections.abc import AsyncGenerator
from dataclasses import dataclass

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gqlreports.backends.request import DEADLINE
from gqlreports.errors import LimitExceeded, TooManyRequests
from gqlreports.limits import RequestLimits
from gqlreports.web.errors import Refused

MINUTE = 60.0
_MANY = 1000


@dataclass
class _Window:
    end: float
    requests: int = 0


@dataclass(frozen=True)
class Rate:
    """How many requests a key may send in a minute, how many are left, and in how many seconds a new minute begins."""

    limit: int
    remaining: int
    reset: int

    @property
    def headers(self) -> dict[str, str]:
        """The fields of draft-ietf-httpapi-ratelimit-headers-06."""
        names = ("RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset")
        return dict(zip(names, map(str, (self.limit, self.remaining, self.reset)), strict=True))


class Rates:
    """Counts the requests of each key in this process, in windows of a minute that start with a request."""

    def __init__(self, per_minute: int) -> None:
        self._per_minute = per_minute
        self._windows: dict[str, _Window] = {}

    def count(self, key: str) -> Rate:
        """Count a request.  Raises TooManyRequests if the key has used up its requests for this minute."""
        now = time.monotonic()
        window = self._windows.get(key)
        if window is None or window.end <= now:
            self._forget(now)
            window = self._windows[key] = _Window(now + MINUTE)
        pause = math.ceil(window.end - now)
        if window.requests >= self._per_minute:
            raise TooManyRequests("requestsPerMinute", window.requests + 1, self._per_minute, pause)
        window.requests += 1
        return Rate(self._per_minute, self._per_minute - window.requests, pause)

    def _forget(self, now: float) -> None:
        if len(self._windows) >= _MANY:
            self._windows = {key: each for key, each in self._windows.items() if each.end > now}


# The rest of a refused body is not read, so the connection cannot be reused.
_CLOSE = {"Connection": "close"}


class BoundedRequest(Request):
    """A request whose body is limited in size and time; `arrive` reads the body."""

    def __init__(self, scope: Scope, receive: Receive, limits: RequestLimits) -> None:
        super().__init__(scope, receive)
        self._limits = limits

    async def arrive(self) -> None:
        """Read the body.

        Raises Refused if it is too large or takes too long, and ClientDisconnect if the caller disconnects.
        """
        try:
            async with asyncio.timeout(self._limits.body_seconds):
                await self.body()
        except TimeoutError:
            message = f"The body took longer than {self._limits.body_seconds} s to arrive."
            raise Refused(408, message, {"code": "BAD_REQUEST"}, _CLOSE) from None
        except LimitExceeded as error:
            raise Refused(413, str(error), error.extensions, _CLOSE) from None

    async def stream(self) -> AsyncGenerator[bytes, None]:
        size = 0
        declared = self.headers.get("content-length", "")
        self._limits.check("body_bytes", int(declared) if declared.isdecimal() else 0)
        async for chunk in super().stream():
            size += len(chunk)
            self._limits.check("body_bytes", size)
            yield chunk


class HeaderLimit:
    """Middleware that refuses requests with too many bytes of headers."""

    def __init__(self, app: ASGIApp, limits: RequestLimits) -> None:
        self._app = app
        self._limits = limits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        size = sum(len(name) + len(value) for name, value in scope.get("headers", ()))
        try:
            self._limits.check("header_bytes", size)
        except LimitExceeded as error:
            return await Refused(431, str(error), error.extensions, _CLOSE).response(scope, receive, send)
        return await self._app(scope, receive, send)


class RateHeaders:
    """Middleware that tells callers in headers what is left of their requests for this minute."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def answer(message: Message) -> None:
            rate = scope.get("state", {}).get("rate")
            if rate is not None and message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(rate.headers)
            await send(message)

        await self._app(scope, receive, answer)


TIMEOUT_HEADER = "X-Request-Timeout"
_SECONDS = re.compile(r"[0-9]{1,9}(\.[0-9]{1,3})?")


def set_deadline(request: Request, most: float) -> float:
    """Set the deadline of a request, and return the seconds until then: `most`, or fewer if the caller asks for fewer.

    Raises Refused if the caller's header is not a number.
    """
    given = request.headers.get(TIMEOUT_HEADER)
    if given is not None and not _SECONDS.fullmatch(given):
        raise Refused(400, f"`{TIMEOUT_HEADER}` must be a number of seconds, as in 2.5.")
    seconds = most if given is None else min(most, float(given))
    DEADLINE.set(time.monotonic() + seconds)
    return seconds

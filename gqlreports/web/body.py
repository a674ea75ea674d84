"""A request whose headers and body have bounds, in size and in time."""

import asyncio
from collections.abc import AsyncGenerator

from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from gqlreports.errors import LimitExceeded
from gqlreports.limits import RequestLimits
from gqlreports.web.errors import Refused

# What is left of a body that was refused is not read.
_CLOSE = {"Connection": "close"}


class BoundedRequest(Request):
    """`arrive` reads the body."""

    def __init__(self, scope: Scope, receive: Receive, limits: RequestLimits) -> None:
        super().__init__(scope, receive)
        self._limits = limits

    async def arrive(self) -> None:
        """Raises Refused where the body is too large or takes too long, ClientDisconnect where it does not come."""
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
    """Refuses requests with too many bytes of headers."""

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

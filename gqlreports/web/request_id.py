"""An id for each request, for the log, for ClickHouse's, and for the caller to name it by."""

import re
import secrets

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gqlreports.backends.request import REQUEST_ID

HEADER = "X-Request-Id"
_FORM = re.compile("[A-Za-z0-9._-]{1,64}")


class RequestIdMiddleware:
    """Takes the caller's `X-Request-Id` where it is 1 to 64 of `A-Za-z0-9._-`, makes one where not, and answers it."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        given = Headers(scope=scope).get(HEADER, "")
        request_id = given if _FORM.fullmatch(given) else secrets.token_hex(8)
        REQUEST_ID.set(request_id)

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message)[HEADER] = request_id
            await send(message)

        return await self._app(scope, receive, answer)

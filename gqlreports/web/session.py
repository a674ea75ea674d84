"""The endpoint through which users log in and out."""

from dataclasses import dataclass, field

import orjson
from anyio import CapacityLimiter
from anyio.to_thread import run_sync
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from gqlreports.directory.sessions import Sessions
from gqlreports.errors import InvalidInput, ReportsError, TooManyLogIns
from gqlreports.limits import RequestLimits
from gqlreports.web.authentication import COOKIE, check_meant, session_token, source_of
from gqlreports.web.errors import PAUSE, Refused
from gqlreports.web.http import is_json
from gqlreports.web.lifecycle import Shutdown
from gqlreports.web.limits import BoundedRequest

METHODS = ("POST", "DELETE")
AT_ONCE = 2
"""How many passwords are checked at once.  Each check takes a processor and 64 MiB for a twentieth of a second."""
MOST_WAITING = 100
_HEADERS = {"Cache-Control": "no-store"}


@dataclass(frozen=True)
class SessionEndpoint:
    """An ASGI application: `POST` with a user name and a password starts a session, and `DELETE` ends it."""

    sessions: Sessions
    limits: RequestLimits
    shutdown: Shutdown
    _threads: CapacityLimiter = field(default_factory=lambda: CapacityLimiter(AT_ONCE))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = BoundedRequest(scope, receive, self.limits)
        try:
            response = await self._respond(request)
        except ClientDisconnect:
            return
        except Refused as refused:
            response = refused.response
        except ReportsError as error:
            response = Refused.by(error).response
        response.headers.update(_HEADERS)
        await response(scope, receive, send)

    async def _respond(self, request: BoundedRequest) -> Response:
        if request.method not in METHODS:
            raise Refused(405, "A session needs POST or DELETE.", headers={"Allow": ", ".join(METHODS)})
        self.shutdown.check()
        check_meant(request)
        return await (self._begin(request) if request.method == "POST" else self._end(request))

    async def _begin(self, request: BoundedRequest) -> Response:
        if not is_json(request.headers.get("content-type", "")):
            raise Refused(415, "The body must be JSON in UTF-8, and say so with `Content-Type: application/json`.")
        await request.arrive()
        name, password = _given(await request.body())
        if self._threads.statistics().tasks_waiting >= MOST_WAITING:
            raise TooManyLogIns(PAUSE)
        token = await run_sync(self.sessions.begin, name, password, source_of(request), limiter=self._threads)
        response = Response(status_code=204)
        response.set_cookie(COOKIE, token, httponly=True, samesite="strict", secure=_by_tls(request))
        return response

    async def _end(self, request: BoundedRequest) -> Response:
        if (token := session_token(request)) is not None:
            await run_in_threadpool(self.sessions.end, token)
        response = Response(status_code=204)
        response.delete_cookie(COOKIE, httponly=True, samesite="strict", secure=_by_tls(request))
        return response


def _given(body: bytes) -> tuple[str, str]:
    """The user name and the password in a body.  Raises InvalidInput, whose message repeats neither."""
    try:
        given = orjson.loads(body)
    except orjson.JSONDecodeError:
        given = None
    fields = [given.get(name) if isinstance(given, dict) else None for name in ("userName", "password")]
    match fields:
        case [str(name), str(password)]:
            return name, password
    raise InvalidInput("Send a JSON object with the texts `userName` and `password`.")


def _by_tls(request: Request) -> bool:
    """Whether the request came via TLS, to this server or to a trusted proxy that says so."""
    return request.url.scheme == "https"

"""Lets browser applications of other origins call the API with keys (CORS).

Sessions stay of this origin: the answers never allow credentials, so a browser sends and keeps no cookie for another
origin, and `/session` is not among the paths.
"""

from collections.abc import Sequence

from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

_PATHS = ("/graphql", "/export/", "/mcp")
_KEPT = 7_200
"""Seconds for which a browser keeps the answer to a preflight request; Chromium keeps none for longer."""
_READABLE = (
    "Content-Disposition",
    "ETag",
    "RateLimit-Limit",
    "RateLimit-Remaining",
    "RateLimit-Reset",
    "Retry-After",
    "X-Request-Id",
)
"""The headers of an answer that an application may read, besides those that every one may."""


class OtherOrigins:
    """Middleware that lets the pages of some origins, or of all with `*`, call the API."""

    def __init__(self, app: ASGIApp, origins: Sequence[str]) -> None:
        self._app = app
        self._shared = CORSMiddleware(
            app,
            allow_origins=origins,
            allow_methods=("GET", "POST"),
            allow_headers=("*",),
            expose_headers=_READABLE,
            max_age=_KEPT,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        shared = scope["type"] == "http" and scope["path"].startswith(_PATHS)
        await (self._shared if shared else self._app)(scope, receive, send)

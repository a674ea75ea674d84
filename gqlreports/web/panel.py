"""Serves the built control panel: a single page for all of its views, and the files of that page."""

from os import PathLike, stat_result
from pathlib import Path

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.middleware.gzip import GZipMiddleware
from starlette.responses import HTMLResponse, Response
from starlette.staticfiles import StaticFiles
from starlette.types import Receive, Scope, Send

BUILT = Path(__file__).parent / "static"
"""The folder in which the build puts the panel."""
ASSETS = "/assets/"
"""The path prefix of files that have a hash of their content in their names, and so never change."""
HEADERS = {
    "Content-Security-Policy": "; ".join(
        (
            "default-src 'none'",
            "script-src 'self'",
            # The panel's tables set the widths of their columns in inline styles.
            "style-src 'self' 'unsafe-inline'",
            "img-src 'self' data:",
            "font-src 'self'",
            "connect-src 'self'",
            "worker-src 'self' blob:",
            "manifest-src 'self'",
            "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors 'none'",
        )
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}
_FOREVER = "public, max-age=31536000, immutable"
_PAGE = "index.html"
_NOT_BUILT = """\
<!doctype html>
<html lang="en">
<title>gqlreports</title>
<h1>The panel is not built</h1>
<p>In a checkout, <code>make panel</code> builds it; then load this page again.</p>
<p>The API is at <code>/graphql</code>.</p>
"""


class Panel:
    """An ASGI application for all paths without another route.

    It serves the panel's files, and the panel's page if a browser asks for a page.  Raises HTTPException with status
    404 for everything else.
    """

    def __init__(self, folder: Path) -> None:
        self._files = GZipMiddleware(_Files(directory=folder, check_dir=False))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] not in ("GET", "HEAD"):
            raise HTTPException(404)
        await self._files(scope, receive, send)


class _Files(StaticFiles):
    async def check_config(self) -> None:
        """Do nothing: the folder may be missing, since a checkout has none before the panel is built."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        try:
            return await super().get_response(path, scope)
        except HTTPException:
            if not _asks_for_a_page(scope):
                raise
        try:
            return await super().get_response(_PAGE, scope)
        except HTTPException:
            return HTMLResponse(_NOT_BUILT, 404, HEADERS | {"Cache-Control": "no-store"})

    def file_response(
        self, full_path: str | PathLike[str], stat_result: stat_result, scope: Scope, status_code: int = 200
    ) -> Response:
        response = super().file_response(full_path, stat_result, scope, status_code)
        # The same URL may be a page for a browser and an error for any other client.
        caching = {"Cache-Control": _FOREVER if _is_asset(scope) else "no-cache", "Vary": "Accept"}
        response.headers.update(HEADERS | caching)
        return response


def _asks_for_a_page(scope: Scope) -> bool:
    wanted = scope["path"] == "/" or "text/html" in Headers(scope=scope).get("accept", "")
    return wanted and not _is_asset(scope)


def _is_asset(scope: Scope) -> bool:
    path: str = scope["path"]
    return path.startswith(ASSETS)

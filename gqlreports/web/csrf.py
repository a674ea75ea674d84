"""Requests that a page elsewhere may have made a browser send, with the cookies that it has for this site.

A browser asks this site first, and is told no, before it sends another site's request with a header of that site's
own choosing, or with a JSON body.  So one that has either was meant by who sent it.  Keys come in a header, and need
nothing else; whatever is let in by a cookie must pass here.
"""

from starlette.requests import Request

from gqlreports.web.errors import Refused
from gqlreports.web.media_types import is_json

HEADER = "GraphQL-Require-Preflight"


def check_meant(request: Request) -> None:
    """Raises Refused for a request with cookies alone."""
    headers = request.headers
    own = "authorization" in headers or HEADER in headers or is_json(headers.get("content-type", ""))
    if "cookie" in headers and not own:
        message = f"A request with cookies needs the header `{HEADER}: 1`, so that no other site can send it."
        raise Refused(403, message, {"code": "PREFLIGHT_REQUIRED"})

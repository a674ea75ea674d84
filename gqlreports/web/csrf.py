"""Requests that a page elsewhere may have made a browser send, with the cookies that it has for this site.

A browser asks this site first, and is told no, before it sends another site's request with a header of that site's
own choosing, or with a JSON body.  So one that has either was meant by who sent it.  Keys come in a header, and need
nothing else; whatever is let in by a cookie must pass here.

A download is a plain navigation, to which the panel can add no header.  There the browser itself tells where the
request is from: in `Sec-Fetch-Site`, which no page can set or change, since it begins with `Sec-`; and where the
address is not one of TLS, and browsers leave that out, in `Referer`, which a page may leave out too, but can never
make that of another site.  Both are behind `SameSite=Strict`, by which a browser sends no cookie of ours from another
site at all.
"""

from urllib.parse import urlsplit

from starlette.requests import Request

from gqlreports.web.errors import Refused
from gqlreports.web.media_types import is_json

HEADER = "GraphQL-Require-Preflight"


def check_meant(request: Request) -> None:
    """Raises Refused for a request with cookies alone."""
    headers = request.headers
    own = "authorization" in headers or HEADER in headers or is_json(headers.get("content-type", ""))
    if "cookie" in headers and not own and not _from_here(request):
        message = f"A request with cookies needs the header `{HEADER}: 1`, so that no other site can send it."
        raise Refused(403, message, {"code": "PREFLIGHT_REQUIRED"})


def _from_here(request: Request) -> bool:
    """Whether the browser says that a page of this server asked."""
    if (site := request.headers.get("sec-fetch-site")) is not None:
        return site == "same-origin"
    referrer = urlsplit(request.headers.get("referer", ""))
    return (referrer.scheme, referrer.netloc) == (request.url.scheme, request.headers.get("host"))

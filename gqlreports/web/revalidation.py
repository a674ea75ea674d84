"""Answers to GET that a caller may keep, and ask for whether they still hold (`ETag`, `If-None-Match`)."""

import hashlib

from starlette.requests import Request
from starlette.responses import Response

KEPT = {"Cache-Control": "private, no-cache", "Vary": "Accept, Authorization, Cookie"}
"""For an answer that its caller may keep, but must ask for before each use: whose it is depends on the key."""
NOT_KEPT = {"Cache-Control": "no-store", "Vary": "Accept"}


def entity_tag(answer: bytes, media_type: str, weak: bool) -> str:
    """The `ETag` of an answer; a weak one where more goes with it that is another each time."""
    digest = hashlib.sha256(media_type.encode() + b"\n" + answer).hexdigest()[:32]
    return f'{"W/" if weak else ""}"{digest}"'


def revalidated(request: Request, response: Response) -> Response:
    """The response, or 304 without a body where its caller has it already."""
    tag, given = response.headers.get("ETag"), request.headers.get("If-None-Match")
    if tag is None or given is None or not _names(given, tag):
        return response
    headers = {name: response.headers[name] for name in ("ETag", *KEPT)}
    return Response(status_code=304, headers=headers)


def _names(given: str, tag: str) -> bool:
    """Compared weakly, as RFC 9110 has it for `If-None-Match`."""
    tags = [each.strip().removeprefix("W/") for each in given.split(",")]
    return tags == ["*"] or tag.removeprefix("W/") in tags

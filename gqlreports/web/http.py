"""The parts of GraphQL requests and responses over HTTP: media types, the operation, the body, `ETag`."""

import hashlib
from collections.abc import Mapping
from email.message import Message
from functools import lru_cache

import orjson
from starlette.requests import Request
from starlette.responses import Response
from strawberry.http import GraphQLRequestData

from gqlreports.web.errors import Refused

GRAPHQL = "application/graphql-response+json"
JSON = "application/json"
HEADERS_KEPT = 128
"""How many parsed header values are cached."""
_RANGES = {GRAPHQL: (GRAPHQL, "application/*", "*/*"), JSON: (JSON, "application/*", "*/*")}


@lru_cache(HEADERS_KEPT)
def negotiate(accept: str) -> str | None:
    """The media type of the response for an `Accept` header; None if it accepts neither.

    A caller that sends no header or accepts anything gets JSON.  A caller that names both equally gets the newer type.
    """
    if not accept.strip():
        return JSON
    qualities = dict(_quality(each) for each in accept.split(","))
    graphql, json = (_best(kind, qualities) for kind in (GRAPHQL, JSON))
    if max(graphql, json) <= 0:
        return None
    return GRAPHQL if graphql > json or (graphql == json and GRAPHQL in qualities) else JSON


@lru_cache(HEADERS_KEPT)
def is_json(content_type: str) -> bool:
    """Whether a request's body is JSON in UTF-8, according to its `Content-Type`."""
    header = _parsed(content_type)
    charset = str(header.get_param("charset", "utf-8"))
    return bool(content_type.strip()) and header.get_content_type() == JSON and charset.lower() in ("utf-8", "utf8")


def _quality(text: str) -> tuple[str, float]:
    header = _parsed(text)
    kind = text.partition(";")[0].strip().lower()
    try:
        return kind, float(str(header.get_param("q", "1")))
    except ValueError:
        return kind, 0.0


def _best(kind: str, qualities: dict[str, float]) -> float:
    """The quality of a media type: that of the most specific range that includes it, or 0."""
    return next((qualities[each] for each in _RANGES[kind] if each in qualities), 0.0)


def _parsed(text: str) -> Message:
    header = Message()
    header["Content-Type"] = text.strip()
    return header


_OBJECTS = ("variables", "extensions")


def from_address(parameters: Mapping[str, str]) -> GraphQLRequestData:
    """The operation of a GET request, from the parameters of its URL.  Raises Refused if it is malformed."""
    given: dict[str, object] = {name: value or None for name, value in parameters.items()}
    return _operation(given | {name: _json(parameters[name]) for name in _OBJECTS if parameters.get(name)})


def from_body(headers: Mapping[str, str], body: bytes) -> GraphQLRequestData:
    """The operation of a POST request, from its body.  Raises Refused if it is malformed."""
    if not is_json(headers.get("content-type", "")):
        raise Refused(415, "The body must be JSON in UTF-8, and say so with `Content-Type: application/json`.")
    if headers.get("content-encoding", "identity") != "identity":
        raise Refused(415, "The body must not be compressed.", headers={"Accept-Encoding": "identity"})
    given = _json(body)
    if isinstance(given, list):
        raise Refused(400, "One request holds one operation; batches are not taken.")
    if not isinstance(given, dict):
        raise Refused(400, "The request must be a JSON object with a `query`.")
    return _operation(given)


def _operation(given: Mapping[str, object]) -> GraphQLRequestData:
    query, name = given.get("query"), given.get("operationName")
    variables, extensions = given.get("variables"), given.get("extensions")
    if not isinstance(query, str | None):
        raise Refused(400, "`query` must be a string.")
    if not isinstance(name, str | None):
        raise Refused(400, "`operationName` must be a string.")
    if not isinstance(variables, dict | None):
        raise Refused(400, "`variables` must be an object.")
    if not isinstance(extensions, dict | None):
        raise Refused(400, "`extensions` must be an object.")
    if extensions is None and isinstance(given.get("documentId"), str):
        extensions = {"documentId": given["documentId"]}
    return GraphQLRequestData(query, variables, name, extensions)


def _json(text: str | bytes) -> object:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        raise Refused(400, "What should be JSON cannot be read as JSON.") from None


REVALIDATED = {"Cache-Control": "private, no-cache", "Vary": "Accept, Authorization, Cookie"}
"""For a response that its caller may keep but must revalidate before each use.

The response depends on the caller's credentials, hence `Vary`.
"""
NOT_STORED = {"Cache-Control": "no-store", "Vary": "Accept"}


def entity_tag(answer: bytes, media_type: str, weak: bool) -> str:
    """The `ETag` of an answer.  It is weak if the response also contains something that differs each time."""
    digest = hashlib.sha256(media_type.encode() + b"\n" + answer).hexdigest()[:32]
    return f'{"W/" if weak else ""}"{digest}"'


def revalidate(request: Request, response: Response) -> Response:
    """The response, or 304 without a body if the caller already has it."""
    tag, given = response.headers.get("ETag"), request.headers.get("If-None-Match")
    if tag is None or given is None or not _names(given, tag):
        return response
    headers = {name: response.headers[name] for name in ("ETag", *REVALIDATED)}
    return Response(status_code=304, headers=headers)


def _names(given: str, tag: str) -> bool:
    """Whether `If-None-Match` names a tag; the comparison is weak, as RFC 9110 requires for this header."""
    tags = [each.strip().removeprefix("W/") for each in given.split(",")]
    return tags == ["*"] or tag.removeprefix("W/") in tags

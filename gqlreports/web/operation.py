"""The operation that a request asks for."""

from collections.abc import Mapping

import orjson
from strawberry.http import GraphQLRequestData

from gqlreports.web.errors import Refused
from gqlreports.web.media_types import is_json

_OBJECTS = ("variables", "extensions")


def from_address(parameters: Mapping[str, str]) -> GraphQLRequestData:
    """That of a GET.  Raises Refused."""
    given: dict[str, object] = {name: value or None for name, value in parameters.items()}
    return _operation(given | {name: _json(parameters[name]) for name in _OBJECTS if parameters.get(name)})


def from_body(headers: Mapping[str, str], body: bytes) -> GraphQLRequestData:
    """That of a POST.  Raises Refused."""
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

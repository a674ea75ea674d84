"""Errors as a caller sees them: with a code, and without internal details."""

import re
from collections.abc import Mapping
from typing import Any

import orjson
from graphql import GraphQLError, GraphQLSyntaxError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from gqlreports.errors import (
    DirectoryUnavailable,
    Forbidden,
    LoadError,
    NotFound,
    NotInstalled,
    PersistedQueryNotFound,
    ProviderUnavailable,
    QueryCancelled,
    QueryTimeout,
    ReportsError,
    ShuttingDown,
    StoreBusy,
    StoreError,
    StoreUnavailable,
    TooManyLogIns,
    TooManyRequests,
    Unauthenticated,
)

HIDDEN = "Something went wrong here; the operator's log has the details."
PAUSE = 5
"""Seconds after which a caller should retry, if no better value is known."""

# The first match counts, so a class must precede its base classes.
_STATUS: dict[type[ReportsError], int] = {
    Unauthenticated: 401,
    Forbidden: 403,
    LoadError: 422,
    TooManyRequests: 429,
    TooManyLogIns: 429,
    NotInstalled: 501,
    StoreBusy: 503,
    ShuttingDown: 503,
    DirectoryUnavailable: 503,
    ProviderUnavailable: 503,
    QueryTimeout: 504,
    QueryCancelled: 503,
    StoreUnavailable: 503,
    StoreError: 500,
    NotFound: 404,
    # Clients that support persisted queries expect this status.
    PersistedQueryNotFound: 200,
}
_NO_STORE = "The store cannot be opened or reached now: try again in a moment; the operator's log says why."
_SUGGESTION = re.compile(r" Did you mean .*\?$", re.DOTALL)


class Refused(Exception):
    """A request was refused, and is answered without any GraphQL execution."""

    def __init__(
        self,
        status: int,
        message: str,
        extensions: Mapping[str, object] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status, self.message = status, message
        self.extensions = extensions or {"code": "BAD_REQUEST"}
        self.headers = headers

    @classmethod
    def by(cls, error: ReportsError) -> "Refused":
        """The refusal for one of our errors, with the HTTP status of the error, or 400 if it has none."""
        return cls(status_of(error) or 400, public_message(error), error.extensions, headers_of(error))

    @property
    def response(self) -> Response:
        format_error = {"message": self.message, "extensions": self.extensions}
        return Response(orjson.dumps({"errors": [format_error]}), self.status, self.headers, "application/json")


def status_of(error: ReportsError) -> int | None:
    """The HTTP status of a whole request that failed with this error, or None if the error does not determine it."""
    return next((status for kind, status in _STATUS.items() if isinstance(error, kind)), None)


def headers_of(error: ReportsError) -> dict[str, str]:
    if isinstance(error, Unauthenticated):
        return {"WWW-Authenticate": "Bearer"}
    if isinstance(error, TooManyRequests | TooManyLogIns):
        return {"Retry-After": str(error.retry_after)}
    return {"Retry-After": str(PAUSE)} if status_of(error) == 503 else {}


def public_message(error: ReportsError) -> str:
    """The message for a caller.  Only operators may see where the store is and what it lacks."""
    return _NO_STORE if isinstance(error, StoreUnavailable) else str(error)


def format_error(error: GraphQLError) -> Any:
    """Format an error of a GraphQL execution for the response."""
    formatted: dict[str, Any] = dict(error.formatted)
    found = cause(error)
    if isinstance(found, ReportsError):
        return formatted | {"message": public_message(found), "extensions": found.extensions}
    if found is not None:
        return formatted | {"message": HIDDEN, "extensions": {"code": "INTERNAL"}}
    code = "GRAPHQL_PARSE_FAILED" if isinstance(error, GraphQLSyntaxError) else "GRAPHQL_VALIDATION_FAILED"
    return formatted | {"message": _SUGGESTION.sub("", error.message), "extensions": {"code": code}}


def cause(error: GraphQLError) -> Exception | None:
    """The exception that was raised, unwrapped from any number of GraphQL's own errors; None if there is none."""
    found = error.original_error
    return cause(found) if isinstance(found, GraphQLError) else found


async def http_error(request: Request, error: Exception) -> Response:
    """Answer Starlette's own errors in the same format as all others."""
    assert isinstance(error, HTTPException)
    code = {404: "NOT_FOUND"}.get(error.status_code, "BAD_REQUEST")
    return Refused(error.status_code, f"{error.detail}.", {"code": code}, error.headers).response


async def unexpected_error(request: Request, error: Exception) -> Response:
    return Refused(500, HIDDEN, {"code": "INTERNAL"}).response

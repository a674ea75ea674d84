"""Errors as a caller sees them: with a code, and with nothing of the inside."""

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
"""Seconds after which a caller should try again, if nothing better is known."""

# The first that fits: a class before those that it is derived from.
_STATUS: dict[type[ReportsError], int] = {
    Unauthenticated: 401,
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
    # So the clients that know persisted queries expect it.
    PersistedQueryNotFound: 200,
}
_NO_STORE = "The store cannot be opened or reached now: try again in a moment; the operator's log says why."
_SUGGESTION = re.compile(r" Did you mean .*\?$", re.DOTALL)


class Refused(Exception):
    """A request that is answered without any GraphQL execution."""

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
        """For an error of ours, with the HTTP status that it has, 400 where it has none."""
        return cls(status_of(error) or 400, public_message(error), error.extensions, headers_of(error))

    @property
    def response(self) -> Response:
        format_error = {"message": self.message, "extensions": self.extensions}
        return Response(orjson.dumps({"errors": [format_error]}), self.status, self.headers, "application/json")


def status_of(error: ReportsError) -> int | None:
    """The HTTP status of a whole request that failed with this error, where the error decides it."""
    return next((status for kind, status in _STATUS.items() if isinstance(error, kind)), None)


def headers_of(error: ReportsError) -> dict[str, str]:
    if isinstance(error, Unauthenticated):
        return {"WWW-Authenticate": "Bearer"}
    if isinstance(error, TooManyRequests | TooManyLogIns):
        return {"Retry-After": str(error.retry_after)}
    return {"Retry-After": str(PAUSE)} if status_of(error) == 503 else {}


def public_message(error: ReportsError) -> str:
    """The message for a caller.  Where the store is, and what it lacks, is for operators only."""
    return _NO_STORE if isinstance(error, StoreUnavailable) else str(error)


def format_error(error: GraphQLError) -> Any:
    """An error of a GraphQL execution."""
    formatted: dict[str, Any] = dict(error.formatted)
    found = cause(error)
    if isinstance(found, ReportsError):
        return formatted | {"message": public_message(found), "extensions": found.extensions}
    if found is not None:
        return formatted | {"message": HIDDEN, "extensions": {"code": "INTERNAL"}}
    code = "GRAPHQL_PARSE_FAILED" if isinstance(error, GraphQLSyntaxError) else "GRAPHQL_VALIDATION_FAILED"
    return formatted | {"message": _SUGGESTION.sub("", error.message), "extensions": {"code": code}}


def cause(error: GraphQLError) -> Exception | None:
    """The exception that was raised, inside any number of GraphQL's own errors."""
    found = error.original_error
    return cause(found) if isinstance(found, GraphQLError) else found


async def http_error(request: Request, error: Exception) -> Response:
    """Starlette's own errors, in the shape of all others."""
    assert isinstance(error, HTTPException)
    code = {404: "NOT_FOUND"}.get(error.status_code, "BAD_REQUEST")
    return Refused(error.status_code, f"{error.detail}.", {"code": code}, error.headers).response


async def unexpected_error(request: Request, error: Exception) -> Response:
    return Refused(500, HIDDEN, {"code": "INTERNAL"}).response

"""Which request a query belongs to."""

import secrets
from contextvars import ContextVar

NO_REQUEST = "gqlreports"
REQUEST_ID: ContextVar[str] = ContextVar("request_id", default=NO_REQUEST)
"""The id of the request that is being answered; the queries that it needs begin with it."""


def new_query_id() -> str:
    """An id for ClickHouse, which wants another for each query."""
    return f"{REQUEST_ID.get()}-{secrets.token_hex(6)}"

"""What gqlreports needs of a ClickHouse, embedded or served, and nothing more."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Any, Protocol

from gqlreports.errors import (
    QueryCancelled,
    QueryTimeout,
    QueryTooLarge,
    StoreError,
    StoreUnavailable,
    UnreadableData,
)


@dataclass(frozen=True, slots=True)
class Statement:
    """SQL text with typed placeholders (`{name:Type}`), and their values."""

    sql: str
    parameters: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Fetched:
    """What the store printed, a JSON array of objects, and what it read for it in how long."""

    json: bytes
    rows_read: int
    bytes_read: int
    milliseconds: float


class Session(Protocol):
    """One connection with write access; temporary tables live as long as it."""

    async def query(self, statement: Statement) -> Sequence[Sequence[Any]]:
        """The rows of a query, as Python values."""

    async def command(self, statement: Statement) -> None:
        """Run a statement that has no rows."""

    async def insert(self, table: str, columns: Sequence[str] | None, data: bytes, form: str) -> None:
        """Append `data`, printed in ClickHouse's format `form`, to a table; `columns` None for all of them."""


class Backend(Protocol):
    """A ClickHouse.  Every method raises `StoreError` or a subclass, and nothing else of the store's."""

    async def open(self) -> None:
        """Make ready for use.  Raises StoreUnavailable where that fails; may be called again."""

    async def fetch_json(self, statement: Statement) -> Fetched:
        """The rows of a read-only query as a JSON array of objects: 64-bit numbers bare, decimals as strings."""

    def stream(self, statement: Statement, form: str) -> AbstractAsyncContextManager[AsyncIterator[bytes]]:
        """The rows of a read-only query in ClickHouse's format `form`, piece by piece in bounded memory.

        `form` is CSV, JSONEachRow or ArrowStream; the pieces are one or more documents of it, one behind the other.
        A null is an empty cell of CSV, without quotes.  Leaving the context stops the query.  A failure on the way is
        raised by the iterator, never a clean end.  Of the time that the query may take, what the caller takes for the
        pieces is no part.
        """

    def session(self) -> AbstractAsyncContextManager[Session]:
        """A connection that may write."""

    async def close(self) -> None:
        """Stop what still runs and let go of the store."""


_MEANING: dict[int, tuple[type[StoreError], str]] = {
    159: (QueryTimeout, "The report took longer than it may: choose a shorter range."),
    160: (QueryTimeout, "The report would take longer than it may: choose a shorter range."),
    394: (QueryCancelled, "The report was cancelled."),
    241: (QueryTooLarge, "The report needs more memory than it may use: choose a shorter range."),
    158: (QueryTooLarge, "The report reads more calls than it may: choose a shorter range."),
    307: (QueryTooLarge, "The report reads more bytes than it may: choose a shorter range."),
    396: (QueryTooLarge, "The report has more rows than it may have: choose a shorter range."),
    26: (UnreadableData, "The rows cannot be read: a quote is not closed."),
    27: (UnreadableData, "The rows cannot be read: a cell goes on behind its closing quote."),
    117: (UnreadableData, "The rows cannot be read."),
    243: (StoreUnavailable, "The store's disk is full: free some space, then try again."),
}


def store_error(code: int | None) -> StoreError:
    """What ClickHouse's error of that code means here; the one place that decides it."""
    kind, message = _MEANING.get(code or 0, (StoreError, "The store could not answer; the log says why."))
    return kind(message)

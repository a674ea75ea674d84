"""What gqlreports needs of a ClickHouse, embedded or served, and nothing more."""

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class Statement:
    """SQL text with typed placeholders (`{name:Type}`), and their values.

    One that reads names the store's own database, where it must, as the parameter `database`.  One that is of a report
    has a `customer`: whatever it reads, it finds the rows of that customer alone, or is refused.  One that
    reads the sums of hours has the name of the `rollup` that holds them.
    """

    sql: str
    parameters: Mapping[str, object] = field(default_factory=dict)
    customer: str | None = None
    rollup: str | None = None

    def values(self, database: str) -> dict[str, object]:
        """The parameters in a store with that database."""
        own = {"database": database} if "{database:" in self.sql else {}
        return {**self.parameters, **own}


@dataclass(frozen=True, slots=True)
class Fetched:
    """What the store printed, a JSON array of `rows` objects, and what it read for it in how long.

    One that is `cached` was printed for somebody else: nothing was read for it.
    """

    json: bytes
    rows: int
    rows_read: int
    bytes_read: int
    milliseconds: float
    cached: bool = False


@dataclass(frozen=True, slots=True)
class Limits:
    """What one query may use: seconds, bytes of memory, rows of its result, and bytes that it reads."""

    seconds: float = 60
    memory: int = 4 * 1024**3
    rows: int = 10_000_000
    read: int = 100 * 1024**3

    @property
    def settings(self) -> dict[str, str]:
        """The same as ClickHouse's settings."""
        return {
            "max_execution_time": str(self.seconds),
            "max_memory_usage": str(self.memory),
            "max_result_rows": str(self.rows),
            "max_bytes_to_read": str(self.read),
        }


class Definition(Protocol):
    """What a store must have."""

    @property
    def record(self) -> Sequence[str]:
        """The statements that make the table in which a store records its migrations."""

    @property
    def record_query(self) -> str:
        """The query for whether there is such a table, 0 or 1."""

    @property
    def applied_query(self) -> str:
        """The query for the migrations that a store has come by: the number of each, and the store's cluster."""

    def pending(self, applied: Collection[int]) -> Sequence[str]:
        """The migrations that a store lacks, in words."""

    @property
    def rollups_query(self) -> str:
        """The query for the names of the rollups that a store keeps."""

    def statements(self, applied: Collection[int], kept: Collection[str]) -> Sequence[str]:
        """What brings a store to this definition."""


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

    async def check(self) -> None:
        """Ask for a sign of life, which waits for no query.  Raises StoreError where there is none."""

    async def fetch_json(self, statement: Statement) -> Fetched:
        """The rows of a read-only query as a JSON array of objects: 64-bit numbers bare, decimals as strings.

        Raises StatementRefused for a report's statement that names what no filter on its customer reaches.
        """

    async def version(self, statement: Statement) -> str | None:
        """What the answer of `fetch_json` depends on besides the statement: as long as it stays, so does the answer.

        Data that has changed has another version than all before.  None where the answer changes with more than the
        data, as with the time, or where the store cannot tell: such an answer may be given to nobody else.
        """

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

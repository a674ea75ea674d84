"""The contract of a store: what gqlreports needs from ClickHouse, whether it is embedded or a server."""

from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeAlias

SHOWN = 3
"""How many ids are named where not all of many can be."""


@dataclass(frozen=True, slots=True)
class Customers:
    """One customer or several: their ids, sorted, each once.  As text they are named, or the first of many."""

    ids: tuple[str, ...]

    @classmethod
    def of(cls, *ids: str) -> "Customers":
        return cls(tuple(sorted(set(ids))))

    @property
    def several(self) -> bool:
        return len(self.ids) > 1

    def __str__(self) -> str:
        more = len(self.ids) - SHOWN
        return ", ".join(self.ids[:SHOWN]) + (f" and {more} more" if more > 0 else "")


@dataclass(frozen=True, slots=True)
class Statement:
    """SQL text with typed placeholders (`{name:Type}`), and their values.

    SQL that needs the name of the store's own database uses the parameter `database`.  The statement of a report has
    `customers`: the store returns only their rows, or refuses the statement.  A statement that reads hourly sums names
    the `rollup` that holds them.
    """

    sql: str
    parameters: Mapping[str, object] = field(default_factory=dict)
    customers: Customers | None = None
    rollup: str | None = None

    def values(self, database: str) -> dict[str, object]:
        """The parameters, for a store with that database."""
        own = {"database": database} if "{database:" in self.sql else {}
        return {**self.parameters, **own}


@dataclass(frozen=True, slots=True)
class Fetched:
    """A JSON array of `rows` objects as the store printed it, what the store read for it, and how long that took.

    A `cached` answer was printed for an earlier caller: the store read nothing for this one.
    """

    json: bytes
    rows: int
    rows_read: int
    bytes_read: int
    milliseconds: float
    cached: bool = False


@dataclass(frozen=True, slots=True)
class Limits:
    """What one query may use: seconds, bytes of memory, rows in its result, and bytes read."""

    seconds: float = 60
    memory: int = 4 * 1024**3
    rows: int = 10_000_000
    read: int = 100 * 1024**3

    @property
    def settings(self) -> dict[str, str]:
        """The limits as settings of ClickHouse."""
        return {
            "max_execution_time": str(self.seconds),
            "max_memory_usage": str(self.memory),
            "max_result_rows": str(self.rows),
            "max_bytes_to_read": str(self.read),
        }


OnRead: TypeAlias = Callable[[int, int, float], None]
"""Called with the rows and bytes that the store has read since the last call, and the milliseconds of its own time."""


class Definition(Protocol):
    """The tables, dictionaries and rollups that a store must have."""

    @property
    def record(self) -> Sequence[str]:
        """The statements that create the table in which a store records its migrations."""

    @property
    def record_query(self) -> str:
        """The query that returns whether that table exists: 0 or 1."""

    @property
    def applied_query(self) -> str:
        """The query for the migrations that were applied to a store: the number of each, and the store's cluster."""

    def pending(self, applied: Collection[int]) -> Sequence[str]:
        """Descriptions of the migrations that a store lacks, given the numbers of the applied ones."""

    @property
    def rollups_query(self) -> str:
        """The query for the names of the rollups that a store keeps."""

    def lacking(self, kept: Collection[str]) -> Sequence[str]:
        """The names of the wanted rollups that are not among those that a store keeps."""

    def statements(self, applied: Collection[int]) -> Sequence[str]:
        """The statements that bring a store to this definition, without its rollups."""

    def rollup_statements(self, kept: Collection[str]) -> Mapping[str, Sequence[str]]:
        """The statements that make the rollups that a store lacks, by the report; one that fails stops no others."""


class Session(Protocol):
    """A connection with write access.  Its temporary tables live as long as it does."""

    async def query(self, statement: Statement) -> Sequence[Sequence[Any]]:
        """The rows of a query, as Python values."""

    async def command(self, statement: Statement) -> None:
        """Run a statement that returns no rows."""

    async def insert(self, table: str, columns: Sequence[str] | None, data: bytes, form: str) -> None:
        """Append `data`, in ClickHouse's format `form`, to a table.  `columns` is None for all columns."""


class Backend(Protocol):
    """A ClickHouse.  Every method raises `StoreError` or a subclass of it for anything that goes wrong in the store."""

    async def open(self) -> None:
        """Connect and prepare the store.  Raises StoreUnavailable if that fails; the call may then be repeated."""

    async def check(self) -> None:
        """Check that the store responds, without waiting for running queries.  Raises StoreError if it does not."""

    async def fetch_json(self, statement: Statement) -> Fetched:
        """The rows of a read-only query as a JSON array of objects, with bare 64-bit numbers and decimals as strings.

        Raises StatementRefused if the statement of a report names something that the filter on its customers does not
        cover.
        """

    async def version(self, statement: Statement) -> str | None:
        """The version of the data that the answer to a statement depends on.

        As long as the version stays the same, so does the answer of `fetch_json`.  Changed data gets a version that was
        never used before.  The version is None if the answer depends on more than the data, for example on the time, or
        if the store does not know it.  Such an answer must not be given to any other caller.
        """

    def stream(
        self, statement: Statement, form: str, on_read: OnRead | None = None
    ) -> AbstractAsyncContextManager[AsyncIterator[bytes]]:
        """The rows of a read-only query in ClickHouse's format `form`, piece by piece in bounded memory.

        `form` is CSV, JSONEachRow or ArrowStream.  Together the pieces are one document of that format, or several in a
        row.  In CSV a null is an empty cell without quotes.  Leaving the context stops the query.  If the query fails
        midway, the iterator raises an error; it never ends as if the rows were complete.  The time limit applies to the
        store's own time, not to the time that the caller takes to consume a piece.

        `on_read` is called while the pieces arrive, as soon as the store tells what it read.
        """

    def session(self) -> AbstractAsyncContextManager[Session]:
        """A connection that may write."""

    async def close(self) -> None:
        """Stop all running queries and close the store."""

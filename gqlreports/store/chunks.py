"""What a CDR file is read into."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from gqlreports.store.cells import Record


@dataclass(frozen=True)
class Chunk:
    """Some rows, printed in ClickHouse's format `form`.

    `records` finds them again in the file, in order.  `rewritten` prints them anew, cell by cell, for the case that
    ClickHouse cannot read what a more lenient reader can.  `broken` are lines among them in which there is no row.
    """

    data: bytes
    form: str
    records: Callable[[], Iterable[Record]]
    rewritten: Callable[[], bytes] | None = None
    broken: Sequence[Record] = ()


@dataclass(frozen=True)
class Source:
    """An opened file: its column names, and its rows in chunks.

    In a CSV file a row may have fewer or more cells than there are columns, and its columns are called by `cell_name`.
    Those of `values` come as the values of their type, all others as text.
    """

    columns: tuple[str, ...]
    chunks: Iterator[Chunk]
    csv: bool
    values: frozenset[str] = frozenset()

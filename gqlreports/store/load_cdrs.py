"""Loads CDR files: every row that can be right, once."""

from dataclasses import dataclass

from gqlreports.backends.base import Backend, Session, Statement
from gqlreports.errors import LoadError
from gqlreports.store.cdr_columns import (
    ANSWER_TIME,
    COLUMNS,
    EXTRA_CELL,
    MISSING_CELL,
    answered,
    reason,
    typed,
)
from gqlreports.store.files import OnRead
from gqlreports.store.formats import Chunk, Source, opened_rows
from gqlreports.store.rejects import Rejects, rejects_beside

KEY = "switch, callid, branch_idx"
BLANKS = r"' \t\r\n'"
NAMES = ", ".join(column.name for column in COLUMNS)


@dataclass
class Loaded:
    """What became of the rows of a file."""

    added: int = 0
    there_before: int = 0
    rejected: int = 0


async def load_cdrs(backend: Backend, path: str, on_read: OnRead) -> Loaded:
    """Load one file, `-` for standard input, in bounded memory.

    A row whose key (switch, callid, branch_idx) is there within the days of the file's rows adds nothing.  Rows
    that cannot be right go to `PATH.rejects.csv`.  Stopped at any point, it may be run again.
    Raises LoadError for a file that cannot be read or lacks a column, StoreError where the store fails.
    """
    loaded = Loaded()
    with opened_rows(path, on_read) as source, rejects_beside(path) as rejects:
        layout = _Layout(_known_columns(source, path), source.omits_cells)
        async with backend.session() as session:
            for statement in layout.temporary_tables():
                await session.command(Statement(statement))
            for chunk in source.chunks:
                await _load_chunk(session, chunk, layout, loaded, rejects)
        for record in source.broken:
            rejects.add(record, "no JSON object")
        loaded.rejected = rejects.count
    return loaded


def _known_columns(source: Source, path: str) -> tuple[str, ...]:
    twice = {name for name in source.columns if source.columns.count(name) > 1}
    if twice:
        raise LoadError(f"{path} has columns twice: {', '.join(sorted(twice))}; nothing was loaded.")
    missing = [each.name for each in COLUMNS if each.required and each.name not in source.columns]
    if missing:
        raise LoadError(f"{path} lacks the columns {', '.join(missing)}; nothing was loaded.")
    known = {each.name for each in COLUMNS} | {ANSWER_TIME}
    return tuple(name for name in source.columns if name in known)


@dataclass(frozen=True)
class _Layout:
    """The file's columns, and the statements that take its rows from text (`staged`) to values (`checked`)."""

    columns: tuple[str, ...]
    omits_cells: bool

    def temporary_tables(self) -> list[str]:
        cells = [f"{name} String" for name in self.columns]
        if self.omits_cells:
            cells[-1] += f" DEFAULT '{MISSING_CELL}'"
            cells.append(f"{EXTRA_CELL} String")
        values = f"{NAMES}, answered, '' AS reason"
        return [
            f"CREATE TEMPORARY TABLE staged ({', '.join(cells)}) ENGINE = Memory",
            f"CREATE TEMPORARY TABLE checked ENGINE = Memory AS SELECT {values} FROM cdr LIMIT 0",
            f"CREATE TEMPORARY TABLE known ENGINE = Memory AS SELECT {KEY} FROM cdr LIMIT 0",
        ]

    def check(self) -> str:
        values = ", ".join([*typed(self.columns), answered(self.columns), self._reason])
        return f"INSERT INTO checked SELECT {values} FROM ({self._cells()}) WHERE NOT blank"

    def rejected(self) -> str:
        """The rejected rows by their place in the chunk, which only a single thread keeps."""
        rows = self._cells("rowNumberInAllBlocks() AS place, ")
        return (
            f"SELECT place, {self._reason} AS reason FROM ({rows}) WHERE NOT blank AND reason != '' "
            "SETTINGS max_threads = 1"
        )

    @property
    def _reason(self) -> str:
        return reason(self.columns, self.omits_cells)

    def _cells(self, more: str = "") -> str:
        """The trimmed text of all cells; an empty line of a CSV file reads as a row that ends in its first cell."""
        names = (*self.columns, EXTRA_CELL) if self.omits_cells else self.columns
        cells = ", ".join(f"trimBoth(staged.{name}, {BLANKS}) AS {name}" for name in names)
        blank = f"staged.{self.columns[0]} = '' AND staged.{self.columns[-1]} = '{MISSING_CELL}'"
        return f"SELECT {more}{blank if self.omits_cells else '0'} AS blank, {cells} FROM staged"


async def _load_chunk(session: Session, chunk: Chunk, layout: _Layout, loaded: Loaded, rejects: Rejects) -> None:
    for table in ("staged", "checked", "known"):
        await session.command(Statement(f"TRUNCATE TABLE {table}"))
    await session.insert("staged", None, chunk.data, chunk.form)
    await session.command(Statement(layout.check()))
    [[rejected, good, distinct]] = await session.query(Statement(_COUNT))
    if rejected:
        records = chunk.records()
        for place, why in await session.query(Statement(layout.rejected())):
            rejects.add(records[place], why)
    await session.command(Statement(_FIND_KNOWN))
    [[known]] = await session.query(Statement("SELECT count() FROM known"))
    await session.command(Statement(_add(repeats=good != distinct, known=known)))
    loaded.added += distinct - known
    loaded.there_before += good - distinct + known


_COUNT = f"""
SELECT countIf(reason != ''), countIf(reason = ''), uniqExactIf(tuple({KEY}), reason = '') FROM checked
"""

_FIND_KNOWN = f"""
INSERT INTO known SELECT DISTINCT {KEY} FROM cdr
WHERE dt BETWEEN (SELECT min(dt) FROM checked WHERE reason = '') AND (SELECT max(dt) FROM checked WHERE reason = '')
AND ({KEY}) IN (SELECT {KEY} FROM checked WHERE reason = '')
"""


def _add(repeats: bool, known: int) -> str:
    """The insert.  Of rows that repeat a key within the chunk the first counts, so they are read in order."""
    new = f"AND ({KEY}) NOT IN (SELECT {KEY} FROM known)" if known else ""
    first = f"LIMIT 1 BY {KEY} SETTINGS max_threads = 1" if repeats else ""
    return (
        f"INSERT INTO cdr ({NAMES}, answered, sign, loaded_at) "
        f"SELECT {NAMES}, answered, 1, now64(3, 'UTC') FROM checked WHERE reason = '' {new} {first}"
    )

"""Loads CDR files: every row that can be right, once."""

from dataclasses import dataclass, field, replace

from gqlreports.backends.base import Backend, Statement
from gqlreports.errors import LoadError, UnreadableData
from gqlreports.store.cdr_columns import COLUMNS, EXTRA_CELLS, KNOWN, MISSING_CELL, answered, cell_name, reason, typed
from gqlreports.store.files import OnRead
from gqlreports.store.formats import Chunk, Source, opened_rows
from gqlreports.store.rejects import Rejects, rejects_beside

KEY = "switch, callid, branch_idx"
MISSING = f"'{MISSING_CELL}'"
BLANKS = r"' \t\r\n'"
NAMES = ", ".join(column.name for column in COLUMNS)


@dataclass
class Loaded:
    """What became of the rows of a file."""

    added: int = 0
    there_before: int = 0
    rejected: int = 0
    last_call: int | None = field(default=None, compare=False)
    """Start of the latest call, in milliseconds since 1970."""


async def load_cdrs(backend: Backend, path: str, on_read: OnRead) -> Loaded:
    """Load one file, `-` for standard input, in bounded memory.

    A row whose key (switch, callid, branch_idx) is there within a day of the file's rows adds nothing.  Rows that
    cannot be right go to `PATH.rejects.csv`.  Stopped at any point, it may be run again.
    Raises LoadError for a file that cannot be read or lacks a column, StoreError where the store fails.
    """
    loaded = Loaded()
    with opened_rows(path, on_read) as source, rejects_beside(path) as rejects:
        layout = _layout(source, path)
        for chunk in source.chunks:
            await _load_chunk(backend, chunk, layout, loaded, rejects)
        loaded.rejected = rejects.count
    await _record(backend, loaded)
    return loaded


async def _record(backend: Backend, loaded: Loaded) -> None:
    """Note that the load came to its end."""
    if loaded.last_call is not None:
        async with backend.session() as session:
            values = {"last_call": loaded.last_call, "added": loaded.added}
            await session.command(Statement(_RECORD, values))


def _layout(source: Source, path: str) -> "_Layout":
    known = [name for name in source.columns if name in KNOWN]
    twice = sorted({name for name in known if known.count(name) > 1})
    if twice:
        raise LoadError(f"{path} has columns twice: {', '.join(twice)}; nothing was loaded.")
    missing = [each.name for each in COLUMNS if each.required and each.name not in known]
    if missing:
        raise LoadError(f"{path} lacks the columns {', '.join(missing)}; nothing was loaded.")
    if source.csv:
        return _Layout(tuple(known), csv=True, first=cell_name(0, source.columns[0]))
    optional = [each.name for each in COLUMNS if each.name not in known]
    return _Layout((*known, *optional), csv=False)


@dataclass(frozen=True)
class _Layout:
    """The file's columns, and the statements that take its rows from text (`staged`) to values (`checked`)."""

    columns: tuple[str, ...]
    csv: bool
    first: str = ""

    def temporary_tables(self) -> list[str]:
        kind = f"String DEFAULT {MISSING}" if self.csv else "Nullable(String)"
        cells = ", ".join(f"{name} {kind}" for name in self._staged)
        values = f"{NAMES}, answered, '' AS reason"
        return [
            f"CREATE TEMPORARY TABLE staged ({cells}) ENGINE = Memory",
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
    def _staged(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys((self.first, *self.columns, *EXTRA_CELLS))) if self.csv else self.columns

    @property
    def _reason(self) -> str:
        return reason(self.columns, self.csv)

    def _cells(self, more: str = "") -> str:
        """The trimmed text of all cells; an empty line of a CSV file reads as a row without any."""
        cells = ", ".join(f"{_text(name)} AS {name}" for name in self.columns)
        return f"SELECT {more}{self._shape()} {cells} FROM staged"

    def _shape(self) -> str:
        if not self.csv:
            return "0 AS blank,"
        extra, beyond = EXTRA_CELLS
        others = [name for name in self.columns if name != self.first]
        without_others = " AND ".join(f"staged.{name} = {MISSING}" for name in others)
        return (
            f"{without_others} AND {_text(self.first)} = '' AS blank, "
            f"staged.{self.columns[-1]} = {MISSING} AS short, "
            f"staged.{extra} NOT IN ('', {MISSING}) OR staged.{beyond} != {MISSING} AS long,"
        )


def _text(name: str) -> str:
    return rf"if(staged.{name} IN ({MISSING}, '\\N'), '', trimBoth(ifNull(staged.{name}, ''), {BLANKS}))"


async def _load_chunk(backend: Backend, chunk: Chunk, layout: _Layout, loaded: Loaded, rejects: Rejects) -> None:
    """Load a chunk; if ClickHouse cannot read it as it stands, then printed anew."""
    for record in chunk.broken:
        rejects.add(record, "no JSON object")
    if chunk.rewritten is None:
        return await _load_rows(backend, chunk, layout, loaded, rejects)
    try:
        await _load_rows(backend, chunk, layout, loaded, rejects)
    except UnreadableData:
        await _load_rows(backend, replace(chunk, data=chunk.rewritten()), layout, loaded, rejects)


async def _load_rows(backend: Backend, chunk: Chunk, layout: _Layout, loaded: Loaded, rejects: Rejects) -> None:
    async with backend.session() as session:
        for statement in layout.temporary_tables():
            await session.command(Statement(statement))
        await session.insert("staged", None, chunk.data, chunk.form)
        await session.command(Statement(layout.check()))
        [[rejected, good, distinct, last_call, months]] = await session.query(Statement(_COUNT))
        if rejected:
            found = await session.query(Statement(layout.rejected()))
            reasons: dict[int, str] = dict(found)  # type: ignore[arg-type]
            for place, record in enumerate(chunk.records()):
                if place in reasons:
                    rejects.add(record, reasons[place])
        await session.command(Statement(_FIND_KNOWN))
        [[known]] = await session.query(Statement("SELECT count() FROM known"))
        if good != distinct:
            await session.command(Statement(_FIRSTS))
        source = "checked" if good == distinct else "firsts"
        for month in months:
            await session.command(Statement(_add(source, known), {"month": month}))
    loaded.last_call = max(loaded.last_call or last_call, last_call) if good else loaded.last_call
    loaded.added += distinct - known
    loaded.there_before += good - distinct + known


_COUNT = f"""
SELECT
    countIf(reason != ''), countIf(reason = ''), uniqExactIf(tuple({KEY}), reason = ''),
    toUnixTimestamp64Milli(maxIf(dt, reason = '')), arraySort(groupUniqArrayIf(toYYYYMM(dt), reason = ''))
FROM checked
"""

_RECORD = """
INSERT INTO cdr_load (finished_at, last_dt, added)
SELECT now64(3, 'UTC'), fromUnixTimestamp64Milli({last_call:Int64}, 'UTC'), {added:UInt64}
"""

_FIND_KNOWN = f"""
INSERT INTO known SELECT DISTINCT {KEY} FROM cdr
WHERE dt >= (SELECT min(dt) - INTERVAL 1 DAY FROM checked WHERE reason = '')
AND dt <= (SELECT max(dt) + INTERVAL 1 DAY FROM checked WHERE reason = '')
AND ({KEY}) GLOBAL IN (SELECT {KEY} FROM checked WHERE reason = '')
"""


# Of rows that repeat a key within the chunk the first counts, so they are read in order.
_FIRSTS = f"""
CREATE TEMPORARY TABLE firsts ENGINE = Memory AS
SELECT * FROM checked WHERE reason = '' LIMIT 1 BY {KEY} SETTINGS max_threads = 1
"""


def _add(source: str, known: int) -> str:
    """The insert of a month.

    ClickHouse writes an insert block by block and partition by partition, each whole or not at all: so that a load
    which is broken off leaves no part of one, an insert is of one partition, a month, and of one block.
    """
    new = f"AND ({KEY}) NOT IN (SELECT {KEY} FROM known)" if known else ""
    return (
        f"INSERT INTO cdr ({NAMES}, answered, sign, loaded_at) "
        f"SELECT {NAMES}, answered, 1, now64(3, 'UTC') FROM {source} "
        f"WHERE reason = '' AND toYYYYMM(dt) = {{month:UInt32}} {new} "
        "SETTINGS min_insert_block_size_rows = 100000000, min_insert_block_size_bytes = 0, max_insert_threads = 1"
    )

"""What columns a CDR file has, and how its rows become those of the store."""

from dataclasses import dataclass

from gqlreports.errors import LoadError
from gqlreports.store.cdr_columns import (
    COLUMNS,
    EXTRA_CELLS,
    KINDS,
    MISSING_CELL,
    STAGED,
    answered,
    cell_name,
    reason,
    typed,
)
from gqlreports.store.chunks import Source
from gqlreports.store.corrections import KEY, MOVED, NAMES

MISSING = f"'{MISSING_CELL}'"
BLANKS = r"' \t\r\n'"


def layout_of(source: Source, path: str) -> "Layout":
    """Raises LoadError for a file that lacks a column, or has one twice."""
    known = [name for name in source.columns if name in KINDS]
    twice = sorted({name for name in known if known.count(name) > 1})
    if twice:
        raise LoadError(f"{path} has columns twice: {', '.join(twice)}; nothing was loaded.")
    missing = [each.name for each in COLUMNS if each.required and each.name not in known]
    if missing:
        raise LoadError(f"{path} lacks the columns {', '.join(missing)}; nothing was loaded.")
    if source.csv:
        return Layout(tuple(known), frozenset(known), csv=True, first=cell_name(0, source.columns[0]))
    optional = [each.name for each in COLUMNS if each.name not in known]
    return Layout((*known, *optional), frozenset(known), csv=False, values=source.values)


@dataclass(frozen=True)
class Layout:
    """The columns as they are read, those of them that the file tells, and the statements made of them.

    They take its rows from text, and what comes as `values` (the table `staged`), to those of the store (`checked`).
    """

    columns: tuple[str, ...]
    told: frozenset[str]
    csv: bool
    first: str = ""
    values: frozenset[str] = frozenset()

    def temporary_tables(self) -> list[str]:
        text = f"String DEFAULT {MISSING}" if self.csv else "Nullable(String)"
        kinds = {name: STAGED[KINDS[name]] for name in self.values}
        cells = ", ".join(f"{name} {kinds.get(name, text)}" for name in self._staged)
        values = f"{NAMES}, answered, '' AS reason"
        return [
            f"CREATE TEMPORARY TABLE staged ({cells}) ENGINE = Memory",
            f"CREATE TEMPORARY TABLE checked ENGINE = Memory AS SELECT {values} FROM cdr LIMIT 0",
            f"CREATE TEMPORARY TABLE known ENGINE = Memory AS SELECT {KEY} FROM cdr LIMIT 0",
        ]

    def check(self) -> str:
        values = ", ".join([*typed(self.columns, self.values), answered(self.columns, self.values), self._reason])
        return f"INSERT INTO checked SELECT {values} FROM ({self._cells()}) WHERE NOT blank"

    def rejected(self) -> str:
        """The rejected rows by their place in the chunk, which only a single thread keeps."""
        return self._places(self._reason, "reason != ''")

    def moved(self) -> str:
        """The rows whose key is in the table `moved`, by their place in the chunk."""
        branch = "ifNull(accurateCastOrNull(branch_idx, 'UInt8'), 0)"
        return self._places(
            f"'{MOVED}'", f"{self._reason} = '' AND (switch, callid, {branch}) IN (SELECT * FROM moved)"
        )

    def _places(self, reason: str, condition: str) -> str:
        rows = self._cells("rowNumberInAllBlocks() AS place, ")
        return (
            f"SELECT place, {reason} AS reason FROM ({rows}) WHERE NOT blank AND {condition} SETTINGS max_threads = 1"
        )

    @property
    def _staged(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys((self.first, *self.columns, *EXTRA_CELLS))) if self.csv else self.columns

    @property
    def _reason(self) -> str:
        return reason(self.columns, self.values, self.csv)

    def _cells(self, more: str = "") -> str:
        """All cells, texts trimmed; an empty line of a CSV file reads as a row without any."""
        cells = ", ".join(
            f"{f'staged.{name}' if name in self.values else _text(name)} AS {name}" for name in self.columns
        )
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

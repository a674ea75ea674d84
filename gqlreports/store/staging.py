"""How the rows of a CDR file become those of the store, in SQL."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from gqlreports.errors import LoadError
from gqlreports.store.cdr_columns import (
    ALL_COLUMNS,
    ANSWER_TIME,
    ANSWERED,
    COLUMNS,
    EXTRA_CELLS,
    FUTURE,
    KEY,
    KINDS,
    LOCAL_TIME,
    MISSING_CELL,
    MOVED,
    NAMES,
    STAGED,
    Kind,
)
from gqlreports.store.files import OpenFile
from gqlreports.store.topology import literal


def cell_name(place: int, name: str) -> str:
    """The name of a CSV file's column in SQL: its own name if it is known, or a name made from its place."""
    return name if name in KINDS else f"_{place}"


def answered(columns: Collection[str], values: Collection[str]) -> str:
    """Whether a call was answered, in SQL.

    The answer time decides if the file has that column, otherwise the SIP status if there is one, otherwise the
    duration.
    """
    if ANSWER_TIME in columns:
        return ANSWERED.rule(values).typed(ANSWER_TIME)
    [duration] = (each for each in COLUMNS if each.name == "duration")
    by_duration = f"{duration.rule(values).typed('duration')} > 0" if "duration" in columns else "false"
    if "sip_code" not in columns:
        return by_duration
    status = "accurateCastOrNull(sip_code, 'UInt16')"
    return f"if(ifNull({status}, 0) = 0, {by_duration}, intDiv(assumeNotNull({status}), 100) = 2)"


def reason(columns: Collection[str], values: Collection[str], sizes: bool) -> str:
    """The description of a row's first fault, in SQL; empty for a valid row.

    With `sizes` the rows have the columns `long` and `short` for too many and too few cells.
    """
    faults = ["long, 'more cells than the header'", "short, 'fewer cells than the header'"] if sizes else []
    for each in ALL_COLUMNS:
        fault = each.rule(values).fault
        if each.name in columns and each.kind is Kind.MOMENT and each.name in values:
            faults.append(f"ifNull({each.name} = {LOCAL_TIME}, 0), 'local time in {each.name}: its zone is unknown'")
        if fault and each.name in columns:
            faults.append(f"{fault(each.name)}, '{each.reason}'")
        if each.name == "dt":
            faults.append(f"{each.rule(values).typed('dt')} > now64(3, 'UTC') + INTERVAL 1 DAY, '{FUTURE}'")
    return f"multiIf({', '.join(faults)}, '')"


def typed(columns: Collection[str], values: Collection[str]) -> list[str]:
    """The SQL for the value of each of COLUMNS."""
    return [each.rule(values).typed(each.name) if each.name in columns else each.empty for each in COLUMNS]


MISSING = f"'{MISSING_CELL}'"
BLANKS = r"' \t\r\n'"


def plain_staging(source: OpenFile, path: str, constants: Mapping[str, str]) -> "Staging":
    """How the rows of a file in our own format are staged; `constants` are the values of columns that it lacks.

    Raises LoadError if the file lacks a required column or has a column twice.
    """
    known = [name for name in source.columns if name in KINDS]
    twice = sorted({name for name in known if known.count(name) > 1})
    if twice:
        raise LoadError(f"{path} has columns twice: {', '.join(twice)}; nothing was loaded.")
    missing = [each.name for each in COLUMNS if each.required and each.name not in (*known, *constants)]
    if missing:
        raise LoadError(f"{path} lacks the columns {', '.join(missing)}; nothing was loaded.")
    values = source.values.difference(constants)
    columns = {name: f"staged.{name}" for name in known}
    fields = tuple(known) if source.csv else (*known, *(each.name for each in COLUMNS if each.name not in known))
    return Staging(
        fields,
        {**columns, **{name: literal(text) for name, text in constants.items()}},
        csv=source.csv,
        sizes=source.csv,
        first=cell_name(0, source.columns[0]) if source.csv else "",
        types={name: STAGED[KINDS[name]] for name in source.values},
        values=values,
    )


ALL = "1"
"""The condition under which every record counts."""


@dataclass(frozen=True)
class Staging:
    """How a chunk's cells (the table `staged`) become rows of the store (the table `checked`).

    `fields` are the cells that are read, in the order of the file, and `types` the types of those that are no text.
    `columns` has the SQL of each of our columns that the file tells; `values` are those whose SQL gives a typed value.
    `counts` is the condition for a record that counts; the others are left out.  With `order`, branches are numbered in
    the order of this SQL.  `sizes` says that each row of a CSV file must have as many cells as the header, and `first`
    is the first of them.  If `placed`, each row of `checked` has its place in the chunk as `record`.
    """

    fields: tuple[str, ...]
    columns: Mapping[str, str]
    csv: bool
    sizes: bool = False
    first: str = ""
    types: Mapping[str, str] = field(default_factory=dict)
    values: frozenset[str] = frozenset()
    counts: str = ALL
    order: str = ""
    placed: bool = False

    @property
    def told(self) -> frozenset[str]:
        """The columns that the file tells."""
        return frozenset(self.columns)

    def temporary_tables(self) -> list[str]:
        text = f"String DEFAULT {MISSING}" if self.csv else "Nullable(String)"
        cells = ", ".join(f"{name} {self.types.get(name, text)}" for name in self._staged)
        values = f"{NAMES}, answered, '' AS reason{', toUInt64(0) AS record' if self.placed else ''}"
        # One thread keeps the records in their order, and to compile expressions takes longer than a few records.
        few = ["SET max_threads = 1, compile_expressions = 0, compile_aggregate_expressions = 0"] if self.placed else []
        return [
            *few,
            f"CREATE TEMPORARY TABLE staged ({cells}) ENGINE = Memory",
            f"CREATE TEMPORARY TABLE checked ENGINE = Memory AS SELECT {values} FROM cdr LIMIT 0",
        ]

    def check(self) -> str:
        names = self._names
        values = ", ".join([*typed(names, self.values), answered(names, self.values), self._reason])
        if self.placed:
            return f"INSERT INTO checked SELECT {values}, place FROM ({self._placed_cells()})"
        return f"INSERT INTO checked SELECT {values} FROM ({self._cells()})"

    @property
    def leaves_out(self) -> bool:
        return self.counts != ALL

    def left_out(self) -> str:
        """The query for the number of records that do not count."""
        return f"SELECT countIf(NOT blank AND NOT {self._counts}) FROM ({self._shaped()}) AS staged"

    def left_out_places(self) -> str:
        """The query for the places of those records in the chunk."""
        rows = self._shaped("rowNumberInAllBlocks() AS place, ")
        return f"SELECT place FROM ({rows}) AS staged WHERE NOT blank AND NOT {self._counts} SETTINGS max_threads = 1"

    def rejected(self) -> str:
        """The query for the rejected rows and their places in the chunk; only a single thread keeps the order."""
        return self._places(self._reason, "reason != ''")

    def moved(self) -> str:
        """The query for the rows whose key is in the table `moved`, and their places in the chunk."""
        branch = "ifNull(accurateCastOrNull(branch_idx, 'UInt16'), 0)"
        key = f"({', '.join(self._or_empty(name) for name in ('customer_id', 'switch', 'callid'))}, {branch})"
        return self._places(f"'{MOVED}'", f"{self._reason} = '' AND {key} IN (SELECT {KEY} FROM moved)")

    def _or_empty(self, name: str) -> str:
        return name if name in self._names else "''"

    @property
    def _names(self) -> tuple[str, ...]:
        return (*self.columns, "branch_idx") if self.order else tuple(self.columns)

    def _places(self, reason: str, condition: str) -> str:
        return (
            f"SELECT place, {reason} AS reason FROM ({self._placed_cells()}) WHERE {condition} SETTINGS max_threads = 1"
        )

    def _placed_cells(self) -> str:
        return self._cells("place, ", "rowNumberInAllBlocks() AS place, ")

    @property
    def _staged(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys((self.first, *self.fields, *EXTRA_CELLS))) if self.csv else self.fields

    @property
    def _reason(self) -> str:
        return reason(self._names, self.values, self.sizes)

    @property
    def _counts(self) -> str:
        return f"({self.counts})"

    def _cells(self, more: str = "", row: str = "") -> str:
        """The query for our columns of the records that count."""
        columns = ", ".join(f"{sql} AS {name}" for name, sql in self.columns.items())
        shape = "long, short, " if self.sizes else ""
        rows = f"SELECT {more}{shape}{columns} FROM ({self._shaped(row)}) AS staged WHERE NOT blank AND {self._counts}"
        if not self.order:
            return rows
        call = ", ".join(self._or_empty(name) for name in ("customer_id", "switch", "callid"))
        number = f"toString(row_number() OVER (PARTITION BY {call} ORDER BY {ORDER}) - 1) AS branch_idx"
        rows = rows.replace("SELECT ", f"SELECT {self.order} AS {ORDER}, ", 1)
        return f"SELECT *, {number} FROM ({rows})"

    def _shaped(self, row: str = "") -> str:
        """The cells, and whether a row is blank, too long or too short.  An empty line of CSV is a blank row.

        Here each text is trimmed, once: what is written out for each use of a cell takes the store long to analyse.
        """
        cells = ", ".join(f"{name if name in self.types else cell(name)} AS {name}" for name in self.fields)
        if not self.csv:
            return f"SELECT {row}0 AS blank, {cells} FROM staged"
        extra, beyond = EXTRA_CELLS
        others = [name for name in self.fields if name != self.first]
        blank = " AND ".join([*(f"staged.{name} = {MISSING}" for name in others), f"{cell(self.first)} = ''"])
        if not self.sizes:
            return f"SELECT {row}{blank} AS blank, {cells} FROM staged"
        return (
            f"SELECT {row}{blank} AS blank, staged.{self.fields[-1]} = {MISSING} AS short, "
            f"staged.{extra} NOT IN ('', {MISSING}) OR staged.{beyond} != {MISSING} AS long, {cells} FROM staged"
        )


ORDER = "branch_order"


# ClickHouse writes \N for NULL in CSV files.
def cell(name: str) -> str:
    """The trimmed text of a staged cell; empty for a missing one."""
    return rf"if(staged.{name} IN ({MISSING}, '\\N'), '', trimBoth(ifNull(staged.{name}, ''), {BLANKS}))"

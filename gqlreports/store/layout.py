"""The columns of a CDR file, what each must hold, and the SQL that turns the file's rows into those of the store."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from enum import Enum, auto

from gqlreports.errors import LoadError
from gqlreports.store.files import OpenFile

NUMBER = r"^[+-]?([0-9]+\\.?[0-9]*|\\.[0-9]+)([eE][+-]?[0-9]+)?$"
PLAIN_MONEY = r"^[+-]?[0-9]{1,10}(\\.[0-9]{0,8}0*)?$"
MOMENT = (
    r"^(19[7-9][0-9]|20[0-9]{2})-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])[T ]([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]"
    r"([.][0-9]+)?(Z|[+-](0[0-9]|1[0-4])(:?[0-5][0-9])?)?$"
)
MISSING_CELL = "\\0"
"""The value of a cell that a short row lacks."""
EXTRA_CELLS = ("_extra", "_more")
"""The names for cells beyond the file's last column."""


_LAST = 4_102_444_799_999
"""The last millisecond of 2099."""


class Kind(Enum):
    """The type of a column's values."""

    TEXT = auto()
    MOMENT = auto()
    WHOLE = auto()
    MONEY = auto()
    SECONDS = auto()


DIGITS = 18
SCALES = {Kind.MONEY: 8, Kind.SECONDS: 3}
"""How many digits of a decimal come after the decimal point."""
STAGED = {
    Kind.MOMENT: "Nullable(Int64)",
    Kind.WHOLE: "Nullable(Int64)",
    **{kind: f"Nullable(Decimal({DIGITS}, {scale}))" for kind, scale in SCALES.items()},
}
"""The ClickHouse types in which typed values are staged.  Moments are in milliseconds since 1970."""


@dataclass(frozen=True)
class CellRule:
    """How a cell is read, in SQL: `typed` converts it to the store's value, and `fault` is true if it is invalid."""

    typed: Callable[[str], str]
    fault: Callable[[str], str] | None = None


@dataclass(frozen=True)
class FileColumn:
    """A column of the file, whose cells are text, or typed values of its `kind`.

    `reason` describes an invalid cell.  A file must have the column if it is `required`; otherwise a missing column
    counts as empty.
    """

    name: str
    text: CellRule
    reason: str = ""
    required: bool = True
    kind: Kind = Kind.TEXT
    value: CellRule | None = None

    def rule(self, values: Collection[str]) -> CellRule:
        """The rule for the column's cells, given the names of the columns that come as typed `values`."""
        return self.value if self.value and self.name in values else self.text


def _text_column(name: str, required: bool = True) -> FileColumn:
    return FileColumn(name, CellRule(lambda x: x), required=required)


def _named(name: str) -> FileColumn:
    return FileColumn(name, CellRule(lambda x: x, lambda x: f"{x} = ''"), f"no {name}")


def _in_time(x: str) -> str:
    return f"ifNull({x} BETWEEN 0 AND {_LAST}, 0)"


def _moment(name: str) -> FileColumn:
    def typed(x: str) -> str:
        return f"ifNull(parseDateTime64BestEffortOrNull({x}, 3, 'UTC'), toDateTime64(0, 3, 'UTC'))"

    def fault(x: str) -> str:
        year = f"toYear(parseDateTime64BestEffortOrNull({x}, 3, 'UTC'))"
        return f"NOT match({x}, '{MOMENT}') OR ifNull({year}, 0) NOT BETWEEN 1970 AND 2099"

    value = CellRule(
        lambda x: f"fromUnixTimestamp64Milli(if({_in_time(x)}, assumeNotNull({x}), 0), 'UTC')",
        lambda x: f"NOT {_in_time(x)}",
    )
    return FileColumn(name, CellRule(typed, fault), f"bad time in {name}", kind=Kind.MOMENT, value=value)


def _money(name: str, required: bool = True) -> FileColumn:
    def fault(x: str) -> str:
        # Numbers in other than plain notation, for example 1e-9, may have digits beyond the 8 decimals.
        exact = f"toDecimal256OrNull({x}, 40) = toDecimal256(toDecimal64OrZero({x}, 8), 40)"
        return f"{x} != '' AND NOT match({x}, '{PLAIN_MONEY}') AND NOT (match({x}, '{NUMBER}') AND ifNull({exact}, 0))"

    text = CellRule(lambda x: f"toDecimal64OrZero({x}, 8)", fault)
    return FileColumn(name, text, f"bad number in {name}", required, Kind.MONEY, CellRule(lambda x: f"ifNull({x}, 0)"))


def _seconds(name: str, required: bool = True) -> FileColumn:
    def fault(x: str) -> str:
        right = f"match({x}, '{NUMBER}') AND NOT match({x}, '^-.*[1-9]') AND isNotNull(toDecimal64OrNull({x}, 3))"
        return f"{x} != '' AND NOT ({right})"

    text = CellRule(lambda x: f"toDecimal64OrZero({x}, 3)", fault)
    value = CellRule(lambda x: f"ifNull({x}, 0)", lambda x: f"ifNull({x} < 0, 0)")
    return FileColumn(name, text, f"bad number in {name}", required, Kind.SECONDS, value)


def _whole(name: str, kind: str, empty: str, required: bool = True) -> FileColumn:
    typed = f"ifNull(accurateCastOrNull({{}}, '{kind}'), {empty})".format
    text = CellRule(typed, lambda x: f"{x} != '' AND isNull(accurateCastOrNull({x}, '{kind}'))")
    value = CellRule(typed, lambda x: f"isNotNull({x}) AND isNull(accurateCastOrNull({x}, '{kind}'))")
    return FileColumn(name, text, f"bad number in {name}", required, Kind.WHOLE, value)


def _branch(name: str) -> FileColumn:
    rule = CellRule(
        lambda x: f"ifNull(accurateCastOrNull({x}, 'UInt8'), 0)",
        lambda x: f"isNull(accurateCastOrNull({x}, 'UInt8'))",
    )
    return FileColumn(name, rule, f"bad number in {name}", kind=Kind.WHOLE, value=rule)


COLUMNS = (
    _named("customer_id"),
    _named("callid"),
    _moment("dt"),
    _branch("branch_idx"),
    _text_column("switch"),
    _text_column("direction", required=False),
    _text_column("account"),
    _text_column("tech_prefix"),
    _text_column("source_cli", required=False),
    _text_column("dest_cli"),
    _text_column("source_dest_number", required=False),
    _text_column("dest_number"),
    _text_column("lrn"),
    _seconds("duration"),
    _seconds("customer_duration", required=False),
    _money("customer_charge"),
    _text_column("customer_card_id", required=False),
    _money("customer_card_rate", required=False),
    _text_column("customer_card_currency"),
    _text_column("customer_card_dest_code"),
    _text_column("customer_card_dest_name", required=False),
    _text_column("provider_id", required=False),
    _text_column("provider_card_id"),
    _seconds("provider_duration", required=False),
    _money("provider_charge"),
    _text_column("provider_card_currency"),
    _whole("pdd_out", "UInt32", "NULL", required=False),
    _seconds("ring_duration", required=False),
    _whole("sip_code", "UInt16", "0", required=False),
    _text_column("sip_reason", required=False),
    _text_column("release_reason", required=False),
    _text_column("dtmf"),
    _text_column("source_ip", required=False),
)
KEY = "switch, callid, branch_idx"
"""The columns that identify a CDR."""
NAMES = ", ".join(column.name for column in COLUMNS)
MOVED = "starts in another month than the call it corrects"
ANSWER_TIME = "answer_time"
"""An additional column that a file may have: the moment of the answer, empty if the call was not answered."""

_ANSWERED = FileColumn(
    ANSWER_TIME,
    CellRule(lambda x: f"{x} != ''", lambda x: f"{x} != '' AND NOT match({x}, '{MOMENT}')"),
    f"bad time in {ANSWER_TIME}",
    required=False,
    kind=Kind.MOMENT,
    value=CellRule(lambda x: f"isNotNull({x})", lambda x: f"isNotNull({x}) AND NOT {_in_time(x)}"),
)
_ALL = (*COLUMNS, _ANSWERED)
KINDS = {column.name: column.kind for column in _ALL}
"""The kind of each column that is read."""


def cell_name(place: int, name: str) -> str:
    """The name of a CSV file's column in SQL: its own name if it is known, or a name made from its place."""
    return name if name in KINDS else f"_{place}"


def answered(columns: Collection[str], values: Collection[str]) -> str:
    """Whether a call was answered, in SQL.

    The answer time decides if the file has that column, otherwise the SIP status if there is one, otherwise the
    duration.
    """
    if ANSWER_TIME in columns:
        return _ANSWERED.rule(values).typed(ANSWER_TIME)
    [duration] = (each for each in COLUMNS if each.name == "duration")
    by_duration = f"{duration.rule(values).typed('duration')} > 0"
    if "sip_code" not in columns:
        return by_duration
    status = "accurateCastOrNull(sip_code, 'UInt16')"
    return f"if(ifNull({status}, 0) = 0, {by_duration}, intDiv(assumeNotNull({status}), 100) = 2)"


def reason(columns: Collection[str], values: Collection[str], csv: bool) -> str:
    """The description of a row's first fault, in SQL; empty for a valid row.

    The rows of a CSV file have the columns `long` and `short` for too many and too few cells.
    """
    faults = ["long, 'more cells than the header'", "short, 'fewer cells than the header'"] if csv else []
    for each in _ALL:
        fault = each.rule(values).fault
        if fault and each.name in columns:
            faults.append(f"{fault(each.name)}, '{each.reason}'")
    return f"multiIf({', '.join(faults)}, '')"


def typed(columns: Collection[str], values: Collection[str]) -> list[str]:
    """The SQL for the value of each of COLUMNS.  Columns that the file lacks are read as empty texts."""
    return [each.rule(values).typed(each.name if each.name in columns else "''") for each in COLUMNS]


MISSING = f"'{MISSING_CELL}'"
BLANKS = r"' \t\r\n'"


def layout_of(source: OpenFile, path: str) -> "Layout":
    """The layout of a file.  Raises LoadError if the file lacks a required column or has a column twice."""
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
    """The columns that are read, those that the file has (`told`), and the statements built from them.

    The statements convert the rows from text and typed `values` (the table `staged`) to rows of the store (the table
    `checked`).
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
        """The query for the rejected rows and their places in the chunk; only a single thread keeps the order."""
        return self._places(self._reason, "reason != ''")

    def moved(self) -> str:
        """The query for the rows whose key is in the table `moved`, and their places in the chunk."""
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
        """The query for all cells, with trimmed texts.  An empty line of a CSV file becomes a `blank` row."""
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


# ClickHouse writes \N for NULL in CSV files.
def _text(name: str) -> str:
    return rf"if(staged.{name} IN ({MISSING}, '\\N'), '', trimBoth(ifNull(staged.{name}, ''), {BLANKS}))"

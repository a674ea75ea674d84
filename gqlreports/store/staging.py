"""The columns of a CDR file, what each must hold, and the SQL that turns the file's rows into those of the store."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from enum import Enum, auto

from gqlreports.errors import LoadError
from gqlreports.store.files import OpenFile
from gqlreports.store.topology import literal

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
BAD_TIME, LOCAL_TIME = -1, -2
"""In place of milliseconds since 1970: a text that is no time, and a local time whose zone is unknown."""
_YEAR = 366 * 24 * 3600
"""Seconds; no call lasts longer."""


class Kind(Enum):
    """The type of a column's values."""

    TEXT = auto()
    MOMENT = auto()
    WHOLE = auto()
    MONEY = auto()
    SECONDS = auto()
    QUALITY = auto()


DIGITS = 18
SCALES = {Kind.MONEY: 8, Kind.SECONDS: 3, Kind.QUALITY: 3}
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


# Spreadsheets write a number as ="12125550142", 12125550142.0 or, with digits lost, 1.21256E+10.
def _number_column(name: str, required: bool = True) -> FileColumn:
    def typed(x: str) -> str:
        quoted = f"startsWith({x}, '=\"') AND endsWith({x}, '\"'), substring({x}, 3, length({x}) - 3)"
        whole = rf"endsWith({x}, '0') AND match({x}, '^[+]?[0-9]+[.]0+$'), extract({x}, '^[+]?[0-9]+')"
        return f"multiIf({quoted}, {whole}, {x})"

    def fault(x: str) -> str:
        return f"positionCaseInsensitive({x}, 'e') > 0 AND match({x}, '^[0-9]+([.][0-9]+)?[eE][+]?[0-9]+$')"

    return FileColumn(name, CellRule(typed, fault), f"digits are missing in {name}", required)


def _keys(name: str) -> FileColumn:
    """Keys pressed.  Switches also separate them, print them as a list, or write `none`."""

    def typed(x: str) -> str:
        listed = rf"match({x}, '^[\\s,;|\"\\[\\]0-9A-Da-d*#]+$'), replaceRegexpAll({x}, '[^0-9A-Da-d*#]', '')"
        return f"multiIf({x} = '' OR lower({x}) IN ('none', 'null', 'n/a', '-', '[]'), '', {listed}, {x})"

    return FileColumn(name, CellRule(typed))


def _currency(name: str) -> FileColumn:
    rule = CellRule(lambda x: f"upper({x})", lambda x: f"{x} != '' AND NOT match({x}, '^[A-Za-z]{{3}}$')")
    return FileColumn(name, rule, f"no ISO 4217 code in {name}")


def _json(name: str) -> FileColumn:
    rule = CellRule(
        lambda x: x, lambda x: f"{x} != '' AND NOT startsWith({x}, '{{') OR {x} != '' AND NOT isValidJSON({x})"
    )
    return FileColumn(name, rule, f"no JSON object in {name}", required=False)


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


def _moment_or_null(name: str) -> FileColumn:
    moment = _moment(name)
    value = CellRule(
        lambda x: f"if(ifNull({x}, 0) > 0, fromUnixTimestamp64Milli(assumeNotNull({x}), 'UTC'), NULL)",
        lambda x: f"isNotNull({x}) AND NOT {_in_time(x)}",
    )
    text = CellRule(
        lambda x: f"if({_no_time(x)}, NULL, {moment.text.typed(x)})",
        lambda x: f"NOT {_no_time(x)} AND ({moment.text.fault(x) if moment.text.fault else 0})",
    )
    return FileColumn(name, text, moment.reason, required=False, kind=Kind.MOMENT, value=value)


def _no_time(x: str) -> str:
    """Whether a text is one of those that switches write where there is no time: the beginning of an epoch."""
    return rf"match({x}, '^(0+([.]0+)?|(0000-00-00|1970-01-01)([T ]00:00:00([.]0+)?(Z|[+-]00(:?00)?)?)?)?$')"


def _quality(name: str) -> FileColumn:
    text = CellRule(
        lambda x: f"toDecimal64OrNull({x}, 3)",
        lambda x: f"{x} != '' AND NOT (match({x}, '{NUMBER}') AND isNotNull(toDecimal64OrNull({x}, 3)))",
    )
    return FileColumn(name, text, f"bad number in {name}", False, Kind.QUALITY, CellRule(lambda x: x))


def _money(name: str, required: bool = True) -> FileColumn:
    def fault(x: str) -> str:
        # Numbers in other than plain notation, for example 1e-9, may have digits beyond the 8 decimals.
        exact = f"toDecimal256OrNull({x}, 40) = toDecimal256(toDecimal64OrZero({x}, 8), 40)"
        return f"{x} != '' AND NOT match({x}, '{PLAIN_MONEY}') AND NOT (match({x}, '{NUMBER}') AND ifNull({exact}, 0))"

    text = CellRule(lambda x: f"toDecimal64OrZero({x}, 8)", fault)
    return FileColumn(name, text, f"bad number in {name}", required, Kind.MONEY, CellRule(lambda x: f"ifNull({x}, 0)"))


def _seconds(name: str, required: bool = True) -> FileColumn:
    def fault(x: str) -> str:
        within = f"ifNull(toDecimal64OrNull({x}, 3) <= {_YEAR}, 0)"
        return f"{x} != '' AND NOT (match({x}, '{NUMBER}') AND NOT match({x}, '^-.*[1-9]') AND {within})"

    text = CellRule(lambda x: f"toDecimal64OrZero({x}, 3)", fault)
    value = CellRule(lambda x: f"ifNull({x}, 0)", lambda x: f"ifNull({x} < 0 OR {x} > {_YEAR}, 0)")
    return FileColumn(name, text, f"bad number in {name}", required, Kind.SECONDS, value)


def _whole(name: str, kind: str, empty: str, required: bool = True) -> FileColumn:
    typed = f"ifNull(accurateCastOrNull({{}}, '{kind}'), {empty})".format
    text = CellRule(typed, lambda x: f"{x} != '' AND isNull(accurateCastOrNull({x}, '{kind}'))")
    value = CellRule(typed, lambda x: f"isNotNull({x}) AND isNull(accurateCastOrNull({x}, '{kind}'))")
    return FileColumn(name, text, f"bad number in {name}", required, Kind.WHOLE, value)


# A store that was made before version 0.3 has one byte for it, in its sorting key, which cannot be altered.
_MOST_BRANCHES = (
    "(SELECT if(any(type) = 'UInt8', 255, 65535) FROM system.columns "
    "WHERE database = currentDatabase() AND table = 'cdr' AND name = 'branch_idx')"
)


def _branch(name: str) -> FileColumn:
    rule = CellRule(
        lambda x: f"ifNull(accurateCastOrNull({x}, 'UInt16'), 0)",
        lambda x: f"ifNull(accurateCastOrNull({x}, 'UInt16') > {_MOST_BRANCHES}, 1)",
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
    _number_column("source_cli", required=False),
    _number_column("dest_cli"),
    _number_column("source_dest_number", required=False),
    _number_column("dest_number"),
    _number_column("lrn"),
    _seconds("duration"),
    _seconds("customer_duration", required=False),
    _money("customer_charge"),
    _text_column("customer_card_id", required=False),
    _money("customer_card_rate", required=False),
    _currency("customer_card_currency"),
    _text_column("customer_card_dest_code"),
    _text_column("customer_card_dest_name", required=False),
    _text_column("provider_id", required=False),
    _text_column("provider_card_id"),
    _seconds("provider_duration", required=False),
    _money("provider_charge"),
    _currency("provider_card_currency"),
    _whole("pdd_out", "UInt32", "NULL", required=False),
    _seconds("ring_duration", required=False),
    _whole("sip_code", "UInt16", "0", required=False),
    _text_column("sip_reason", required=False),
    _text_column("release_reason", required=False),
    _keys("dtmf"),
    _text_column("source_ip", required=False),
    _whole("q850_cause", "UInt16", "0", required=False),
    _text_column("hangup_side", required=False),
    _moment_or_null("end_time"),
    _text_column("codec", required=False),
    _quality("mos"),
    _quality("packet_loss"),
    _quality("jitter"),
    _text_column("caller_name", required=False),
    _text_column("linked_callid", required=False),
    _json("extra"),
)
NULLABLE = ("pdd_out", "end_time", "mos", "packet_loss", "jitter")
KEY = "customer_id, switch, callid, branch_idx"
"""The columns that identify a CDR."""
NAMES = ", ".join(column.name for column in COLUMNS)
FUTURE = "starts in the future"
MOVED = "starts in another month than the call it corrects"
ANSWER_TIME = "answer_time"
"""An additional column that a file may have: the moment of the answer, empty if the call was not answered."""

_ANSWERED = FileColumn(
    ANSWER_TIME,
    CellRule(lambda x: f"NOT {_no_time(x)}", lambda x: f"NOT {_no_time(x)} AND NOT match({x}, '{MOMENT}')"),
    f"bad time in {ANSWER_TIME}",
    required=False,
    kind=Kind.MOMENT,
    value=CellRule(lambda x: f"ifNull({x}, 0) != 0", lambda x: f"isNotNull({x}) AND NOT {_in_time(x)}"),
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
    for each in _ALL:
        fault = each.rule(values).fault
        if each.name in columns and each.kind is Kind.MOMENT and each.name in values:
            faults.append(f"ifNull({each.name} = {LOCAL_TIME}, 0), 'local time in {each.name}: its zone is unknown'")
        if fault and each.name in columns:
            faults.append(f"{fault(each.name)}, '{each.reason}'")
        if each.name == "dt":
            faults.append(f"{each.rule(values).typed('dt')} > now64(3, 'UTC') + INTERVAL 1 DAY, '{FUTURE}'")
    return f"multiIf({', '.join(faults)}, '')"


def typed(columns: Collection[str], values: Collection[str]) -> list[str]:
    """The SQL for the value of each of COLUMNS.  Columns that the file lacks are read as empty texts."""
    return [each.rule(values).typed(each.name if each.name in columns else "''") for each in COLUMNS]


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
    columns = {name: f"staged.{name}" if name in values else cell(name) for name in known}
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
        """The staged cells, and whether a row is blank, too long or too short.  An empty line of CSV is a blank row."""
        if not self.csv:
            return f"SELECT {row}0 AS blank, * FROM staged"
        extra, beyond = EXTRA_CELLS
        others = [name for name in self.fields if name != self.first]
        blank = " AND ".join([*(f"staged.{name} = {MISSING}" for name in others), f"{cell(self.first)} = ''"])
        if not self.sizes:
            return f"SELECT {row}{blank} AS blank, * FROM staged"
        return (
            f"SELECT {row}{blank} AS blank, staged.{self.fields[-1]} = {MISSING} AS short, "
            f"staged.{extra} NOT IN ('', {MISSING}) OR staged.{beyond} != {MISSING} AS long, * FROM staged"
        )


ORDER = "branch_order"


# ClickHouse writes \N for NULL in CSV files.
def cell(name: str) -> str:
    """The trimmed text of a staged cell; empty for a missing one."""
    return rf"if(staged.{name} IN ({MISSING}, '\\N'), '', trimBoth(ifNull(staged.{name}, ''), {BLANKS}))"

"""The columns of a CDR: which a file may have, how each cell is read, and when it is wrong."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from enum import Enum, auto

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
    counts as empty, and `empty` is the store's value for that, in SQL.
    """

    name: str
    text: CellRule
    reason: str = ""
    required: bool = True
    kind: Kind = Kind.TEXT
    value: CellRule | None = None
    empty: str = "''"

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
    return FileColumn(name, text, moment.reason, required=False, kind=Kind.MOMENT, value=value, empty="NULL")


def _no_time(x: str) -> str:
    """Whether a text is one of those that switches write where there is no time: the beginning of an epoch."""
    return rf"match({x}, '^(0+([.]0+)?|(0000-00-00|1970-01-01)([T ]00:00:00([.]0+)?(Z|[+-]00(:?00)?)?)?)?$')"


def _quality(name: str) -> FileColumn:
    text = CellRule(
        lambda x: f"toDecimal64OrNull({x}, 3)",
        lambda x: f"{x} != '' AND NOT (match({x}, '{NUMBER}') AND isNotNull(toDecimal64OrNull({x}, 3)))",
    )
    return FileColumn(name, text, f"bad number in {name}", False, Kind.QUALITY, CellRule(lambda x: x), "NULL")


def _money(name: str, required: bool = True) -> FileColumn:
    def fault(x: str) -> str:
        # Numbers in other than plain notation, for example 1e-9, may have digits beyond the 8 decimals.
        exact = f"toDecimal256OrNull({x}, 40) = toDecimal256(toDecimal64OrZero({x}, 8), 40)"
        return f"{x} != '' AND NOT match({x}, '{PLAIN_MONEY}') AND NOT (match({x}, '{NUMBER}') AND ifNull({exact}, 0))"

    text = CellRule(lambda x: f"toDecimal64OrZero({x}, 8)", fault)
    value = CellRule(lambda x: f"ifNull({x}, 0)")
    return FileColumn(name, text, f"bad number in {name}", required, Kind.MONEY, value, "0")


def _seconds(name: str, required: bool = True) -> FileColumn:
    def fault(x: str) -> str:
        within = f"ifNull(toDecimal64OrNull({x}, 3) <= {_YEAR}, 0)"
        return f"{x} != '' AND NOT (match({x}, '{NUMBER}') AND NOT match({x}, '^-.*[1-9]') AND {within})"

    text = CellRule(lambda x: f"toDecimal64OrZero({x}, 3)", fault)
    value = CellRule(lambda x: f"ifNull({x}, 0)", lambda x: f"ifNull({x} < 0 OR {x} > {_YEAR}, 0)")
    return FileColumn(name, text, f"bad number in {name}", required, Kind.SECONDS, value, "0")


def _whole(name: str, kind: str, empty: str, required: bool = True) -> FileColumn:
    typed = f"ifNull(accurateCastOrNull({{}}, '{kind}'), {empty})".format
    text = CellRule(typed, lambda x: f"{x} != '' AND isNull(accurateCastOrNull({x}, '{kind}'))")
    value = CellRule(typed, lambda x: f"isNotNull({x}) AND isNull(accurateCastOrNull({x}, '{kind}'))")
    return FileColumn(name, text, f"bad number in {name}", required, Kind.WHOLE, value, empty)


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

ANSWERED = FileColumn(
    ANSWER_TIME,
    CellRule(lambda x: f"NOT {_no_time(x)}", lambda x: f"NOT {_no_time(x)} AND NOT match({x}, '{MOMENT}')"),
    f"bad time in {ANSWER_TIME}",
    required=False,
    kind=Kind.MOMENT,
    value=CellRule(lambda x: f"ifNull({x}, 0) != 0", lambda x: f"isNotNull({x}) AND NOT {_in_time(x)}"),
)
ALL_COLUMNS = (*COLUMNS, ANSWERED)
KINDS = {column.name: column.kind for column in ALL_COLUMNS}
"""The kind of each column that is read."""

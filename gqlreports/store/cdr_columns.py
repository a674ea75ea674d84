"""What each column of a CDR file must hold, as ClickHouse expressions over its text."""

from collections.abc import Callable
from dataclasses import dataclass

NUMBER = r"^[+-]?([0-9]+\\.?[0-9]*|\\.[0-9]+)([eE][+-]?[0-9]+)?$"
PLAIN_MONEY = r"^[+-]?[0-9]{1,10}(\\.[0-9]{0,8}0*)?$"
MOMENT = (
    r"^(19[7-9][0-9]|20[0-9]{2})-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])[T ]([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]"
    r"([.][0-9]+)?(Z|[+-](0[0-9]|1[0-4])(:?[0-5][0-9])?)?$"
)
MISSING_CELL = "\\0"
"""What a row holds in the columns behind its end."""
EXTRA_CELLS = ("_extra", "_more")
"""The names of what a row holds behind the file's last column."""


@dataclass(frozen=True)
class FileColumn:
    """A column of the file.

    `typed` makes its value from its text, `fault` says when the text cannot be right and `reason` why.  A file
    must have it if it is `required`; if not, a missing one counts as empty.
    """

    name: str
    typed: Callable[[str], str]
    fault: Callable[[str], str] | None = None
    reason: str = ""
    required: bool = True


def _text(name: str, required: bool = True) -> FileColumn:
    return FileColumn(name, lambda x: x, required=required)


def _named(name: str) -> FileColumn:
    return FileColumn(name, lambda x: x, lambda x: f"{x} = ''", f"no {name}")


def _moment(name: str) -> FileColumn:
    def typed(x: str) -> str:
        return f"ifNull(parseDateTime64BestEffortOrNull({x}, 3, 'UTC'), toDateTime64(0, 3, 'UTC'))"

    def fault(x: str) -> str:
        year = f"toYear(parseDateTime64BestEffortOrNull({x}, 3, 'UTC'))"
        return f"NOT match({x}, '{MOMENT}') OR ifNull({year}, 0) NOT BETWEEN 1970 AND 2099"

    return FileColumn(name, typed, fault, f"bad time in {name}")


def _money(name: str, required: bool = True) -> FileColumn:
    def fault(x: str) -> str:
        exact = f"toDecimal256OrNull({x}, 40) = toDecimal256(toDecimal64OrZero({x}, 8), 40)"
        return f"{x} != '' AND NOT match({x}, '{PLAIN_MONEY}') AND NOT (match({x}, '{NUMBER}') AND ifNull({exact}, 0))"

    return FileColumn(name, lambda x: f"toDecimal64OrZero({x}, 8)", fault, f"bad number in {name}", required)


def _seconds(name: str, required: bool = True) -> FileColumn:
    def fault(x: str) -> str:
        right = f"match({x}, '{NUMBER}') AND NOT match({x}, '^-.*[1-9]') AND isNotNull(toDecimal64OrNull({x}, 3))"
        return f"{x} != '' AND NOT ({right})"

    return FileColumn(name, lambda x: f"toDecimal64OrZero({x}, 3)", fault, f"bad number in {name}", required)


def _whole(name: str, kind: str, empty: str, required: bool = True) -> FileColumn:
    def fault(x: str) -> str:
        return f"{x} != '' AND isNull(accurateCastOrNull({x}, '{kind}'))"

    typed = f"ifNull(accurateCastOrNull({{}}, '{kind}'), {empty})"
    return FileColumn(name, typed.format, fault, f"bad number in {name}", required)


def _branch(name: str) -> FileColumn:
    return FileColumn(
        name,
        lambda x: f"ifNull(accurateCastOrNull({x}, 'UInt8'), 0)",
        lambda x: f"isNull(accurateCastOrNull({x}, 'UInt8'))",
        f"bad number in {name}",
    )


COLUMNS = (
    _named("customer_id"),
    _named("callid"),
    _moment("dt"),
    _branch("branch_idx"),
    _text("switch"),
    _text("direction", required=False),
    _text("account"),
    _text("tech_prefix"),
    _text("source_cli", required=False),
    _text("dest_cli"),
    _text("source_dest_number", required=False),
    _text("dest_number"),
    _text("lrn"),
    _seconds("duration"),
    _seconds("customer_duration", required=False),
    _money("customer_charge"),
    _text("customer_card_id", required=False),
    _money("customer_card_rate", required=False),
    _text("customer_card_currency"),
    _text("customer_card_dest_code"),
    _text("customer_card_dest_name", required=False),
    _text("provider_id", required=False),
    _text("provider_card_id"),
    _seconds("provider_duration", required=False),
    _money("provider_charge"),
    _text("provider_card_currency"),
    _whole("pdd_out", "UInt32", "NULL", required=False),
    _seconds("ring_duration", required=False),
    _whole("sip_code", "UInt16", "0", required=False),
    _text("sip_reason", required=False),
    _text("release_reason", required=False),
    _text("dtmf"),
    _text("source_ip", required=False),
)
ANSWER_TIME = "answer_time"
"""A column that a file may have besides: the moment of the answer, empty where there was none."""


KNOWN = frozenset({column.name for column in COLUMNS} | {ANSWER_TIME})


def cell_name(place: int, name: str) -> str:
    """What a column of a CSV file is called here: by its place where it is not known."""
    return name if name in KNOWN else f"_{place}"


def answered(columns: tuple[str, ...]) -> str:
    """Whether a call was answered: by its answer time where the file tells it, else its SIP status, else duration."""
    if ANSWER_TIME in columns:
        return f"{ANSWER_TIME} != ''"
    by_duration = "toDecimal64OrZero(duration, 3) > 0"
    if "sip_code" not in columns:
        return by_duration
    status = "accurateCastOrNull(sip_code, 'UInt16')"
    return f"if(ifNull({status}, 0) = 0, {by_duration}, intDiv(assumeNotNull({status}), 100) = 2)"


def reason(columns: tuple[str, ...], csv: bool) -> str:
    """The first fault of a row in words, empty for a row that is right; a CSV row tells if it is `long` or `short`."""
    faults = ["long, 'more cells than the header'", "short, 'fewer cells than the header'"] if csv else []
    faults += [f"{each.fault(each.name)}, '{each.reason}'" for each in COLUMNS if each.fault and each.name in columns]
    if ANSWER_TIME in columns:
        fault = f"{ANSWER_TIME} != '' AND NOT match({ANSWER_TIME}, '{MOMENT}')"
        faults.append(f"{fault}, 'bad time in {ANSWER_TIME}'")
    return f"multiIf({', '.join(faults)}, '')"


def typed(columns: tuple[str, ...]) -> list[str]:
    """The value of each of COLUMNS, those that the file lacks from an empty text."""
    return [each.typed(each.name if each.name in columns else "''") for each in COLUMNS]

"""The custom scalars of the schema, and how they are parsed and printed."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, NewType

import strawberry
from strawberry.types.scalar import ScalarDefinition

from gqlreports.errors import InvalidInput
from gqlreports.plugins.types import Scalar, complete

BigInt = NewType("BigInt", int)
ExactDecimal = NewType("ExactDecimal", str)

_MOMENT = re.compile(
    r"(\d{4}-\d{2}-\d{2})[Tt ]([01]\d|2[0-3]):([0-5]\d):([0-5]\d)(?:\.(\d{1,9}))?([Zz]|[+-](?:[01]\d|2[0-3]):[0-5]\d)"
)

_WHOLE = re.compile(r"-?[0-9]{1,19}")
_DECIMAL = re.compile(r"-?[0-9]{1,50}(?:\.[0-9]{1,20})?")


def parse_moment(text: object) -> datetime:
    """Parse an RFC 3339 date and time, and return it in UTC; fractions of a microsecond are rounded up.

    Raises InvalidInput, also for a time without an offset, because it could mean several moments.
    """
    found = _MOMENT.fullmatch(text) if isinstance(text, str) else None
    if not found:
        raise InvalidInput("a time needs a date, a time and an offset or Z, as in 2025-10-20T00:00:00Z.")
    date, hour, minute, second, fraction, offset = found.groups()
    nanoseconds = int((fraction or "").ljust(9, "0"))
    try:
        whole = datetime.fromisoformat(f"{date}T{hour}:{minute}:{second}{offset.upper()}")
        return whole.astimezone(UTC) + timedelta(microseconds=-(-nanoseconds // 1000))
    except (ValueError, OverflowError):
        raise InvalidInput("there is no such time; check day, month and year.") from None


def print_moment(moment: datetime) -> str:
    """Print a moment as the store does: RFC 3339 in UTC with milliseconds, ending in Z.

    Only a moment that a caller gave more exactly has microseconds, because less would be another moment.
    """
    digits = "microseconds" if moment.microsecond % 1000 else "milliseconds"
    return moment.astimezone(UTC).isoformat(timespec=digits).replace("+00:00", "Z")


def parse_big_int(value: object) -> int:
    """Parse a whole number or a string of its digits.  Raises InvalidInput for anything else or more than 64 bits."""
    digits = value if isinstance(value, str) else str(value)
    if isinstance(value, bool) or not _WHOLE.fullmatch(digits) or not -(1 << 63) <= int(digits) < 1 << 63:
        raise InvalidInput("a BigInt is a whole number of up to 64 bits.")
    return int(digits)


def parse_decimal(value: object) -> Decimal:
    """Parse an exact decimal from a string of its digits or from a number.

    Raises InvalidInput for anything else, or for more than 50 digits before or 20 after the point.
    """
    digits = value if isinstance(value, str) else format(Decimal(str(value)), "f") if _number(value) else ""
    if not _DECIMAL.fullmatch(digits):
        raise InvalidInput('a Decimal is a number with at most 20 decimals, best as a string: "12.345".')
    return Decimal(digits)


def _number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


SCALARS: dict[object, ScalarDefinition] = {
    BigInt: strawberry.scalar(
        name="BigInt",
        description="A whole number of up to 64 bits, a JSON number.",
        specified_by_url="https://www.w3.org/TR/xmlschema11-2/#long",
        serialize=int,
        parse_value=parse_big_int,
    ),
    ExactDecimal: strawberry.scalar(
        name="Decimal",
        description="An exact decimal number, a JSON string.",
        specified_by_url="https://www.w3.org/TR/xmlschema11-2/#decimal",
        serialize=str,
        parse_value=parse_decimal,
    ),
    datetime: strawberry.scalar(
        name="DateTime",
        description="A moment as in RFC 3339, with an offset or Z; answers are in UTC with milliseconds: "
        "2025-10-20T00:00:00.000Z.",
        specified_by_url="https://datatracker.ietf.org/doc/html/rfc3339",
        serialize=print_moment,
        parse_value=parse_moment,
    ),
}

_ANNOTATIONS: Mapping[str, Any] = complete(
    {"String": str, "Boolean": bool, "Float": float, "BigInt": BigInt, "Decimal": ExactDecimal, "DateTime": datetime},
    lambda column_type: [column_type.scalar.name],
    "a scalar of GraphQL",
)


def annotation(scalar: Scalar) -> Any:
    """The Python annotation that Strawberry maps to a scalar."""
    return _ANNOTATIONS[scalar.name]

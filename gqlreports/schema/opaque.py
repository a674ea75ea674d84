"""Opaque texts, such as cursors and ids: some values as JSON, in base64url."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def opaque(values: Sequence[Any]) -> str:
    """The same text for the same values."""
    return urlsafe_b64encode(orjson.dumps(values, option=orjson.OPT_SORT_KEYS)).decode().rstrip("=")


def values_of_opaque(text: str, *kinds: type[Any] | tuple[type[Any], ...]) -> list[Any]:
    """The values of an opaque text.  Raises ValueError unless it has one of each of these kinds."""
    values = orjson.loads(urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    if not isinstance(values, list) or len(values) != len(kinds):
        raise ValueError("These are no such values.")
    for value, kind in zip(values, kinds, strict=True):
        # A Boolean is an int to Python.
        if not isinstance(value, kind) or isinstance(value, bool):
            raise ValueError("These are no such values.")
    return values


def microseconds(moment: datetime) -> int:
    """A moment in microseconds since 1970."""
    return (moment - _EPOCH) // timedelta(microseconds=1)


def moment_of(microseconds: int) -> datetime:
    """The moment, in UTC.  Raises ValueError for one outside the calendar."""
    try:
        return _EPOCH + timedelta(microseconds=microseconds)
    except OverflowError:
        raise ValueError("There is no such moment.") from None

"""Compares answers of a report, and adds up their figures."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from math import isclose
from typing import Any

from gqlreports.plugins import Additivity
from gqlreports.plugins.contract import AnyColumn, Measure
from gqlreports.testing.answers import AnswerTable, Row

NO_ROW = "no such row"


@dataclass(frozen=True)
class AnswerDifference:
    """A value that differs between two answers: the name of its column for callers, where it is, and both values."""

    column: str
    where: str
    first: object
    second: object


def differences(first: Iterable[AnswerTable], second: Iterable[AnswerTable]) -> Iterator[AnswerDifference]:
    """All differences between two answers, in the tables that both have."""
    seconds = {each.what: each for each in second}
    for each in first:
        if each.what in seconds:
            yield from _differences(each, seconds[each.what])


def _differences(one: AnswerTable, other: AnswerTable) -> Iterator[AnswerDifference]:
    ones, others = _by_key(one), _by_key(other)
    for key in dict.fromkeys([*ones, *others]):
        where = _where(one, key)
        if key in ones and key in others:
            for column, value in ones[key].items():
                if value != others[key][column]:
                    yield AnswerDifference(column, where, value, others[key][column])
        else:
            present, absent = ("a row", NO_ROW) if key in ones else (NO_ROW, "a row")
            yield AnswerDifference(one.keys[0], where, present, absent)


def _by_key(table: AnswerTable) -> dict[tuple[Any, ...], Row]:
    return {tuple(row[key] for key in table.keys): row for row in table.rows}


def _where(table: AnswerTable, key: Sequence[object]) -> str:
    named = ", ".join(f"{name} {value!r}" for name, value in zip(table.keys, key, strict=True))
    return f"in {table.what}" + (f" for {named}" if named else "")


def additive(columns: Iterable[AnyColumn]) -> list[Measure]:
    """The columns whose figures of several groups may be added."""
    measures = [column for column in columns if isinstance(column, Measure)]
    return [each for each in measures if each.aggregate.additivity is not Additivity.NOT_ADDITIVE]


def added(column: Measure, values: Sequence[Any]) -> Decimal | None:
    """The sum of values as JSON has them; None if one of them is null because its currencies are several."""
    if column.aggregate.additivity is Additivity.WITHIN_CURRENCY and None in values:
        return None
    return sum((Decimal(str(value)) for value in values if value is not None), Decimal(0))


def is_total(column: Measure, total: Any, values: Sequence[Any]) -> bool:
    """Whether values add up to a total.  A total is null if it would mix currencies, which the values cannot tell."""
    if total is None:
        return column.aggregate.additivity is Additivity.WITHIN_CURRENCY or not any(
            value is not None for value in values
        )
    found = added(column, values)
    if found is None:
        return False
    if column.type.python is float:
        return isclose(found, Decimal(str(total)), rel_tol=1e-9)
    return found == Decimal(str(total))

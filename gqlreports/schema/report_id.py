"""The id of a report: what was asked for, in one opaque text.

Equal arguments give one id, also where they were written differently, and any other arguments give another.  So a cache
that knows objects by their ids keeps two queries of one report type apart.
"""

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from types import NoneType
from typing import Any

from gqlreports.backends.base import Customers
from gqlreports.errors import NotFound
from gqlreports.plugins import CountingBasis
from gqlreports.plugins.contract import AnyColumn
from gqlreports.plugins.grouping import GroupedReport, grouped
from gqlreports.plugins.registry import RegisteredReport
from gqlreports.plugins.types import BIG_INT, BOOLEAN, DATE_TIME, DECIMAL, FLOAT, STRING, Operator, Scalar
from gqlreports.schema.opaque import microseconds, moment_of, opaque, values_of_opaque
from gqlreports.schema.plan.filters import EVERYTHING, Condition, Either, Every, Not, Tree, Where
from gqlreports.schema.request import ReportRequest
from gqlreports.schema.types.columns import validated
from gqlreports.schema.types.grouping import Grouping

PREFIX = "Report:"
_EVERY, _EITHER, _NOT = "every", "either", "not"
_JSON: Mapping[Scalar, type[Any] | tuple[type[Any], ...]] = {
    STRING: str,
    BOOLEAN: bool,
    BIG_INT: int,
    FLOAT: (int, float),
    DECIMAL: str,
    DATE_TIME: int,
}
"""What the values of filters are in an id."""


def report_id(request: ReportRequest) -> str:
    """The id of a report.  Whether the caller is staff is no part of it: it changes what is seen, not what is asked."""
    report = request.report
    return PREFIX + opaque(
        (
            request.customers.ids,
            report.name,
            microseconds(request.start),
            microseconds(request.end),
            request.basis.name,
            request.parameters.model_dump(mode="json"),
            None if request.as_of is None else microseconds(request.as_of),
            [key.constant_name for key in report.keys] if isinstance(report, GroupedReport) else None,
            None if request.filter == EVERYTHING else _written(request.filter),
        )
    )


def request_of(id: str, reports: Mapping[str, RegisteredReport], grouping: Grouping) -> ReportRequest:
    """The request that an id stands for, which has not been admitted yet.

    Raises NotFound for a text that is no id of one of these reports, InvalidInput for parameters or keys that the
    report no longer has.
    """
    try:
        ids, name, start, end, basis, parameters, as_of, keys, only = values_of_opaque(
            id.removeprefix(PREFIX), list, str, int, int, str, dict, (int, NoneType), (list, NoneType), (list, NoneType)
        )
        counted, report = CountingBasis[basis], reports[name]
        moments = moment_of(start), moment_of(end), None if as_of is None else moment_of(as_of)
        if not ids or not all(isinstance(each, str) for each in (*ids, *(keys or ()))):
            raise ValueError("These are no names.")
        where = EVERYTHING if only is None else _read(only, _dimensions(report, grouping))
    except (ValueError, KeyError, InvalidOperation, RecursionError):
        raise NotFound("There is no report of this id for this key; ask for it by `customReport`.") from None
    shown = report if keys is None else grouped(report, grouping.declared, keys, grouping.staff)
    given = validated(report, parameters)
    return ReportRequest(
        shown, Customers.of(*ids), moments[0], moments[1], given, counted, grouping.staff, moments[2], where
    )


def _dimensions(report: RegisteredReport, grouping: Grouping) -> dict[str, AnyColumn]:
    return {each.constant_name: each for each in grouping.visible if each.fact is report.report.fact}


def _written(where: Where) -> list[Any]:
    """A filter as lists: its tree, and its values."""
    return [_tree_written(where.tree), _values_written(where.values)]


def _values_written(values: Any) -> Any:
    if isinstance(values, list | tuple):
        return [_values_written(each) for each in values]
    return str(values) if isinstance(values, Decimal) else values


def _tree_written(tree: Tree) -> list[Any]:
    match tree:
        case Condition(column, operator, place):
            return [column.constant_name, operator.name, place]
        case Every(parts):
            return [_EVERY, *map(_tree_written, parts)]
        case Either(parts):
            return [_EITHER, *map(_tree_written, parts)]
        case Not(part):
            return [_NOT, _tree_written(part)]


def _read(written: list[Any], columns: Mapping[str, AnyColumn]) -> Where:
    """Raises ValueError, KeyError or InvalidOperation for what no filter is written as."""
    tree, values = written
    found: dict[int, Any] = {}
    return Where(_tree_read(tree, columns, values, found), tuple(found.get(place) for place in range(len(values))))


def _tree_read(tree: Any, columns: Mapping[str, AnyColumn], values: list[Any], found: dict[int, Any]) -> Tree:
    """Read a tree, and put the values that it compares with into `found`."""
    if not isinstance(tree, list) or not isinstance(values, list):
        raise ValueError("This is no tree.")
    kind, *parts = tree
    if kind in (_EVERY, _EITHER):
        inner = tuple(_tree_read(each, columns, values, found) for each in parts)
        return Every(inner) if kind == _EVERY else Either(inner)
    if kind == _NOT:
        [part] = parts
        return Not(_tree_read(part, columns, values, found))
    name, place = parts
    column, operator = columns[str(kind)], Operator[str(name)]
    if type(place) is not int:
        raise ValueError("This is no place.")
    if operator not in (Operator.IS_NULL, Operator.IS_NOT_NULL):
        if operator not in column.type.scalar.operators or not 0 <= place < len(values):
            raise ValueError("This is no condition on that column.")
        found[place] = _value(values[place], column.type.scalar, operator)
    return Condition(column, operator, place)


def _value(given: Any, scalar: Scalar, operator: Operator) -> Any:
    if operator in (Operator.IN, Operator.NOT_IN):
        if not isinstance(given, list):
            raise ValueError("This is no list.")
        return [_value(each, scalar, Operator.EQ) for each in given]
    if not isinstance(given, _JSON[scalar]) or isinstance(given, bool) != (scalar is BOOLEAN):
        raise ValueError("This is no value of that column.")
    return Decimal(given) if scalar is DECIMAL else given

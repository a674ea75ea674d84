"""The input types of filters, and how filters are parsed."""

from collections.abc import Iterator
from types import GenericAlias
from typing import Any

import strawberry
from strawberry.annotation import StrawberryAnnotation

from gqlreports.errors import InvalidInput, LimitExceeded
from gqlreports.plugins.contract import AnyColumn
from gqlreports.plugins.types import TYPES, Operator, Scalar
from gqlreports.schema.plan.filters import Condition, Either, Every, Not, Tree, Where
from gqlreports.schema.plan.filters import columns as columns_of
from gqlreports.schema.scalars import annotation

MOST_CONDITIONS = 100
"""How many conditions a filter may have."""
DEEPEST = 20
"""How deeply filters may be nested."""

_LISTED = (Operator.IN, Operator.NOT_IN)
_MEANING = {
    Operator.EQ: "Equal to it.",
    Operator.NE: "Not equal to it; null is not either.",
    Operator.LT: "Less than it.",
    Operator.LTE: "Less than or equal to it.",
    Operator.GT: "Greater than it.",
    Operator.GTE: "Greater than or equal to it.",
    Operator.IN: "One of these.",
    Operator.NOT_IN: "None of these; null is none either.",
    Operator.STARTS_WITH: "Begins with it; case counts.",
    Operator.ENDS_WITH: "Ends with it; case counts.",
    Operator.CONTAINS: "Has it as a part; case counts.",
}


def _attribute(operator: Operator) -> str:
    """The operator's Python name; the underscore is needed because `in` is a keyword."""
    return f"{operator.name.lower()}_"


def _filter_input(scalar: Scalar) -> type[Any]:
    kind = annotation(scalar)
    namespace: dict[str, Any] = {"__annotations__": {}}
    for operator in scalar.operators:
        several = operator in _LISTED
        namespace["__annotations__"][_attribute(operator)] = (GenericAlias(list, kind) if several else kind) | None
        namespace[_attribute(operator)] = strawberry.field(
            name=operator.value, default=strawberry.UNSET, description=_MEANING[operator]
        )
    namespace["__annotations__"]["is_null"] = bool | None
    namespace["is_null"] = strawberry.field(default=strawberry.UNSET, description="Null, or not null.")
    return strawberry.input(
        type(f"{scalar.name}Filter", (), namespace), description="What a value must meet: all that is given."
    )


_FILTERS = {scalar: _filter_input(scalar) for scalar in dict.fromkeys(each.scalar for each in TYPES)}


def report_filter(name: str, columns: tuple[AnyColumn, ...]) -> type[Any]:
    """The input type of filters on these columns."""
    namespace: dict[str, Any] = {"__annotations__": {}}
    for column in columns:
        namespace["__annotations__"][column.name] = _FILTERS[column.type.scalar] | None
        namespace[column.name] = strawberry.field(
            name=column.graphql_name, default=strawberry.UNSET, description=column.description
        )
    parts = {"and_": "All of these.", "or_": "One of these.", "not_": "Not this."}
    for part, text in parts.items():
        namespace["__annotations__"][part] = str | None
        namespace[part] = strawberry.field(name=part[:-1], default=strawberry.UNSET, description=text)
    cls = strawberry.input(type(name, (), namespace), description="What a row must meet: all that is given.")
    _refer_to_itself(cls)
    return cls


def _refer_to_itself(cls: type[Any]) -> None:
    for field in cls.__strawberry_definition__.fields:
        if field.python_name in ("and_", "or_"):
            field.type_annotation = StrawberryAnnotation(GenericAlias(list, cls) | None)
        elif field.python_name == "not_":
            field.type_annotation = StrawberryAnnotation(cls | None)


def parse_filter(given: Any, columns: tuple[AnyColumn, ...]) -> Where:
    """Parse a filter.

    Raises InvalidInput for an operator whose value is null, LimitExceeded for too many or too deeply nested conditions.
    """
    if given is None:
        return Where()
    values: list[Any] = []
    tree = _tree(given, columns, values, 1)
    conditions = sum(1 for _ in columns_of(tree))
    if conditions > MOST_CONDITIONS:
        raise LimitExceeded("conditions", conditions, MOST_CONDITIONS, "a filter with fewer says the same faster")
    return Where(tree, tuple(values))


def _tree(given: Any, columns: tuple[AnyColumn, ...], values: list[Any], depth: int) -> Tree:
    if depth > DEEPEST:
        raise LimitExceeded("filterDepth", depth, DEEPEST, "a filter with fewer levels says the same")
    parts: list[Tree] = []
    for column in columns:
        if compared := getattr(given, column.name):
            parts += _conditions(column, compared, values)
    if isinstance(given.and_, list):
        parts += [_tree(each, columns, values, depth + 1) for each in given.and_]
    if isinstance(given.or_, list):
        parts.append(Either(tuple(_tree(each, columns, values, depth + 1) for each in given.or_)))
    if given.not_:
        parts.append(Not(_tree(given.not_, columns, values, depth + 1)))
    return parts[0] if len(parts) == 1 else Every(tuple(parts))


def _conditions(column: AnyColumn, compared: Any, values: list[Any]) -> Iterator[Condition]:
    for operator in Operator:
        given = getattr(compared, _attribute(operator), strawberry.UNSET)
        if given is strawberry.UNSET:
            continue
        if given is None:
            raise _is_null(column, operator.value)
        sent = column.type.scalar.operand.sent
        values.append([sent(each) for each in given] if operator in _LISTED else sent(given))
        yield Condition(column, operator, len(values) - 1)
    if compared.is_null is None:
        raise _is_null(column, "isNull")
    if compared.is_null is not strawberry.UNSET:
        yield Condition(column, Operator.IS_NULL if compared.is_null else Operator.IS_NOT_NULL, 0)


def _is_null(column: AnyColumn, operator: str) -> InvalidInput:
    return InvalidInput(f"{column.graphql_name}.{operator} is null; for rows without a value write isNull: true.")

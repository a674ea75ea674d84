"""Checks what an author declared, before anything is made of it, and says what to write instead."""

import inspect
import re
import sys
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from enum import Enum
from pathlib import Path
from typing import Any

from pydantic.fields import FieldInfo
from sqlalchemy import ColumnElement, FromClause, Function, Over, Select, SelectBase, TextClause
from sqlalchemy.sql import operators
from sqlalchemy.sql.base import ColumnCollection
from sqlalchemy.sql.elements import UnaryExpression
from sqlalchemy.sql.visitors import HasTraverseInternals

from gqlreports.errors import PluginError
from gqlreports.plugins.aggregates import Additivity, CountingBasis, Whole
from gqlreports.plugins.contract import (
    Dimension,
    Measure,
    Report,
    ReportParameters,
    Scope,
    built,
    sources,
    sql_text,
)
from gqlreports.tables import Fact, meant

# Aggregate functions that count or add up rows, and so must count each with its sign.
_ADDING = re.compile("(count|sum|avg)(If|OrNull|OrDefault)*", re.IGNORECASE)
_LARGEST_INT = 2**31 - 1
_KEPT = {"true", "false", "null"}
"""The names that no value of a GraphQL enum may have."""
_SIGNED = (
    "which also counts what a correction took back; write attempts, count(...) or total(...), "
    "or multiply by the fact's sign"
)
_LIBRARIES = {"gqlreports", "sqlalchemy", "clickhouse_connect", "pydantic", *sys.stdlib_module_names}


def check_values(report: type[Report]) -> None:
    """Check that attributes of a report and its columns are of their types.  Raises PluginError."""
    owner = report.__name__
    _check_text(report.title, f"title of {owner} is")
    _check_text(report.__doc__ or "", f"the docstring of {owner} is")
    _check_is(report.staff_only, bool, f"staff_only of {owner} is", "True or False")
    _check_is(report.rollup, bool, f"rollup of {owner} is", "True or False")
    _check_is(report.fact, Fact, f"fact of {owner} is", "a Fact")
    _check_not_async(report.where, f"where of {owner} is")
    _check_not_async(report.statement, f"the statement of {owner} is")
    for column in report.columns.values():
        blame = f"column {column.name} of {owner}: its"
        _check_not_async(column.key if isinstance(column, Dimension) else column.figure, f"{blame} function is")
        _check_text(column.description, f"{blame} description is")
        _check_text(column.unit or "", f"{blame} unit is")


def check_figures(report: type[Report]) -> None:
    """Check that measures are figures.  Raises PluginError."""
    for column in report.columns.values():
        blame = f"column {column.name} of {report.__name__}"
        if isinstance(column, Measure):
            with _blamed(blame, "its figure cannot be built"):
                figure = column.aggregate
            _check_text(figure.formula, f"{blame}: its formula is")
            _check_is(figure.additivity, Additivity, f"{blame}: its additivity is", "an Additivity")


def check_parameter(kind: type[Any], field: FieldInfo, blame: str) -> None:
    """Check the description, the default and the enum of a parameter.  Raises PluginError."""
    _check_text(field.description or "", f"{blame}: its description is")
    if issubclass(kind, Enum):
        if not kind.__members__:
            raise PluginError(f"{blame}: its enum {kind.__name__} has no value")
        if kept := sorted(_KEPT & set(kind.__members__)):
            what = f"its enum {kind.__name__} has the value {kept[0]}"
            raise PluginError(f"{blame}: {what}, which GraphQL keeps for itself")
    wanted = f"{'an' if kind is int else 'a'} {kind.__name__}"
    # True and False are integers in Python, and not in GraphQL.
    if kind is int and isinstance(field.default, bool):
        raise PluginError(f"{blame}: its default is {field.default}, not {wanted}")
    _check_is(field.default, kind, f"{blame}: its default is", wanted)
    if kind is int and not -_LARGEST_INT <= field.default <= _LARGEST_INT:
        raise PluginError(f"{blame}: its default is {field.default}, and GraphQL's Int ends at {_LARGEST_INT}")


def check_enums(fields: Mapping[str, FieldInfo], owner: str) -> None:
    """Check that no two enums of a report's parameters have one name.  Raises PluginError."""
    enums: dict[str, type[Any] | None] = {}
    for name, field in fields.items():
        kind = field.annotation
        if isinstance(kind, type) and enums.setdefault(kind.__name__, kind) is not kind:
            blame = f"parameter {name} of {owner}"
            raise PluginError(f"{blame}: another parameter has another enum of the name {kind.__name__}; rename one")


def variations(defaults: ReportParameters) -> Iterator[ReportParameters]:
    """The default parameters, and a variation for each other value of each Boolean or enum parameter."""
    yield defaults
    for name in type(defaults).model_fields:
        value = getattr(defaults, name)
        others = [not value] if isinstance(value, bool) else list(type(value)) if isinstance(value, Enum) else []
        yield from (defaults.model_copy(update={name: other}) for other in others if other != value)


def check_sql(report: type[Report]) -> None:
    """Check what functions and methods of a report return under its parameters.  Raises PluginError."""
    defaults = report.Parameters()
    for parameters in variations(defaults):
        given = _given(parameters, defaults)
        for column in report.columns.values():
            if isinstance(column, Measure):
                _check_figure(column, report, parameters, given)
        try:
            _check_statements(report, parameters)
        except PluginError:
            raise
        except Exception as error:
            _check_parts(report, parameters, given)
            raise PluginError(f"{report.__name__} has no statement{given} ({words_of_error(error)})") from error


def place_of_error(error: BaseException) -> str:
    """Where a plugin failed, as the end of a sentence: its file's name and the line."""
    if isinstance(error, SyntaxError) and error.filename:
        return f"; {Path(error.filename).name}, line {error.lineno}"
    frames = [
        (Path(frame.f_code.co_filename).name, line)
        for frame, line in traceback.walk_tb(error.__traceback__)
        if frame.f_globals.get("__name__", "").partition(".")[0] not in _LIBRARIES
    ]
    return f"; {frames[-1][0]}, line {frames[-1][1]}" if frames else ""


def words_of_error(error: BaseException) -> str:
    """What failed in a plugin, and where, on one line."""
    if isinstance(error, PluginError):
        return str(error)
    if isinstance(error, AttributeError) and isinstance(error.obj, ColumnCollection):
        name = str(error.name)
        return f"there is no column {name}{meant(name, error.obj.keys())}{place_of_error(error)}"
    return f"{type(error).__name__}: {' '.join(str(error).split())}{place_of_error(error)}"


@contextmanager
def _blamed(blame: str, what: str) -> Iterator[None]:
    """Name the column or method that is to blame in whatever is raised."""
    try:
        yield
    except PluginError as error:
        raise PluginError(f"{blame}: {error}") from error
    except Exception as error:
        raise PluginError(f"{blame}: {what} ({words_of_error(error)})") from error


def _check_not_async(function: object, blame: str) -> None:
    if inspect.iscoroutinefunction(function):
        raise PluginError(f"{blame} a coroutine; write `def`, not `async def`")


def _check_text(value: object, blame: str) -> None:
    _check_is(value, str, blame, "a text")
    # A surrogate cannot be encoded, so it would fail the answer that holds all reports.
    if not str(value).isascii() and any("\ud800" <= each <= "\udfff" for each in str(value)):
        raise PluginError(f"{blame} not Unicode: it has half of a surrogate pair")


def _check_is(value: object, kind: type[Any], blame: str, wanted: str) -> None:
    if not isinstance(value, kind):
        raise PluginError(f"{blame} {_named(value)}, not {wanted}")


def _check_statements(report: type[Report], parameters: ReportParameters) -> None:
    """Check the statement of all columns.  Raises PluginError, or whatever the author's functions raise."""
    columns = tuple(report.columns.values())
    keys = tuple(each for each in columns if isinstance(each, Dimension) and each.is_key(parameters))
    blame = f"the statement of {report.__name__}"
    for basis in CountingBasis:
        try:
            statement: object = report().statement(Scope(keys, columns, parameters, basis, report.fact))
            if isinstance(statement, Select):
                statement.compile()
        except PluginError as error:
            # A column that its table does not have, and which part of the report reads it is not known yet.
            raise LookupError(str(error)) from error
        if not isinstance(statement, Select):
            raise PluginError(f"{blame} is {_named(statement)}; it returns a select(...)")
        if report.overrides_statement():
            for select in (each for each in _every(statement) if isinstance(each, Select)):
                if any(report.fact.table in sources(each) for each in select.get_final_froms()):
                    parts = (part for child in _own(select) for part in _parts(child))
                    _check_signed(parts, report.fact, f"{blame} has")


def _check_parts(report: type[Report], parameters: ReportParameters, given: str) -> None:
    """Find the part of a report for which its statement fails.  Raises PluginError."""
    blame = f"where of {report.__name__}"
    with _blamed(blame, f"it fails{given}"):
        condition: object = report().where(parameters)
        if isinstance(condition, ColumnElement):
            condition.compile()
    if condition is not None and not isinstance(condition, ColumnElement | TextClause | bool):
        raise PluginError(f"{blame} is {_named(condition)}; it is a condition such as cdr.c.answered")
    for column in report.columns.values():
        blame = f"column {column.name} of {report.__name__}"
        if isinstance(column, Dimension):
            _check_key(column, blame, parameters, given)
        scope = Scope(
            (column,) if isinstance(column, Dimension) else (), (column,), parameters, CountingBasis.CALL, report.fact
        )
        with _blamed(blame, f"it has no statement{given}"):
            report().statement(scope).compile()


def _check_key(column: Dimension, blame: str, parameters: ReportParameters, given: str) -> None:
    with _blamed(blame, f"its key cannot be built{given}"):
        key: object = column.build(parameters)
        if isinstance(key, ColumnElement):
            key.compile()
            return
    advice = f"write cdr.c.{key}" if isinstance(key, str) else "write cdr.c.NAME or literal_column(...)"
    what = f"{_named(key)}, which has no type" if isinstance(key, TextClause) else _named(key)
    raise PluginError(f"{blame}: its key is {what}; {advice}")


def _check_figure(column: Measure, report: type[Report], parameters: ReportParameters, given: str) -> None:
    """Check that a figure keeps its type under all parameters, and counts rows with their sign."""
    blame = f"column {column.name} of {report.__name__}"
    for basis in CountingBasis:
        with _blamed(blame, f"its figure cannot be built{given}"):
            figure = built(column.figure, parameters)
            terms = [term.over(report.fact) for term in figure.terms(basis) if isinstance(term, Whole)]
        if (figure.type, figure.nullable) != (column.type, column.nullable):
            names = f"its figure is {column.type.name}, and {figure.type.name}{given}"
            raise PluginError(f"{blame}: {names}; it must keep its type, and whether it may be null")
        for term in terms:
            _check_signed(_parts(term), report.fact, f"{blame} has")


def _check_signed(parts: Iterator[Any], fact: Fact, blame: str) -> None:
    """Refuse a function that adds up rows of a fact without their sign."""
    found = list(parts)
    windows = {id(each.element) for each in found if isinstance(each, Over)}
    for each in found:
        if isinstance(each, Function) and _ADDING.fullmatch(each.name) and id(each) not in windows:
            inner = list(_parts(each))
            distinct = any(
                isinstance(part, UnaryExpression) and part.operator is operators.distinct_op for part in inner
            )
            if not distinct and not any(getattr(part, "name", None) == fact.sign.name for part in inner):
                raise PluginError(f"{blame} {sql_text(each)}, {_SIGNED}")


def _is_distinct(part: object) -> bool:
    """Whether a function counts values, which is no sum over rows."""
    return isinstance(part, UnaryExpression) and part.operator is operators.distinct_op


def _every(element: HasTraverseInternals) -> Iterator[HasTraverseInternals]:
    """An element and all within it."""
    yield element
    for child in element.get_children():
        yield from _every(child)


def _own(select: Select[Any]) -> Iterator[HasTraverseInternals]:
    """What a SELECT has itself, without what it selects from."""
    return (child for child in select.get_children() if not isinstance(child, FromClause | SelectBase))


def _parts(element: HasTraverseInternals) -> Iterator[HasTraverseInternals]:
    """An element and all within it, except subqueries."""
    yield element
    for child in element.get_children():
        if not isinstance(child, SelectBase):
            yield from _parts(child)


def _given(parameters: ReportParameters, defaults: ReportParameters) -> str:
    """The parameters that differ from the defaults, as a part of a sentence."""
    names = [name for name in type(defaults).model_fields if getattr(parameters, name) != getattr(defaults, name)]
    values = ((name, getattr(parameters, name)) for name in names)
    told = ", ".join(f"{name}={value.name if isinstance(value, Enum) else value}" for name, value in values)
    return f" with {told}" if told else ""


def _named(value: object) -> str:
    """What a value is, in words."""
    if isinstance(value, TextClause):
        return "text(...)"
    if value is None or isinstance(value, bool):
        return str(value)
    if isinstance(value, str | int | float):
        return f"the {type(value).__name__} {value!r}"
    return f"a {type(value).__name__}"

"""What is held against a report when it is registered, rather than when it is asked for."""

import re
from enum import Enum

from pydantic.alias_generators import to_camel
from pydantic.fields import FieldInfo
from sqlalchemy import SelectBase
from sqlalchemy.sql.visitors import iterate

from gqlreports.errors import PluginError
from gqlreports.plugins.aggregates import CountingBasis
from gqlreports.plugins.contract import AnyColumn, Dimension, Report, ReportParameters, Scope
from gqlreports.plugins.types import TYPES

_COLUMN_NAME = re.compile(r"[A-Za-z](?:[A-Za-z0-9_]*[A-Za-z0-9])?")
_ENUM_VALUE = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
# The types that a report's own are named after besides its enums.
_GENERATED = {
    *("Bucket", "Column", "Comparison", "ComparisonOrder", "ComparisonRow", "ComparisonTotals", "Dimension"),
    *("Filter", "Measure", "Order", "Parameters", "Report", "Row", "Subtotal", "Top", "Totals"),
}
# Fields that stand beside the columns in some of those types.
_FIELDS = {"and", "or", "not", "start", "end", "clipped", "others", "summedAway"}


def check_report(report: type[Report]) -> None:
    """Raises PluginError, whose message names class and column."""
    name = report.__name__
    columns = report.columns
    for column in columns.values():
        _check_column(column, name)
    _check_apart({each.name: each.graphql_name for each in columns.values()}, "column", name)
    _check_apart({each.name: each.constant_name for each in columns.values()}, "column", name)
    _check_keys(report)
    _check_units(report)
    _check_parameters(report)
    for column in columns.values():
        _check_condition(column, report)
    for column in columns.values():
        _check_statement(column, report)
    _check_keys_have_no_subquery(report)


def _check_column(column: AnyColumn, owner: str) -> None:
    blame = f"column {column.name} of {owner}"
    if not _COLUMN_NAME.fullmatch(column.name):
        raise PluginError(f"{blame} is no GraphQL name; use letters, digits and _ between them")
    if column.graphql_name in _FIELDS:
        raise PluginError(f"{blame} has the name of a field that stands beside columns; choose another")
    if column.type not in TYPES:
        names = ", ".join(each.name for each in TYPES)
        raise PluginError(f"{blame} has a type that is not one of TYPES; there are {names}")


def _check_keys_have_no_subquery(report: type[Report]) -> None:
    """Where the CDRs behind a row are picked out, a subquery of its key would read all CDRs."""
    for column in report.columns.values():
        if isinstance(column, Dimension):
            parts = iterate(column.build(report.Parameters()))
            if any(isinstance(part, SelectBase) for part in parts):
                raise PluginError(f"column {column.name} of {report.__name__} has a subquery; a key is made of one CDR")


def _check_apart(names: dict[str, str], what: str, owner: str) -> None:
    taken: dict[str, str] = {}
    for name, public in names.items():
        other = taken.setdefault(public, name)
        if other != name:
            raise PluginError(f"{what} {name} of {owner} clashes with {other}: both are {public}")


def _keys(report: type[Report]) -> tuple[Dimension, ...]:
    """The dimensions that are keys whatever the parameters."""
    return tuple(each for each in report.columns.values() if isinstance(each, Dimension) and each.when is None)


def _check_keys(report: type[Report]) -> None:
    always = _keys(report)
    if not always:
        raise PluginError(f"{report.__name__} has no dimension, so its rows have no key; add dimension(...)")
    for_partners = any(not column.staff_only for column in report.columns.values()) and not report.staff_only
    if for_partners and all(key.staff_only for key in always):
        raise PluginError(f"{report.__name__} has columns for partners, but no dimension that they see")


def _check_units(report: type[Report]) -> None:
    """A partner must not read the name of a column that it does not see."""
    for_staff = {column.graphql_name for column in report.columns.values() if column.staff_only}
    for column in report.columns.values():
        if column.unit in for_staff and not column.staff_only and not report.staff_only:
            blame = f"column {column.name} of {report.__name__}"
            raise PluginError(f"{blame} has the unit {column.unit}, a column for staff only; hide both or neither")


def _check_parameters(report: type[Report]) -> None:
    owner = report.__name__
    if not (isinstance(report.Parameters, type) and issubclass(report.Parameters, ReportParameters)):
        raise PluginError(f"Parameters of {owner} is not a subclass of gqlreports.plugins.ReportParameters")
    fields = report.Parameters.model_fields
    for name, field in fields.items():
        _check_parameter(name, field, owner)
    _check_apart({name: to_camel(name) for name in fields}, "parameter", owner)


def _check_parameter(name: str, field: FieldInfo, owner: str) -> None:
    blame = f"parameter {name} of {owner}"
    if not _COLUMN_NAME.fullmatch(name):
        raise PluginError(f"{blame} is no GraphQL name; use letters, digits and _ between them")
    if field.is_required() or field.default_factory is not None:
        raise PluginError(f"{blame} needs a default, a plain value")
    kind = field.annotation
    if isinstance(kind, type) and issubclass(kind, Enum):
        if kind.__name__ in _GENERATED or not all(_ENUM_VALUE.fullmatch(value.name) for value in kind):
            raise PluginError(f"{blame}: its enum {kind.__name__} has a name or a value that GraphQL cannot have here")
    elif kind not in (bool, int, str):
        raise PluginError(f"{blame} must be a bool, an int, a str or an Enum")


def _check_condition(column: AnyColumn, report: type[Report]) -> None:
    if not isinstance(column, Dimension) or column.when is None:
        return
    blame = f"column {column.name} of {report.__name__}"
    if not isinstance(getattr(report.Parameters(), column.when, None), bool):
        raise PluginError(f"{blame}: {column.when} is no Boolean parameter")
    if column.otherwise is None or column.otherwise.type is not column.type:
        raise PluginError(f"{blame} needs `otherwise`, a figure of its own type, for where {column.when} is false")


def _check_statement(column: AnyColumn, report: type[Report]) -> None:
    parameters = report.Parameters()
    try:
        report().statement(Scope(_keys(report), (column,), parameters, CountingBasis.CALL, report.fact)).compile()
    except Exception as error:
        message = f"column {column.name} of {report.__name__} has no statement"
        raise PluginError(f"{message} ({type(error).__name__}: {error})") from error

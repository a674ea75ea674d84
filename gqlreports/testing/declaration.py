"""Checks what a report declares: what its callers read before they see any figure."""

import re
from collections.abc import Iterator

from gqlreports.errors import PluginError
from gqlreports.plugins.contract import AnyColumn
from gqlreports.plugins.registry import RegisteredReport, check_report
from gqlreports.testing.breaches import DECLARED, Breach

_CURRENCY = re.compile("[A-Z]{3}")


def refusal(report: RegisteredReport) -> Breach | None:
    """Why the server would leave a report out; None if it takes it."""
    cls = type(report.report)
    try:
        check_report(cls)
        _ = report.rollup
    except PluginError as error:
        return Breach(DECLARED, cls.__name__, "", f"which the server leaves out: {error}", (), refused=True)
    return None


def declaration_breaches(report: RegisteredReport) -> Iterator[Breach]:
    """What callers miss in the texts of a report that the server takes."""
    cls = type(report.report)
    yield from _text_breaches(cls.__name__, "", "docstring", cls.__doc__)
    for column in cls.columns.values():
        yield from _text_breaches(cls.__name__, column.graphql_name, "description", column.description)
        yield from _unit_breaches(report, column)
    for name, field in cls.Parameters.model_fields.items():
        yield from _text_breaches(cls.__name__, "", f"description of the parameter {name}", field.description)


def _text_breaches(report: str, column: str, what: str, text: str | None) -> Iterator[Breach]:
    first = (text or "").strip().partition("\n")[0]
    if not first:
        advice = f"Write the {what}: a sentence or a few words that say what it is, in one line."
        yield Breach(DECLARED, report, column, f"which has no {what}", ((what, text),), advice)


def _unit_breaches(report: RegisteredReport, column: AnyColumn) -> Iterator[Breach]:
    """Money needs a unit that tells its currency: the name of a column, or the code of the only one there is."""
    names = {each.graphql_name for each in report.columns(staff=True)}
    if column.type.in_currency and column.unit not in names and not _CURRENCY.fullmatch(column.unit or ""):
        advice = (
            "Name the column that has the currency in `unit`, in camelCase as callers see it: "
            'unit="customerCurrency" for a column customer_currency.'
        )
        name, where = type(report.report).__name__, "which is money in no currency"
        yield Breach(DECLARED, name, column.graphql_name, where, (("unit", column.unit),), advice)

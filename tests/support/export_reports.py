"""Reports for these tests, beside the shipped ones: with moments, and with any number of rows."""

from dataclasses import replace
from types import MappingProxyType
from typing import Any

from pydantic import Field
from sqlalchemy import ColumnElement, Select, func, literal_column, select

from gqlreports.plugins import (
    MOMENT,
    SECONDS,
    Report,
    ReportParameters,
    Scope,
    attempts,
    cdr,
    dimension,
    measure,
    talk_time,
    whole,
)
from gqlreports.plugins.registry import RegisteredReport, Registry
from tests.support import sites


class Hours(Report):
    """Calls by hour, with the first of them."""

    hour = dimension(func.toStartOfHour(cdr.c.dt), "Hour", type=MOMENT)
    first_call = measure(whole(func.min(cdr.c.dt), MOMENT, "the earliest time"), "When the first call began")
    calls = measure(attempts, "Calls")
    talk_time = measure(replace(talk_time, type=SECONDS), "Conversation")


class ManyParameters(ReportParameters):
    rows: int = Field(default=300_000, description="How many")


def _padded(rows: int) -> ColumnElement[Any]:
    numbers = func.arrayJoin(func.range(literal_column(str(rows))))
    return func.leftPad(func.toString(numbers), literal_column("100"), literal_column("'0'"))


class Many(Report):
    """Far more rows than calls, all of the last call."""

    Parameters = ManyParameters

    number = dimension(lambda parameters: _padded(parameters.rows), "Number, in 100 digits")
    calls = measure(attempts, "Calls")

    def statement(self, scope: Scope) -> Select[Any]:
        last = select(func.max(cdr.c.dt)).scalar_subquery()
        return super().statement(scope).where(cdr.c.dt == last)


SHIPPED = sites.REGISTRY.reports
REGISTRY = Registry(
    MappingProxyType(
        {
            **SHIPPED,
            "HOURS": RegisteredReport("HOURS", Hours(), "tests"),
            "MANY": RegisteredReport("MANY", Many(), "tests"),
        }
    )
)

"""A report plugin that tries to get round the walls between customers, in each way of `tests.backends.test_wall`."""

from typing import Any

from pydantic import Field
from sqlalchemy import Select, literal_column, select, text

from gqlreports.plugins import Report, ReportParameters, Scope, attempts, cdr, dimension, measure
from tests.backends.test_wall import FILTERED, IMPOSSIBLE, REFUSED

WAYS = FILTERED | REFUSED | IMPOSSIBLE


class BurglarParameters(ReportParameters):
    way: str = Field(default="bare table", description="Which way to take")


class Burglar(Report):
    """Whose calls it can find."""

    Parameters = BurglarParameters

    found = dimension(cdr.c.customer_id, "Whose call")
    calls = measure(attempts, "Calls")

    def statement(self, scope: Scope) -> Select[Any]:
        # A placeholder's braces are no bound parameter of SQLAlchemy; its colon must be escaped.
        way = WAYS[scope.parameters.way].replace(":", r"\:")
        columns = {"found": "toString(found)", "calls": "toUInt64(count())"}
        wanted: list[Any] = [literal_column(columns[column.name]).label(column.name) for column in scope.columns]
        statement = select(*wanted).select_from(text(f"({way}) AS way"))
        return statement.group_by(text("found")) if scope.dimensions else statement

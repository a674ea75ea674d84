"""Currencies of charges as keys of a report, so that no sum of money in a row is null."""

from typing import Any

from pydantic import Field
from sqlalchemy import func, literal_column

from gqlreports.plugins.contract import ReportParameters, dimension
from gqlreports.plugins.figures import Charge


class ByCurrency(ReportParameters):
    """The parameter `byCurrency`, for reports with columns made by `currency`."""

    by_currency: bool = Field(default=False, description="A row of its own for each currency of the charges")


def currency(charge: Charge, description: str, *, staff_only: bool = False) -> Any:
    """A column with the ISO 4217 code of a charge's currency.

    It is a key of the rows while the parameter `by_currency` is true.  Otherwise it is the one currency of the
    non-zero charges of a row, or null if there are several or none.
    """
    return dimension(
        func.nullIf(func.toString(charge.currency_code), literal_column("''")),
        description,
        unit="ISO 4217",
        staff_only=staff_only,
        when="by_currency",
        otherwise=charge.currency,
    )

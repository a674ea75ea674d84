"""USA Rate Center: calls and money by NPA-NXX and rate center."""

from enum import Enum
from typing import Any

from pydantic import Field
from sqlalchemy import ColumnElement, case, func, literal_column

from gqlreports.plugins import (
    Report,
    ReportParameters,
    attempts,
    cdr,
    currency,
    customer_charge,
    dimension,
    measure,
    provider_charge,
)
from gqlreports.plugins.builtin.called_number import EMPTY, ZERO, Number, called_number, numbering_data


class Side(Enum):
    """Which party's number is looked up."""

    ORIGINATING = "ORIGINATING"
    TERMINATING = "TERMINATING"


class UsaRateCenterParameters(ReportParameters):
    side: Side = Field(
        default=Side.TERMINATING, description="The called number (TERMINATING) or the caller's (ORIGINATING)"
    )
    number: Number = Field(
        default=Number.DIALED,
        description="With TERMINATING: the dialed number, or its routing number where it has one",
    )
    by_currency: bool = Field(default=False, description="One row for each pair of currencies")


def _number(parameters: UsaRateCenterParameters) -> ColumnElement[Any]:
    """The 10 digits of the number to look up; 0 for a number outside the North American Numbering Plan."""
    if parameters.side is Side.ORIGINATING:
        return cdr.c.cli_nanp
    return called_number(parameters.number)


def _prefix(parameters: UsaRateCenterParameters) -> ColumnElement[Any]:
    number = _number(parameters)
    foreign = EMPTY if parameters.side is Side.ORIGINATING else func.toString(cdr.c.customer_card_dest_code)
    return case((number > ZERO, func.toString(func.intDiv(number, literal_column("10000")))), else_=foreign)


def _rate_center(parameters: UsaRateCenterParameters) -> ColumnElement[Any]:
    return numbering_data("rate_center", _number(parameters))


class UsaRateCenter(Report):
    """Calls and money by dialed prefix and US rate center."""

    title = "USA Rate Center"
    Parameters = UsaRateCenterParameters

    prefix = dimension(
        _prefix, "NPA-NXX, or the destination code of a number outside the North American plan", digits=6
    )
    rc = dimension(_rate_center, "Rate center of the prefix in the loaded numbering data; empty where unknown")
    total_customer_charge = measure(
        customer_charge.total,
        "What the customer was charged; null for several currencies",
        unit="customerCurrency",
    )
    total_provider_charge = measure(
        provider_charge.total,
        "What the providers charged; null for several currencies",
        unit="providerCurrency",
        staff_only=True,
    )
    customer_currency = currency(customer_charge, "The one currency of the customer's non-zero charges")
    provider_currency = currency(
        provider_charge, "The one currency of the providers' non-zero charges", staff_only=True
    )
    call_count = measure(attempts, "Calls", unit="calls")

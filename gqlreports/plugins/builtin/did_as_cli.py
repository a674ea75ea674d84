"""DID As CLI: which numbers were presented as calling line identification."""

from pydantic import Field
from sqlalchemy import ColumnElement, func, literal_column

from gqlreports.plugins import (
    FLAG,
    Report,
    ReportParameters,
    attempts,
    cdr,
    dimension,
    measure,
)

# What RFC 3966 allows for the eye, and spaces; what has letters is no number.
_digits = func.replaceRegexpAll(cdr.c.dest_cli, literal_column("'[-+ ().]'"), literal_column("''"))
_owner = func.tuple(func.toString(cdr.c.customer_id), _digits)
_moment = func.toUnixTimestamp64Milli(cdr.c.dt)
is_did_cli = func.toBool(func.dictHas(literal_column("'did_window'"), _owner, _moment))


class DidAsCliParameters(ReportParameters):
    dids_only: bool = Field(default=False, description="Only numbers of the customer's own DID inventory")


class DidAsCli(Report):
    """Numbers presented as caller line identification, by account."""

    title = "DID As CLI"
    Parameters = DidAsCliParameters

    account = dimension(cdr.c.account, "Account of the customer")
    dest_cli = dimension(cdr.c.dest_cli, "Number as presented to the called party; empty where it was withheld")
    count = measure(attempts, "Calls", unit="calls")
    is_did = dimension(
        is_did_cli, "Whether the number was in the customer's DID inventory at the time of the call", type=FLAG
    )

    def where(self, parameters: DidAsCliParameters) -> ColumnElement[bool] | None:
        return is_did_cli if parameters.dids_only else None

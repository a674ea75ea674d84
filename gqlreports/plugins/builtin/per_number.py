"""Per Number: traffic and charges by number."""

from enum import Enum
from typing import Any

from pydantic import Field
from sqlalchemy import ColumnElement

from gqlreports.plugins import ByCurrency, Report, answered, cdr, currency, dimension, measure, ratio
from gqlreports.plugins import attempts as seizures
from gqlreports.plugins import customer_charge as charge
from gqlreports.plugins import talk_time as conversation


class Side(Enum):
    """Which party's number the rows are grouped by."""

    DIALED = "DIALED"
    CLI = "CLI"


class PerNumberParameters(ByCurrency):
    side: Side = Field(default=Side.DIALED, description="The dialed number, or the one presented to the called party")


def _number(parameters: PerNumberParameters) -> ColumnElement[Any]:
    return cdr.c.dest_cli if parameters.side is Side.CLI else cdr.c.dest_number


class PerNumber(Report):
    """Traffic and charges by dialed or presented number."""

    title = "Per Number"
    Parameters = PerNumberParameters

    number = dimension(_number, "Number as dialed or presented; empty where a CLI was withheld")
    attempts = measure(seizures, "Call attempts", unit="calls")
    connected = measure(answered, "Answered calls", unit="calls")
    asr = ratio(answered, seizures, "Answer seizure ratio: answered calls per attempt (ITU-T E.411)", unit="0..1")
    acd = ratio(conversation, answered, "Average call duration: mean conversation time (ITU-T E.425)", unit="s")
    talk_time = measure(conversation, "Conversation time of answered calls", unit="s")
    customer_charge = measure(
        charge.total, "What the customer was charged; null for several currencies", unit="customerCurrency"
    )
    customer_currency = currency(charge, "The one currency of the customer's non-zero charges")

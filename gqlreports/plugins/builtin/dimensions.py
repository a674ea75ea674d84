"""The dimensions of calls, by which any report about calls can be grouped."""

from typing import Any

from sqlalchemy import ColumnElement, case, func, literal_column

from gqlreports.plugins import COUNT, FLAG, Dimensions, cdr, dimension
from gqlreports.plugins.builtin.called_number import EMPTY, ZERO, numbering_data
from gqlreports.plugins.builtin.did_as_cli import is_did_cli
from gqlreports.plugins.rollup import hour
from gqlreports.tables import CALLS

# ITU-T E.164: one digit in zones 1 and 7, the assigned pairs of two digits, otherwise three.
_CALLING_CODE: ColumnElement[Any] = literal_column(
    "'^(1|7|2[07]|3[0-469]|4[013-9]|5[1-8]|6[0-6]|8[1246]|9[0-58]|[2-9][0-9]{2})'"
)


def _digits(number: int) -> ColumnElement[Any]:
    """The first digits of a number of the North American plan; empty outside it."""
    first = func.intDiv(cdr.c.dest_nanp, literal_column(str(10 ** (10 - number))))
    return case((cdr.c.dest_nanp > ZERO, func.toString(first)), else_=EMPTY)


class CallDimensions(Dimensions):
    """What the columns of a CDR tell."""

    customer = dimension(cdr.c.customer_id, "Customer whose call it is")
    account = dimension(cdr.c.account, "Account of the customer")
    switch = dimension(cdr.c.switch, "Switch that handled the call")
    direction = dimension(cdr.c.direction, "Direction of the call, as the switch tells it")
    tech_prefix = dimension(cdr.c.tech_prefix, "Digits that selected the route")
    destination = dimension(cdr.c.customer_card_dest_code, "Destination code of the customer's rate card")
    destination_name = dimension(cdr.c.customer_card_dest_name, "Name of the destination on the customer's rate card")
    destination_country = dimension(
        func.regexpExtract(cdr.c.customer_card_dest_code, _CALLING_CODE),
        "Country calling code (ITU-T E.164) that the destination code begins with; empty where there is none",
    )
    provider = dimension(cdr.c.provider_id, "Provider of the route", staff_only=True)
    route = dimension(cdr.c.provider_card_id, "Provider rate card", staff_only=True)
    sip_code = dimension(func.toInt64(cdr.c.sip_code), "Final SIP status of the branch; 0 without one", type=COUNT)
    release_reason = dimension(cdr.c.release_reason, "Reason for which the switch released the branch")
    q850_cause = dimension(func.toInt64(cdr.c.q850_cause), "Q.850 cause of the release; 0 where unknown", type=COUNT)
    hangup_side = dimension(cdr.c.hangup_side, "Who ended the call, as the switch tells it")
    codec = dimension(cdr.c.codec, "Codec of the audio")
    hour_of_day = dimension(
        func.toInt64(func.toHour(hour(CALLS))), "Hour in which the call began, 0 to 23 in UTC", type=COUNT
    )
    weekday = dimension(
        func.toInt64(func.toDayOfWeek(hour(CALLS))), "Day in UTC on which the call began: 1 is Monday", type=COUNT
    )
    npa = dimension(_digits(3), "Area code of a dialed number of the North American plan; empty outside it", digits=3)
    npa_nxx = dimension(
        _digits(6), "First 6 digits of a dialed number of the North American plan; empty outside it", digits=6
    )
    rate_center = dimension(
        numbering_data("rate_center", cdr.c.dest_nanp),
        "Rate center of the dialed number in the numbering data; empty where unknown",
    )
    state = dimension(
        numbering_data("state", cdr.c.dest_nanp),
        "State of the dialed number in the numbering data; empty where unknown",
    )
    dnis = dimension(cdr.c.dest_number, "Number dialed, as routed")
    cli = dimension(cdr.c.dest_cli, "Number as presented to the called party; empty where it was withheld")
    is_did = dimension(
        is_did_cli,
        "Whether the number presented was in the customer's DID inventory at the time of the call",
        type=FLAG,
    )

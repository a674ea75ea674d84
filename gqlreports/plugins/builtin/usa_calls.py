"""USA Calls: calls by US state and jurisdiction."""

from typing import Any

from pydantic import Field
from sqlalchemy import ColumnElement, case, literal_column, or_

from gqlreports.plugins import (
    Report,
    ReportParameters,
    answered,
    attempts,
    cdr,
    dimension,
    measure,
    ratio,
    talk_time,
)
from gqlreports.plugins.builtin.called_number import EMPTY, ZERO, Number, called_number, numbering_data


class UsaCallsParameters(ReportParameters):
    number: Number = Field(
        default=Number.DIALED, description="The dialed number, or its routing number where it has one"
    )


def _state(parameters: UsaCallsParameters) -> ColumnElement[Any]:
    return numbering_data("state", called_number(parameters.number))


def _jurisdiction(parameters: UsaCallsParameters) -> ColumnElement[Any]:
    called, calling = _state(parameters), numbering_data("state", cdr.c.cli_nanp)
    return case(
        (or_(called == EMPTY, calling == EMPTY), literal_column("'INDETERMINATE'")),
        (called == calling, literal_column("'INTRASTATE'")),
        else_=literal_column("'INTERSTATE'"),
    )


class UsaCalls(Report):
    """Calls to numbers of the North American plan by state and jurisdiction."""

    title = "USA Calls"
    Parameters = UsaCallsParameters

    state = dimension(_state, "State of the called number in the loaded numbering data; empty where unknown")
    jurisdiction = dimension(
        _jurisdiction,
        "INTRASTATE or INTERSTATE by the states of the number shown and the called number; INDETERMINATE where one "
        "of them is unknown",
    )
    calls = measure(attempts, "Call attempts", unit="calls")
    connected = measure(answered, "Answered calls", unit="calls")
    asr = ratio(answered, attempts, "Answer seizure ratio: answered calls per attempt (ITU-T E.411)", unit="0..1")
    duration = measure(talk_time, "Conversation time of answered calls", unit="s")

    def where(self, parameters: UsaCallsParameters) -> ColumnElement[bool]:
        return called_number(parameters.number) > ZERO

"""How recent the data of reports is."""

from datetime import datetime

from gqlreports.backends.base import Statement
from gqlreports.schema.answer import ReportAnswer
from gqlreports.tables import CALLS

_DATA_THROUGH = Statement(
    "SELECT toUnixTimestamp64Milli(maxOrNull(last_dt)) AS moment FROM cdr_load "
    "WHERE id NOT IN (SELECT id FROM cdr_load WHERE unloaded_at IS NOT NULL)"
)
_NUMBERING_AS_OF = Statement(
    "SELECT toUnixTimestamp64Milli(toDateTime64(maxOrNull(loaded_at), 3)) AS moment FROM numbering"
)


async def data_through(answer: ReportAnswer) -> datetime | None:
    """The start of the latest call in all finished loads; None before the first load.

    It is also None for reports on facts other than calls.
    """
    if answer.request.report.report.fact is not CALLS:
        return None
    return await answer.moment(_DATA_THROUGH)


async def numbering_as_of(answer: ReportAnswer) -> datetime | None:
    """When numbering data was last loaded; None if none was."""
    return await answer.moment(_NUMBERING_AS_OF)

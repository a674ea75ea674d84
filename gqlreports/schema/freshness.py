"""How new the data is that reports are computed from."""

from datetime import UTC, datetime, timedelta

import orjson

from gqlreports.backends.base import Backend, Statement

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DATA_THROUGH = Statement("SELECT toUnixTimestamp64Milli(maxOrNull(last_dt)) AS moment FROM cdr_load")
_NUMBERING_AS_OF = Statement(
    "SELECT toUnixTimestamp64Milli(toDateTime64(maxOrNull(loaded_at), 3)) AS moment FROM numbering"
)


async def data_through(backend: Backend) -> datetime | None:
    """The start of the latest call among the loads that came to their end; None before the first."""
    return await _moment(backend, _DATA_THROUGH)


async def numbering_as_of(backend: Backend) -> datetime | None:
    """When numbering data was last loaded; None where there is none."""
    return await _moment(backend, _NUMBERING_AS_OF)


async def _moment(backend: Backend, statement: Statement) -> datetime | None:
    [found] = orjson.loads((await backend.fetch_json(statement)).json)
    milliseconds = found["moment"]
    return None if milliseconds is None else _EPOCH + timedelta(milliseconds=milliseconds)

"""Loads the customers' inventory of DID numbers."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import islice
from typing import Any

import orjson

from gqlreports.backends.base import Backend, Statement
from gqlreports.errors import LoadError
from gqlreports.store.dictionaries import reload
from gqlreports.store.effective import TODAY, Effective
from gqlreports.store.files import FileRow, OnRead, Rejects, file_rows, opened, rejects_beside
from gqlreports.tables import DID_DICTIONARIES, KNOWN

COLUMNS = ("did", "customer_id", "valid_from", "valid_to")
_ALWAYS = datetime(1970, 1, 1, tzinfo=UTC)
_BATCH = 100_000


@dataclass
class LoadedDids:
    """How many DIDs of a file were loaded, and how many lines were rejected.

    `dated` of the DIDs are new without a date, so that they count from the effective moment on.
    """

    loaded: int = 0
    rejected: int = 0
    dated: int = field(default=0, compare=False)


async def load_dids(backend: Backend, path: str, on_read: OnRead, effective: Effective = TODAY) -> LoadedDids:
    """Load a CSV file with the columns did, customer_id, valid_from and valid_to.

    A DID belongs to its customer from `valid_from` until just before `valid_to` (empty: forever).  Both are dates or
    times in UTC.  A line replaces an earlier one with the same did, customer and valid_from.  The new data takes effect
    at once, also for CDRs that are already loaded.  Invalid lines go to `PATH.rejects.csv`.

    Without a `valid_from`, a line is about the period of the number that is open at the effective moment.  Where there
    is none, it means always in the first file with DIDs of a customer, and the effective moment in a later one.  A line
    that ends before that moment is about the last period.  A correction means always, and ends all other periods.

    Raises LoadError for a file without these columns.
    """
    loaded = LoadedDids()
    with opened(path, on_read) as stream, rejects_beside(path) as rejects:
        names, rows = file_rows(stream)
        missing = [name for name in COLUMNS if name not in names]
        if missing:
            raise LoadError(f"{path} lacks the columns {', '.join(missing)}; nothing was loaded.")
        async with backend.session() as session:
            for statement in (_KNOWN, _SAID, _PERIODS):
                await session.command(Statement(statement, effective.values))
            for batch in _batches(rows, rejects):
                await session.insert("said", None, b"\n".join(batch), "JSONEachRow")
                loaded.loaded += len(batch)
            await session.command(Statement(_DATED_SAID, effective.values))
            [[loaded.dated]] = await session.query(Statement(_DATED))
            await session.command(Statement(_SAVE, effective.values))
            await reload(session, DID_DICTIONARIES)
        loaded.rejected = rejects.count
    return loaded


_KNOWN = f"""
CREATE TEMPORARY TABLE held ENGINE = Memory AS
SELECT customer_id, number, valid_from, max(known) AS known_from, argMax((valid_to, 0), known).1 AS until
FROM (SELECT *, {KNOWN} AS known FROM did FINAL) GROUP BY ALL
HAVING until IS NULL OR until > valid_from
"""
_SAID = """
CREATE TEMPORARY TABLE said (
    place UInt64, customer_id String, number String, since Nullable(DateTime64(3, 'UTC')),
    until Nullable(DateTime64(3, 'UTC'))
) ENGINE = Memory
"""
_EFFECTIVE = "fromUnixTimestamp64Milli({effective:Int64}, 'UTC')"
_ALL_TIME = "fromUnixTimestamp64Milli(0, 'UTC')"
# Without a valid_from, a line is about the period that it goes on with or ends: the one that is open, or else the last.
_PERIODS = f"""
CREATE TEMPORARY TABLE period ENGINE = Memory AS
SELECT customer_id, number, max(valid_from) AS latest,
    maxIf(valid_from, coalesce(until > {_EFFECTIVE}, true)) AS open,
    countIf(coalesce(until > {_EFFECTIVE}, true)) > 0 AS is_open
FROM held GROUP BY customer_id, number
"""
# Otherwise it is known only that the number is theirs from the effective moment on.
_DATED_SAID = f"""
CREATE TEMPORARY TABLE dated ENGINE = Memory AS
SELECT place, customer_id, number, until,
    isNull(since) AND NOT {{corrects:Bool}} AND customer_id IN (SELECT customer_id FROM held)
        AND NOT period.is_open AND coalesce(until > {_EFFECTIVE}, true) AS is_new,
    multiIf(
        since IS NOT NULL, assumeNotNull(since), {{corrects:Bool}}, {_ALL_TIME}, period.is_open, period.open,
        is_new, {_EFFECTIVE}, period.number != '', period.latest, {_ALL_TIME}
    ) AS valid_from
FROM said LEFT JOIN period USING (customer_id, number)
"""
_DATED = "SELECT uniqExact(customer_id, number) FROM dated WHERE is_new"
# Of lines about the same, the last one counts.  A correction ends all other periods where they began.
_SAVE = """
INSERT INTO did (customer_id, number, valid_from, valid_to, loaded_at, known_from)
WITH fromUnixTimestamp64Micro({now:Int64}, 'UTC') AS now
SELECT customer_id, number, valid_from, latest.until, now,
    if(held.customer_id != '' AND coalesce(held.until, 0) = coalesce(latest.until, 0), held.known_from, now)
FROM (
    SELECT customer_id, number, valid_from, argMax((until, 0), place).1 AS until FROM dated
    GROUP BY customer_id, number, valid_from
) AS latest LEFT JOIN held USING (customer_id, number, valid_from)
UNION ALL
SELECT customer_id, number, valid_from, valid_from, now, now FROM held
WHERE {corrects:Bool} AND (customer_id, number) IN (SELECT customer_id, number FROM dated)
    AND (customer_id, number, valid_from) NOT IN (SELECT customer_id, number, valid_from FROM dated)
"""


def _batches(rows: Iterator[FileRow], rejects: Rejects) -> Iterator[list[bytes]]:
    printed = (line for place, row in enumerate(rows) for line in _printed(row, place, rejects))
    while batch := list(islice(printed, _BATCH)):
        yield batch


def _printed(row: FileRow, place: int, rejects: Rejects) -> list[bytes]:
    """A list with the row as JSON; empty if the row is invalid."""
    try:
        if row.missing > 0:
            raise ValueError(f"{row.missing} cells are missing")
        return [orjson.dumps(_record(row.values, place))]
    except ValueError as error:
        rejects.add(row.record, str(error))
        return []


def _record(values: dict[str, str], place: int) -> dict[str, Any]:
    number = re.sub(r"[^0-9]", "", values["did"])
    if not number:
        raise ValueError("no digits in did")
    if not values["customer_id"]:
        raise ValueError("no customer_id")
    valid_from = _moment(values["valid_from"], "valid_from")
    valid_to = _moment(values["valid_to"], "valid_to")
    if valid_to is not None and valid_to <= (valid_from or _ALWAYS):
        raise ValueError("valid_to is not after valid_from")
    return {
        "place": place,
        "customer_id": values["customer_id"],
        "number": number,
        "since": valid_from and valid_from.isoformat(),
        "until": valid_to and valid_to.isoformat(),
    }


def _moment(text: str, column: str) -> datetime | None:
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"bad time in {column}") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)

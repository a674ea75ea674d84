"""Loads the customers' inventory of DID numbers."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from typing import Any

import orjson

from gqlreports.backends.base import Backend, Statement
from gqlreports.errors import LoadError
from gqlreports.store.files import FileRow, OnRead, Rejects, file_rows, opened, rejects_beside

COLUMNS = ("did", "customer_id", "valid_from", "valid_to")
_ALWAYS = datetime(1970, 1, 1, tzinfo=UTC)
_BATCH = 100_000


@dataclass
class LoadedDids:
    """How many DIDs of a file were loaded, and how many lines were rejected."""

    loaded: int = 0
    rejected: int = 0


async def load_dids(backend: Backend, path: str, on_read: OnRead) -> LoadedDids:
    """Load a CSV file with the columns did, customer_id, valid_from and valid_to.

    A DID belongs to its customer from `valid_from` (empty: always) until just before `valid_to` (empty: forever).  Both
    are dates or times in UTC.  A line replaces an earlier one with the same did, customer and valid_from.  The new
    data takes effect at once, also for CDRs that are already loaded.  Invalid lines go to `PATH.rejects.csv`.

    Raises LoadError for a file without these columns.
    """
    loaded = LoadedDids()
    with opened(path, on_read) as stream, rejects_beside(path) as rejects:
        names, rows = file_rows(stream)
        missing = [name for name in COLUMNS if name not in names]
        if missing:
            raise LoadError(f"{path} lacks the columns {', '.join(missing)}; nothing was loaded.")
        async with backend.session() as session:
            for batch in _batches(rows, rejects):
                await session.insert("did", None, b"\n".join(batch), "JSONEachRow")
                loaded.loaded += len(batch)
            await session.command(Statement("SYSTEM RELOAD DICTIONARY did_window"))
        loaded.rejected = rejects.count
    return loaded


def _batches(rows: Iterator[FileRow], rejects: Rejects) -> Iterator[list[bytes]]:
    printed = (line for row in rows for line in _printed(row, rejects))
    while batch := list(islice(printed, _BATCH)):
        yield batch


def _printed(row: FileRow, rejects: Rejects) -> list[bytes]:
    """A list with the row as JSON; empty if the row is invalid."""
    try:
        return [orjson.dumps(_record(row.values))]
    except ValueError as error:
        rejects.add(row.record, str(error))
        return []


def _record(values: dict[str, str]) -> dict[str, Any]:
    number = re.sub(r"[^0-9]", "", values["did"])
    if not number:
        raise ValueError("no digits in did")
    if not values["customer_id"]:
        raise ValueError("no customer_id")
    valid_from = _moment(values["valid_from"], "valid_from") or _ALWAYS
    valid_to = _moment(values["valid_to"], "valid_to")
    if valid_to is not None and valid_to <= valid_from:
        raise ValueError("valid_to is not after valid_from")
    return {
        "customer_id": values["customer_id"],
        "number": number,
        "valid_from": valid_from.isoformat(),
        "valid_to": valid_to and valid_to.isoformat(),
        "loaded_at": datetime.now(UTC).isoformat(),
    }


def _moment(text: str, column: str) -> datetime | None:
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"bad time in {column}") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)

"""Loads customers into the directory."""

import io
import re
from typing import Any

import orjson

from gqlreports.directory.directory import Directory
from gqlreports.directory.models import Customer
from gqlreports.errors import InvalidInput, LoadError
from gqlreports.store.files import BOM, file_rows, opened

_CURRENCY = re.compile("[A-Z]{3}")
_LONGEST_NAME = 255
COLUMNS = ("id", "name", "currency")


def load_customers(directory: Directory, path: str) -> int:
    """Load customers from a JSON array of objects or a CSV file, and return their number.

    Each customer has an id, a name and a currency.  A customer whose id already exists gets the new name and currency,
    and one that has `groups` is in these groups and no others.  Raises LoadError, and loads nothing, if the file is
    neither of the two, a customer is incomplete or invalid, or there is no such group.
    """
    with opened(path, lambda count: None) as stream:
        start = stream.peek(1 << 16).removeprefix(BOM).lstrip()[:1]
        rows = _json_rows(stream, path) if start == b"[" else _csv_rows(stream, path)
    rows = list(rows)
    customers = [_customer(row, number, path) for number, row in enumerate(rows, 1)]
    within = {
        each.id: _groups(row["groups"], number, path)
        for number, (each, row) in enumerate(zip(customers, rows, strict=True), 1)
        if "groups" in row
    }
    try:
        directory.save_customers(customers, within)
    except InvalidInput as error:
        raise LoadError(f"{path}: {error} Nothing was loaded.") from error
    return len(customers)


def _groups(given: Any, number: int, path: str) -> set[str]:
    """The ids of the groups of a customer: a list, or a text with spaces between them."""
    listed = given.split() if isinstance(given, str) else given or []
    if not isinstance(listed, list) or not all(isinstance(each, str) for each in listed):
        raise LoadError(f"{path}: the groups of customer {number} are no list of ids; nothing was loaded.")
    return set(listed)


def _json_rows(stream: io.BufferedReader, path: str) -> list[Any]:
    try:
        rows: list[Any] = orjson.loads(stream.read().removeprefix(BOM))
    except orjson.JSONDecodeError as error:
        raise LoadError(f"{path} cannot be read: {error}") from error
    return rows


def _csv_rows(stream: io.BufferedReader, path: str) -> list[dict[str, str]]:
    names, rows = file_rows(stream)
    missing = [name for name in COLUMNS if name not in names]
    if missing:
        raise LoadError(f"{path} lacks the columns {', '.join(missing)} of customers; nothing was loaded.")
    return [row.values for row in rows]


def _customer(row: Any, number: int, path: str) -> Customer:
    values = {name: str(row.get(name) or "").strip() for name in COLUMNS} if isinstance(row, dict) else {}
    missing = [name for name in COLUMNS if not values.get(name)]
    if missing:
        raise LoadError(f"{path}: customer {number} has no {', '.join(missing)}; nothing was loaded.")
    if not _CURRENCY.fullmatch(values["currency"]) or len(values["name"]) > _LONGEST_NAME:
        raise LoadError(f"{path}: customer {number} needs an ISO 4217 currency and a shorter name; nothing was loaded.")
    return Customer(**values)

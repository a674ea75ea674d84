"""Loads customers into the directory."""

import csv
import io
from typing import Any

import orjson

from gqlreports.directory.directory import Directory
from gqlreports.directory.models import Customer
from gqlreports.errors import LoadError
from gqlreports.store.files import opened

COLUMNS = ("id", "name", "currency")


def load_customers(directory: Directory, path: str) -> int:
    """Load a JSON array of objects, or a CSV file, with id, name and currency; the number of customers.

    One whose id is there takes the new name and currency.  Raises LoadError, and loads nothing, for a file that is
    neither or a customer that lacks one of the three.
    """
    try:
        with opened(path, lambda count: None) as stream:
            rows = _rows(stream.read())
    except ValueError as error:
        raise LoadError(f"{path} cannot be read: {error}") from error
    customers = [_customer(row, number, path) for number, row in enumerate(rows, 1)]
    directory.save_customers(customers)
    return len(customers)


def _rows(content: bytes) -> list[Any]:
    if content.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] == b"[":
        rows: list[Any] = orjson.loads(content.removeprefix(b"\xef\xbb\xbf"))
        return rows
    return list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline="")))


def _customer(row: Any, number: int, path: str) -> Customer:
    values = {name: str(row.get(name) or "").strip() for name in COLUMNS} if isinstance(row, dict) else {}
    missing = [name for name in COLUMNS if not values.get(name)]
    if missing:
        raise LoadError(f"{path}: customer {number} has no {', '.join(missing)}; nothing was loaded.")
    return Customer(**values)

"""The bare engine: a chDB connection with nothing around it."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import chdb

from gqlreports.backends.settings import READING

PRODUCT = {**READING, "max_execution_time": "60"}
"""The settings that the product reads with."""
RAW = {**PRODUCT, "optimize_use_projections": "0"}
"""The same for statements that read the rows of the table, and no projection of it."""
WRITING = {"async_insert": "0", "session_timezone": "UTC", "max_partitions_per_insert_block": "0"}


_connect: Callable[[str], Any] = chdb.connect


class Engine:
    """A connection to the store in a folder, in this process."""

    def __init__(self, folder: Path, settings: Mapping[str, str]) -> None:
        self._connection = _connect(f"{folder.resolve()}?{urlencode(settings)}")

    def ask(self, sql: str, values: Mapping[str, object]) -> Any:
        """The rows, printed as the product prints them; chDB's own result knows what was read too."""
        return self._connection.query(sql, "JSONEachRow", params=dict(values))

    def run(self, sql: str, values: Mapping[str, object] | None = None) -> None:
        """A statement whose rows nobody wants."""
        self._connection.query(sql, "Null", params=dict(values or {}))

    def rows(self, sql: str) -> list[list[str]]:
        """The rows as text."""
        text: str = self._connection.query(sql, "TabSeparated").bytes().decode()
        return [line.split("\t") for line in text.splitlines()]

    def close(self) -> None:
        self._connection.close()

"""A session on chDB: one query at a time, temporary tables, and writing."""

from collections.abc import Callable, Sequence
from typing import Any

from clickhouse_connect.driver import Client

from gqlreports.backends.base import Statement


class EmbeddedSession:
    """`in_thread` runs the client's calls, which block, and gives their failures a meaning."""

    def __init__(self, client: Client, in_thread: Callable[..., Any]) -> None:
        self._client = client
        self._in_thread = in_thread

    async def query(self, statement: Statement) -> Sequence[Sequence[Any]]:
        result = await self._in_thread(self._client.query, statement.sql, dict(statement.parameters))
        rows: Sequence[Sequence[Any]] = result.result_rows
        return rows

    async def command(self, statement: Statement) -> None:
        await self._in_thread(self._client.command, statement.sql, dict(statement.parameters))

    async def insert(self, table: str, columns: Sequence[str] | None, data: bytes, form: str) -> None:
        await self._in_thread(self._client.raw_insert, table, columns, data, None, form)

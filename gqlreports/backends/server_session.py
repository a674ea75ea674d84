"""A session on a server: one query at a time, temporary tables, and writing."""

import io
import logging
import sys
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Any

from clickhouse_connect.driver.asyncclient import AsyncClient

from gqlreports.backends.base import Statement
from gqlreports.backends.failures import FAILURES

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

logger = logging.getLogger(__name__)

SESSION = {
    "session_timeout": "600",
    # In a cluster a row counts as written once it is on its shard, and is looked for on the replica that it went to.
    "distributed_foreground_insert": "1",
    "load_balancing": "in_order",
}
_TEMPORARY = "SELECT name FROM system.tables WHERE is_temporary"


class ServerSession:
    """`told` gives a failure its meaning."""

    def __init__(self, client: AsyncClient, told: Callable[[], AbstractContextManager[None]]) -> None:
        self._client = client
        self._told = told

    async def query(self, statement: Statement) -> Sequence[Sequence[Any]]:
        with self._told():
            result = await self._client.query(statement.sql, dict(statement.parameters))
        rows: Sequence[Sequence[Any]] = result.result_rows
        return rows

    async def command(self, statement: Statement) -> None:
        with self._told():
            await self._client.command(statement.sql, dict(statement.parameters))

    async def insert(self, table: str, columns: Sequence[str] | None, data: bytes, form: str) -> None:
        # The driver sends a body that it can send again a second time where the connection breaks; this one it cannot.
        body = io.BytesIO(zstd.compress(data, level=1))
        with self._told():
            await self._client.raw_insert(table, columns, body, fmt=form, compression="zstd")

    async def drop_temporary_tables(self) -> None:
        """Give their memory back at once; the server itself would keep them for as long as the session may rest."""
        try:
            for [name] in (await self._client.query(_TEMPORARY)).result_rows:
                await self._client.command(f"DROP TEMPORARY TABLE IF EXISTS `{name}`")
        except FAILURES as error:
            logger.warning("A session's temporary tables go later: %s", error)

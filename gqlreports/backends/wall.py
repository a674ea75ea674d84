"""The second wall between customers.

The first is the plan, which narrows `cdr` before a report sees it.  Behind it the store itself filters each table
that holds customers' rows, for the one customer of the request and on a read-only connection, so that nothing in a
statement lifts the filter.  A statement that names what the filter does not reach is refused.
"""

import logging
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import Any, TypeAlias

import orjson

from gqlreports.backends.base import Fetched, Statement
from gqlreports.backends.tree import Name, check_places, strange_names
from gqlreports.errors import StatementRefused, StoreError
from gqlreports.tables import tables_of_customers

logger = logging.getLogger(__name__)
Ask: TypeAlias = Callable[[Statement], Awaitable[Fetched]]

KEPT = 4096
"""How many texts are remembered that passed; each is looked at once."""
_DICTIONARY = "did_window"
_SYNTAX_ERROR = 62


class Wall:
    """That of a store with a database."""

    def __init__(self, database: str) -> None:
        self._database = database
        owned = tables_of_customers()
        self._filtered = sorted({_DICTIONARY, *owned, *(f"{name}_local" for name in owned)})
        self._passed: OrderedDict[str, None] = OrderedDict()

    def settings(self, customer: str | None) -> dict[str, str]:
        """The filter that leaves of every table the rows of one customer; nothing for what is not a report's.

        A server finds the customer in `log_comment` too, for a row policy and its log of queries.
        """
        if customer is None:
            return {}
        condition = _quoted(f"customer_id = {_quoted(customer)}")
        each = ", ".join(f"{_quoted(f'{self._database}.{table}')}: {condition}" for table in self._filtered)
        return {"additional_table_filters": f"{{{each}}}", "log_comment": customer}

    async def check(self, statement: Statement, ask: Ask) -> None:
        """Look at a report's statement, once for each text, by asking the store.

        Raises StatementRefused for what the filter does not reach, and whatever `ask` raises.
        """
        if statement.customer is None or statement.sql in self._passed:
            return
        try:
            await self._examine(statement, ask)
        except StatementRefused as error:
            logger.error("A report's statement is refused, it reaches for %s: %s", error.reached, statement.sql)
            raise
        self._passed[statement.sql] = None
        if len(self._passed) > KEPT:
            self._passed.popitem(last=False)

    async def _examine(self, statement: Statement, ask: Ask) -> None:
        check_places(statement.sql)
        lines = await tree_of(statement, ask)
        if names := strange_names(lines, self._database):
            for row in await rows_of(self._stored(names), ask):
                raise StatementRefused(f"{row['name']}, which is no table for reports")

    def _stored(self, names: set[Name]) -> Statement:
        """What among some names is there in fact: a table, or a database where one is named."""
        places = sorted({place for place, _ in names if place})
        bare = sorted({table for place, table in names if not place})
        return Statement(
            "SELECT name FROM system.tables WHERE database = {own:String} AND name IN {tables:Array(String)} "
            "UNION DISTINCT SELECT name FROM system.databases WHERE name IN {places:Array(String)}",
            {"own": self._database, "tables": bare, "places": places},
        )


async def tree_of(statement: Statement, ask: Ask) -> list[str]:
    """The lines of a statement's tree.

    Within parentheses a statement is a query and nothing more: INTO OUTFILE, FORMAT or a second one is an error.
    """
    explained = Statement(f"EXPLAIN AST SELECT * FROM (\n{statement.sql}\n)", statement.parameters)
    return [row["explain"] for row in await rows_of(explained, ask)]


async def rows_of(statement: Statement, ask: Ask) -> list[dict[str, Any]]:
    try:
        rows: list[dict[str, Any]] = orjson.loads((await ask(statement)).json)
    except StoreError as error:
        if getattr(error.__cause__, "code", None) == _SYNTAX_ERROR:
            raise StatementRefused("what is no query by itself") from error
        raise
    return rows


def _quoted(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"

"""Keeps customers apart in the store, as a second line of defence.

The plan already selects the rows of the request's customers before a report sees them.  In addition, the store itself
filters every table with customers' rows down to those customers.  The connection is read-only, so no statement can lift
the filter.  A statement that names anything beyond the reach of the filter is refused.  The names are taken from the
syntax tree that ClickHouse's own parser produces (`EXPLAIN AST`).  A report may name the tables of facts, DIDs and
numbering data, and whatever the statement itself defines.
"""

import logging
import re
from collections.abc import Awaitable, Callable, Sequence
from itertools import pairwise
from typing import Any, TypeAlias

import orjson
from cachetools import LRUCache

from gqlreports.backends.base import Customers, Fetched, Statement
from gqlreports.errors import StatementRefused, StoreError
from gqlreports.tables import tables_for_reports, tables_of_customers

logger = logging.getLogger(__name__)

TABLE_FUNCTIONS = {"generateSeries", "generate_series", "numbers", "values", "view", "zeros"}
"""The table functions that a report may use.  They read nothing, or only a subquery, which is checked as well."""
FUNCTIONS = {"catboostevaluate", "file", "joinget", "joingetornull"} | {
    f"ai{what}" for what in ("classify", "embed", "extract", "filter", "generate", "redact", "similarity", "translate")
}
"""The functions, in lower case, that a report may not use.  They read past the tables, or send values elsewhere."""

Name: TypeAlias = tuple[str, str]
"""A database (`""` if none is given), and the name of something in it."""
Node: TypeAlias = tuple[str, str]
"""A node of a syntax tree: its kind, and the rest of its line."""

_BEHIND_NAME = re.compile(r"(?: \(alias .*)?(?: \(children \d+\))?$", re.DOTALL)
_IN = re.compile("(global)?(not)?(null)?in(ignoreset)?", re.IGNORECASE)
_PLACE = re.compile(r"\{\s*(\w+)\s*:\s*Identifier\s*\}")


def check_identifiers(sql: str) -> None:
    """Raise StatementRefused if a parameter stands for a name; only `database` may.

    A statement is checked once for its text, so the check must not depend on the values of its parameters.
    """
    for place in _PLACE.findall(sql):
        if place != "database":
            raise StatementRefused(f"a name that is the parameter {place}")


def unknown_names(lines: Sequence[str], database: str) -> set[Name]:
    """The names in a syntax tree that may be those of stored tables, without the tables that a report may name.

    An alias with line breaks can add lines to the tree, but cannot remove any.  Raises StatementRefused for anything
    that no report may use.
    """
    nodes = [_node_of(line) for line in lines]
    for (parent, _), (kind, text) in pairwise([("", ""), *nodes]):
        _check_node(parent, kind, text)
    # The right side of IN may be a table, but the tree shows it like a column.
    kinds = {"TableIdentifier"}
    if any(kind == "Function" and _IN.fullmatch(_first(text)) for kind, text in nodes):
        kinds.add("Identifier")
    named = {_name_of(text) for kind, text in nodes if kind in kinds}
    return named - {(place, table) for place in ("", database) for table in tables_for_reports()}


def called_functions(lines: Sequence[str]) -> set[str]:
    """The names in a syntax tree that may be those of functions, in lower case.

    Identifiers are included because some functions are called without parentheses, for example CURRENT_DATE.
    """
    nodes = [_node_of(line) for line in lines]
    return {_BEHIND_NAME.sub("", text).lower() for kind, text in nodes if kind in ("Function", "Identifier")}


def _check_node(parent: str, kind: str, text: str) -> None:
    name = _first(text)
    if kind == "Set":
        raise StatementRefused("SETTINGS")
    if kind == "ColumnsApplyTransformer":
        raise StatementRefused("APPLY, which hides the function that it calls")
    if kind == "Function" and parent == "TableExpression" and name not in TABLE_FUNCTIONS:
        raise StatementRefused(f"the table function {name}")
    if kind == "Function" and name.lower() in FUNCTIONS:
        raise StatementRefused(f"the function {name}")


def _node_of(line: str) -> Node:
    kind, _, text = line.strip(" ").partition(" ")
    return kind, text


def _first(text: str) -> str:
    return text.partition(" ")[0]


def _name_of(text: str) -> Name:
    name = _BEHIND_NAME.sub("", text)
    place, dot, table = name.partition(".")
    return (place, table) if dot else ("", name)


Ask: TypeAlias = Callable[[Statement], Awaitable[Fetched]]

PASSED = 4096
"""The number of accepted statements that are remembered.  A remembered statement is not checked again."""
_DICTIONARY = "did_window"
_SYNTAX_ERROR = 62


def log_comment(customers: Customers) -> str:
    """The id of one customer, or a JSON array of ids.  What begins with `[` is always an array."""
    first, *others = customers.ids
    return first if not others and not first.startswith("[") else orjson.dumps(customers.ids).decode()


class Isolation:
    """Restricts a report's statements to the rows of its customers, in a store with the given database."""

    def __init__(self, database: str) -> None:
        self._database = database
        owned = tables_of_customers()
        self._filtered = sorted({_DICTIONARY, *owned, *(f"{name}_local" for name in owned)})
        self._passed: LRUCache[str, None] = LRUCache(PASSED)

    def settings(self, customers: Customers | None) -> dict[str, str]:
        """The settings that filter every table down to some customers' rows; empty for a statement without customers.

        `log_comment` also names the customers, for a row policy on the server and for its query log.
        """
        if customers is None:
            return {}
        condition = _literal(_condition(customers))
        each = ", ".join(f"{_literal(f'{self._database}.{table}')}: {condition}" for table in self._filtered)
        return {"additional_table_filters": f"{{{each}}}", "log_comment": log_comment(customers)}

    async def check(self, statement: Statement, ask: Ask) -> None:
        """Check a report's statement with the store's help, once for each SQL text.

        Raises StatementRefused if the statement reaches beyond the filter, and whatever `ask` raises.
        """
        if statement.customers is None or statement.sql in self._passed:
            return
        try:
            await self._examine(statement, ask)
        except StatementRefused as error:
            logger.error("A report's statement is refused, it reaches for %s: %s", error.reached, statement.sql)
            raise
        self._passed[statement.sql] = None

    async def _examine(self, statement: Statement, ask: Ask) -> None:
        check_identifiers(statement.sql)
        lines = await syntax_tree(statement, ask)
        if names := unknown_names(lines, self._database):
            for row in await fetch_rows(self._stored(names), ask):
                raise StatementRefused(f"{row['name']}, which is no table for reports")

    def _stored(self, names: set[Name]) -> Statement:
        """The query for the names that exist in the store: tables of its own database, and other databases."""
        places = sorted({place for place, _ in names if place})
        bare = sorted({table for place, table in names if not place})
        return Statement(
            "SELECT name FROM system.tables WHERE database = {own:String} AND name IN {tables:Array(String)} "
            "UNION DISTINCT SELECT name FROM system.databases WHERE name IN {places:Array(String)}",
            {"own": self._database, "tables": bare, "places": places},
        )


async def syntax_tree(statement: Statement, ask: Ask) -> list[str]:
    """The lines of a statement's syntax tree.

    The parentheses make sure that the statement is a single query: INTO OUTFILE, FORMAT or a second statement is a
    syntax error within them.
    """
    explained = Statement(f"EXPLAIN AST SELECT * FROM (\n{statement.sql}\n)", statement.parameters)
    return [row["explain"] for row in await fetch_rows(explained, ask)]


async def fetch_rows(statement: Statement, ask: Ask) -> list[dict[str, Any]]:
    try:
        rows: list[dict[str, Any]] = orjson.loads((await ask(statement)).json)
    except StoreError as error:
        if getattr(error.__cause__, "code", None) == _SYNTAX_ERROR:
            raise StatementRefused("what is no query by itself") from error
        raise
    return rows


def _condition(customers: Customers) -> str:
    if not customers.several:
        return f"customer_id = {_literal(customers.ids[0])}"
    return f"customer_id IN ({', '.join(map(_literal, customers.ids))})"


def _literal(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"

"""What a report's statement reaches for, by the tree that ClickHouse's own parser makes of it (`EXPLAIN AST`).

A report may name the tables of calls, DIDs and numbering data and whatever the statement itself defines; all else is
refused, since the filter on a customer's rows may not reach it.
"""

import re
from collections.abc import Sequence
from itertools import pairwise
from typing import TypeAlias

from gqlreports.errors import StatementRefused
from gqlreports.tables import tables_for_reports

TABLE_FUNCTIONS = {"generateSeries", "generate_series", "numbers", "values", "view", "zeros"}
"""The table functions that a report may use: they read nothing, or a query that is looked at like the rest."""
FUNCTIONS = {"catboostevaluate", "file", "joinget", "joingetornull"} | {
    f"ai{what}" for what in ("classify", "embed", "extract", "filter", "generate", "redact", "similarity", "translate")
}
"""The functions, in lower case, that a report may not use: they read past the tables, or send values away."""

Name: TypeAlias = tuple[str, str]
"""A database, `""` where none is named, and what is named in it."""
Node: TypeAlias = tuple[str, str]
"""A node of a tree: its kind, and the rest of its line."""

_BEHIND_NAME = re.compile(r"(?: \(alias .*)?(?: \(children \d+\))?$", re.DOTALL)
_IN = re.compile("(global)?(not)?(null)?in(ignoreset)?", re.IGNORECASE)
_PLACE = re.compile(r"\{\s*(\w+)\s*:\s*Identifier\s*\}")


def check_places(sql: str) -> None:
    """Raises StatementRefused where a name is a parameter, other than the database's own."""
    for place in _PLACE.findall(sql):
        if place != "database":
            raise StatementRefused(f"a name that is the parameter {place}")


def strange_names(lines: Sequence[str], database: str) -> set[Name]:
    """What a tree names that may be stored, besides the tables that a report may name.

    An alias with line breaks may add lines, but take none away.  Raises StatementRefused for what no report may use.
    """
    nodes = [_node(line) for line in lines]
    for (parent, _), (kind, text) in pairwise([("", ""), *nodes]):
        _check_node(parent, kind, text)
    # What stands right of IN may be a table, and looks like a column.
    kinds = {"TableIdentifier"}
    if any(kind == "Function" and _IN.fullmatch(_first(text)) for kind, text in nodes):
        kinds.add("Identifier")
    named = {_name(text) for kind, text in nodes if kind in kinds}
    return named - {(place, table) for place in ("", database) for table in tables_for_reports()}


def called(lines: Sequence[str]) -> set[str]:
    """The names in a tree that may be those of functions, in lower case; CURRENT_DATE has no parentheses."""
    nodes = [_node(line) for line in lines]
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


def _node(line: str) -> Node:
    kind, _, text = line.strip(" ").partition(" ")
    return kind, text


def _first(text: str) -> str:
    return text.partition(" ")[0]


def _name(text: str) -> Name:
    name = _BEHIND_NAME.sub("", text)
    place, dot, table = name.partition(".")
    return (place, table) if dot else ("", name)

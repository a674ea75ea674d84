"""What the schema says of arguments and of the values of enums, the same in every report."""

from collections.abc import Mapping
from enum import Enum
from typing import Annotated, Any

import strawberry

_ARGUMENTS = {
    "as_of": "The moment as of which the store is read, as if nothing were loaded later; now where not told.",
    "after": "The cursor or the id behind which the list goes on.",
    "basis": "What counts as one attempt.",
    "by": "The columns, or the one, by which it is done.",
    "columns": "The names of the columns to show, in their order; all where not told.",
    "customer": "The id of the customer whose calls it is about.",
    "customers": "Ids of the customers that it sees; all where not told.",
    "report_customers": "The customers whose calls it is about, together.",
    "groups": "Groups of customers that it sees, with those that are in them at the time.",
    "direction": "Which end comes first: the largest where not told.",
    "every": "How long a bucket is.",
    "expires_at": "When it ceases to hold; never where not told.",
    "filter_": "Which calls, or rows of another fact, are read at all; all where not told.",
    "first": "How many come at once, at most.",
    "from_": "The first moment of the range.",
    "group_by": "Dimensions that take the place of the keys of the report; its own keys where not told.",
    "id": "Its id.",
    "ids": "Their ids.",
    "n": "How many rows: 1 to 1000.",
    "name": "Whose it is.",
    "networks": "Networks from which it holds, in CIDR notation; all where not told.",
    "offset": "How many are left out at the beginning.",
    "order_by": "The columns to order by; by the keys where not told.",
    "overlap_hours": "For how many hours the former key still holds, at most those of 366 days.",
    "parameters": "The parameters of that report; their defaults where not told.",
    "reports": "Report types that it may run; all where not told.",
    "role": "What it may see and do.",
    "search": "A part of the name or the id.",
    "series": "How many series there are besides that of all others, 1 to 100.",
    "series_by": "The measure by which the largest keys are chosen; the first number where not told.",
    "to": "The moment at which the range ends; it is no part of it.",
    "type": "The report.",
    "time_zone": "A zone of the IANA time zone database, whose clock and calendar count.",
    "week_start": "The day on which a week begins.",
    "where": "Which rows match; all where not told.",
    "with_": "The range to compare with.",
}


def argument(kind: Any, name: str) -> Any:
    """The annotation of an argument with its description.  A `_` at the end of its Python name is not in GraphQL's."""
    graphql_name = name[:-1] if name.endswith("_") else None
    return Annotated[kind, strawberry.argument(name=graphql_name, description=_ARGUMENTS[name])]


def describe_enum(cls: type[Enum], description: str, values: Mapping[str, str]) -> Any:
    """Make an enum one of the schema; `values` maps the name of each member to its description."""
    described: Any = strawberry.enum(cls, description=description)
    for each in described.__strawberry_definition__.values:
        each.description = values[each.name]
    return described

"""Connections as Relay knows them: pages of a list that grows, each object with its cursor."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, Generic, TypeVar

import strawberry
from strawberry.relay import PageInfo

from gqlreports.errors import InvalidInput
from gqlreports.schema.opaque import moment_of, opaque, values_of_opaque

Item = TypeVar("Item")


@strawberry.type(description="An object in a list, and its place there.")
class Edge(Generic[Item]):
    cursor: str = strawberry.field(description="Its place in the list, for `after`.")
    node: Item = strawberry.field(description="The object.")


@strawberry.type(name="Connection", description="A page of a list.")
class ListConnection(Generic[Item]):
    page_info: PageInfo = strawberry.field(description="Whether the list goes on, and from where.")
    edges: list[Edge[Item]] = strawberry.field(description="The objects of the page.")


def page_size(first: int | None, usual: int) -> int:
    """How many objects a page has.  Raises InvalidInput for a negative number."""
    if first is not None and first < 0:
        raise InvalidInput("`first` must not be negative.")
    return usual if first is None else first


def place(after: str | None, *kinds: type[Any]) -> list[Any] | None:
    """The place in a list that a cursor stands for.  Raises InvalidInput for a text that is no cursor of it."""
    try:
        return None if after is None else values_of_opaque(after, *kinds)
    except ValueError:
        raise InvalidInput("`after` is no cursor of this list.") from None


def moment_at(microseconds: int) -> datetime:
    """The moment in a cursor.  Raises InvalidInput for one that no cursor has."""
    try:
        return moment_of(microseconds)
    except ValueError:
        raise InvalidInput("`after` is no cursor of this list.") from None


def connection(
    found: Sequence[Item], first: int, after: str | None, place_of: Callable[[Item], Sequence[Any]]
) -> ListConnection[Item]:
    """The page of the first objects found; there are more if one more was found."""
    edges = [Edge(cursor=opaque(place_of(each)), node=each) for each in found[:first]]
    page_info = PageInfo(
        has_next_page=len(found) > first,
        has_previous_page=after is not None,
        start_cursor=edges[0].cursor if edges else None,
        end_cursor=edges[-1].cursor if edges else None,
    )
    return ListConnection(page_info=page_info, edges=edges)

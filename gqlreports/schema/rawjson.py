"""Lets ClickHouse's own JSON through the GraphQL executor into the response, unparsed.

A resolver returns `Spliced` in the place of a list or an object.  The executor collects the fields selected on it,
with aliases, fragments and directives resolved as for any other field, and has the store print just those.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import orjson
from graphql import GraphQLObjectType, get_named_type
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext

from gqlreports.schema.selection import TYPE_NAME, Selected, Selection


@dataclass(frozen=True)
class Spliced:
    """A value that the store prints: `fetch` is given what was selected of it, and returns JSON."""

    fetch: Callable[[Selection], Awaitable[bytes]]

    async def json(self, selection: Selection) -> orjson.Fragment:
        return orjson.Fragment(await self.fetch(selection))


class SplicingExecutor(StrawberryGraphQLCoreExecutionContext):
    """Strawberry's executor, but for values that are `Spliced`."""

    def complete_list_value(
        self,
        return_type: Any,
        field_details_list: Any,
        info: Any,
        path: Any,
        result: Any,
        position_context: Any,
    ) -> Any:
        if isinstance(result, Spliced):
            return result.json(self.selected(return_type, field_details_list))
        return super().complete_list_value(return_type, field_details_list, info, path, result, position_context)

    def complete_object_value(
        self,
        return_type: Any,
        field_details_list: Any,
        info: Any,
        path: Any,
        result: Any,
        position_context: Any,
    ) -> Any:
        if isinstance(result, Spliced):
            return result.json(self.selected(return_type, field_details_list))
        return super().complete_object_value(return_type, field_details_list, info, path, result, position_context)

    def selected(self, return_type: Any, field_details_list: Any) -> Selection:
        """The selected fields in the order of the response, those of objects among them too."""
        row_type = get_named_type(return_type)
        assert isinstance(row_type, GraphQLObjectType)
        fields = self.collect_subfields(row_type, field_details_list).grouped_field_set
        return Selection(
            row_type.name,
            tuple(self._selected(response, row_type, details) for response, details in fields.items()),
        )

    def _selected(self, response: str, row_type: GraphQLObjectType, details: Any) -> Selected:
        name = details[0].node.name.value
        field_type = None if name == TYPE_NAME else get_named_type(row_type.fields[name].type)
        inner = self.selected(field_type, details) if isinstance(field_type, GraphQLObjectType) else None
        return Selected(response, name, inner)

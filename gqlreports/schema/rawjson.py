"""Lets ClickHouse's own JSON through the GraphQL executor into the response, unparsed.

A resolver returns `Spliced` in the place of a list or an object.  The executor collects the fields selected on it,
with aliases, fragments and directives resolved as for any other field, and has the store print just those.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

import orjson
from graphql import GraphQLObjectType, get_named_type
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext


@dataclass(frozen=True)
class Spliced:
    """A value that the store prints.  `fetch` is given response names and their fields, and returns JSON."""

    fetch: Callable[[Mapping[str, str]], Awaitable[bytes]]

    async def json(self, selected: Mapping[str, str]) -> orjson.Fragment:
        return orjson.Fragment(await self.fetch(selected))


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

    def selected(self, return_type: Any, field_details_list: Any) -> dict[str, str]:
        """Response names in the order of the response, each with its field's name."""
        row_type = get_named_type(return_type)
        assert isinstance(row_type, GraphQLObjectType)
        fields = self.collect_subfields(row_type, field_details_list).grouped_field_set
        return {response: details[0].node.name.value for response, details in fields.items()}

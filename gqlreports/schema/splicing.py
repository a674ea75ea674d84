"""Passes ClickHouse's JSON through the GraphQL executor into the response, unparsed.

A resolver returns a `StoreValue` instead of a list or an object.  The executor collects the fields selected on it,
resolving aliases, fragments and directives as for any other field, and makes the store print only these fields.
"""

from typing import Any

import orjson
from graphql import GraphQLObjectType, get_named_type, is_leaf_type
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext

from gqlreports.schema.answer import StoreValue
from gqlreports.schema.context import Context
from gqlreports.schema.request import TYPE_NAME, Selected, Selection

NO_FIELDS = Selection("", ())


class SplicingExecutor(StrawberryGraphQLCoreExecutionContext):
    """Strawberry's executor, except that it splices in every `StoreValue` and records that in the context."""

    def complete_list_value(
        self,
        return_type: Any,
        field_details_list: Any,
        info: Any,
        path: Any,
        result: Any,
        position_context: Any,
    ) -> Any:
        if isinstance(result, StoreValue):
            return self._fragment(result, self.selected(return_type, field_details_list))
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
        if isinstance(result, StoreValue):
            return self._fragment(result, self.selected(return_type, field_details_list))
        return super().complete_object_value(return_type, field_details_list, info, path, result, position_context)

    # The executor calls it on itself, and so it need not be static.
    def complete_leaf_value(self, return_type: Any, result: Any) -> Any:  # type: ignore[override]
        if isinstance(result, StoreValue):
            return self._fragment(result, NO_FIELDS)
        return super().complete_leaf_value(return_type, result)

    async def _fragment(self, value: StoreValue, selection: Selection) -> orjson.Fragment:
        context: Context = self.context_value
        splice = await value.splice(selection)
        context.splices.append(splice)
        return splice.fragment

    def selected(self, return_type: Any, field_details_list: Any) -> Selection:
        """The selected fields in the order of the response, including those of nested objects; none of JSON."""
        row_type = get_named_type(return_type)
        if is_leaf_type(row_type):
            return NO_FIELDS
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

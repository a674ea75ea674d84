"""Arguments of a field that come as JSON without a document, with the meaning that they have in one."""

import re
from collections.abc import Mapping
from typing import Any

from graphql import GraphQLObjectType, OperationDefinitionNode, get_variable_values, parse
from strawberry.types.arguments import convert_arguments
from strawberry.types.base import StrawberryObjectDefinition

from gqlreports.errors import InvalidInput
from gqlreports.schema.query import ReportsSchema

_VARIABLE = re.compile(r"^Variable '\$(\w+)'")


def field_arguments(schema: ReportsSchema, type_name: str, field: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """What the resolver of a field gets for arguments, given by their names in GraphQL.

    Raises InvalidInput for a value that is not of the argument's type, or one that is needed and missing.
    """
    object_type = schema._schema.type_map[type_name]
    assert isinstance(object_type, GraphQLObjectType)
    known = object_type.fields[field].args
    needed = {name: known[name].type for name in known if name in given or str(known[name].type).endswith("!")}
    if not needed:
        return {}
    [operation] = parse(f"query ({' '.join(f'${name}: {kind}' for name, kind in needed.items())}) {{ x }}").definitions
    assert isinstance(operation, OperationDefinitionNode)
    values = get_variable_values(schema._schema, operation.variable_definitions or (), dict(given))
    if isinstance(values, list):
        raise InvalidInput(_VARIABLE.sub(r"`\1`", values[0].message))
    definition = schema.get_type_by_name(type_name)
    assert isinstance(definition, StrawberryObjectDefinition)
    arguments = next(
        each.arguments for each in definition.fields if schema.config.name_converter.from_field(each) == field
    )
    return convert_arguments(values.coerced, arguments, schema.schema_converter.scalar_registry, schema.config)

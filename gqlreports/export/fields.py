"""Converts texts of an address to the arguments of fields of GraphQL, by the schema of the caller's role."""

import re
from collections.abc import Mapping
from typing import Any

import orjson
from graphql import (
    GraphQLBoolean,
    GraphQLInt,
    GraphQLObjectType,
    OperationDefinitionNode,
    get_named_type,
    get_nullable_type,
    get_variable_values,
    is_input_object_type,
    is_list_type,
    parse,
)
from strawberry.types.arguments import convert_arguments
from strawberry.types.base import StrawberryObjectDefinition

from gqlreports.errors import InvalidInput
from gqlreports.schema.query import ReportsSchema

_VARIABLE = re.compile(r"^Variable '\$(\w+)'")
_AS_JSON = (GraphQLInt, GraphQLBoolean)


def field_names(schema: ReportsSchema, type_name: str) -> list[str]:
    """The names of the fields of an object type."""
    return list(_object_type(schema, type_name).fields)


def argument_names(schema: ReportsSchema, type_name: str, field: str) -> list[str]:
    return list(_object_type(schema, type_name).fields[field].args)


def field_arguments(schema: ReportsSchema, type_name: str, field: str, texts: Mapping[str, str]) -> dict[str, Any]:
    """Convert those texts that are arguments of a field to the arguments of the field's resolver.

    Objects, numbers and flags are JSON, and lists of names are separated by commas.  Raises InvalidInput for a value
    that does not have the argument's type, or for a missing required argument.
    """
    known = _object_type(schema, type_name).fields[field].args
    values = {name: _value(name, texts[name], known[name].type) for name in known if name in texts}
    return coerced_arguments(schema, type_name, field, values)


def coerced_arguments(schema: ReportsSchema, type_name: str, field: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """Convert arguments, given as a query's variables are, likewise."""
    known = _object_type(schema, type_name).fields[field].args
    # A query that declares the arguments as variables, so that GraphQL itself checks and converts the values.
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


def parsed_json(name: str, text: str) -> Any:
    """Parse the JSON of an argument.  Raises InvalidInput."""
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        raise InvalidInput(f"`{name}` is not JSON.") from None


def _object_type(schema: ReportsSchema, name: str) -> GraphQLObjectType:
    found = schema._schema.type_map[name]
    assert isinstance(found, GraphQLObjectType)
    return found


def _value(name: str, text: str, kind: Any) -> Any:
    named = get_named_type(kind)
    if is_input_object_type(named) or named in _AS_JSON:
        return parsed_json(name, text)
    return text.split(",") if is_list_type(get_nullable_type(kind)) else text

"""What is done around the execution of every document."""

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from graphql import GraphQLError
from pydantic.alias_generators import to_camel
from strawberry.extensions import SchemaExtension


class OneOperation(SchemaExtension):
    """A document with several operations needs the name of the one to run."""

    def on_validate(self) -> Iterator[None]:
        context = self.execution_context
        document = context.graphql_document
        operations = [each for each in document.definitions if each.kind == "operation_definition"] if document else []
        if len(operations) > 1 and context._provided_operation_name is None and not context.pre_execution_errors:
            context.pre_execution_errors = [GraphQLError("Name one of the operations with `operationName`.")]
        yield


class StoreStatistics(SchemaExtension):
    """Tells staff what each report of the request read: `extensions.statistics`, by the report's name there."""

    def get_results(self) -> dict[str, Any]:
        context = self.execution_context.context
        if not context.principal.staff or not context.answers:
            return {}
        return {"statistics": {name: _printed(answer.statistics) for name, answer in context.answers.items()}}


def _printed(statistics: Any) -> dict[str, Any]:
    return {to_camel(name): value for name, value in asdict(statistics).items()}

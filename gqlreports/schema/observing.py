"""Notes what a document asked for, how long its steps took, and how it ended."""

from collections.abc import Iterator
from typing import Any

from graphql import GraphQLError, GraphQLSyntaxError, OperationDefinitionNode
from strawberry.extensions import SchemaExtension

from gqlreports.errors import ReportsError
from gqlreports.schema.answer import ReportAnswer
from gqlreports.telemetry.record import OK, ReportRecord, current

LONGEST_NAME = 100
"""Characters of an operation's name that are noted."""


class Observing(SchemaExtension):
    """Fills the record of the request.  It comes first of the extensions, so that its times hold theirs."""

    def on_parse(self) -> Iterator[None]:
        with current().parse.running():
            yield

    def on_validate(self) -> Iterator[None]:
        with current().parse.running():
            yield

    def on_execute(self) -> Iterator[None]:
        with current().execution.running():
            yield

    def get_results(self) -> dict[str, Any]:
        """Called at the end of every operation, however it ended; adds nothing to the response."""
        record, context = current(), self.execution_context
        errors = context.pre_execution_errors or []
        record.operation = self._operation()
        record.code = _code(errors[0]) if errors else OK
        answers: dict[str, ReportAnswer] = context.context.answers if context.context else {}
        record.reports = [report_record(answer, _code_of(name, errors)) for name, answer in answers.items()]
        return {}

    def _operation(self) -> str | None:
        """The name of the operation that ran, if the document has it; what else a caller names is not repeated."""
        document = self.execution_context.graphql_document
        operations = (
            [each for each in document.definitions if isinstance(each, OperationDefinitionNode)] if document else []
        )
        names = [each.name.value for each in operations if each.name]
        given = self.execution_context._provided_operation_name
        ran = given if given in names or len(operations) > 1 else next(iter(names), None)
        return ran[:LONGEST_NAME] if ran in names and ran else None


def report_record(answer: ReportAnswer, code: str) -> ReportRecord:
    """One report of a request that ended with a code."""
    read = answer.statistics
    return ReportRecord(
        answer.request.report.name,
        answer.request.customer,
        code,
        read.statements,
        read.cached,
        read.rows_read,
        read.bytes_read,
        round(read.milliseconds, 3),
    )


def _code_of(name: str, errors: list[GraphQLError]) -> str:
    return next((_code(error) for error in errors if error.path and error.path[0] == name), OK)


def _code(error: GraphQLError) -> str:
    cause: BaseException | None = error
    while isinstance(cause, GraphQLError) and cause.original_error:
        cause = cause.original_error
    if isinstance(cause, ReportsError):
        return cause.code
    if isinstance(cause, GraphQLSyntaxError):
        return "GRAPHQL_PARSE_FAILED"
    return "GRAPHQL_VALIDATION_FAILED" if isinstance(cause, GraphQLError) else "INTERNAL"

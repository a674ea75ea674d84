"""Notes what a document asked for, how long its steps took, and how it ended."""

from collections.abc import Iterator

from graphql import GraphQLError, GraphQLSyntaxError
from strawberry.extensions import SchemaExtension

from gqlreports.errors import ReportsError
from gqlreports.schema.answer import ReportAnswer
from gqlreports.telemetry.record import OK, ReportRecord, current


class Observing(SchemaExtension):
    """Fills the record of the request."""

    def on_parse(self) -> Iterator[None]:
        with current().parse.running():
            yield

    def on_validate(self) -> Iterator[None]:
        with current().parse.running():
            yield

    def on_execute(self) -> Iterator[None]:
        with current().execution.running():
            yield

    def on_operation(self) -> Iterator[None]:
        yield
        record, context = current(), self.execution_context
        errors = self._errors()
        record.operation = self._operation()
        record.code = _code(errors[0]) if errors else OK
        answers: dict[str, ReportAnswer] = context.context.answers if context.context else {}
        record.reports = [_report(answer, _code_of(name, errors)) for name, answer in answers.items()]

    def _errors(self) -> list[GraphQLError]:
        context = self.execution_context
        result = context.result
        return list((getattr(result, "errors", None) if result else context.pre_execution_errors) or [])

    def _operation(self) -> str | None:
        """Its name, once the document is known to have one: before, a caller may name it anything."""
        context = self.execution_context
        document = context.graphql_document
        names = [getattr(each, "name", None) for each in document.definitions] if document else []
        known = [name.value for name in names if name]
        given = context._provided_operation_name
        return given if given in known else next(iter(known), None) if given is None else None


def _report(answer: ReportAnswer, code: str) -> ReportRecord:
    read = answer.statistics
    return ReportRecord(
        answer.request.report.name,
        answer.request.customer,
        code,
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

"""What is done around the execution of every document, and what is noted of it."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import fields
from typing import Any, cast

from graphql import GraphQLError, GraphQLSyntaxError, OperationDefinitionNode
from pydantic.alias_generators import to_camel
from strawberry.extensions import ParserCache, SchemaExtension, ValidationCache
from strawberry.types.execution import ParseOptions

from gqlreports.directory.principal import Principal
from gqlreports.errors import LimitExceeded, ReportsError
from gqlreports.limits import RequestLimits
from gqlreports.schema.answer import ReportAnswer, Statistics
from gqlreports.schema.context import Context
from gqlreports.schema.cost import document_cost, nesting
from gqlreports.telemetry.record import OK, ReportRecord, current

LONGEST_NAME = 100
"""Characters of an operation's name that are noted."""


class RecordExtension(SchemaExtension):
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
        record.code = _error_code(errors[0]) if errors else OK
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
    return next((_error_code(error) for error in errors if error.path and error.path[0] == name), OK)


def _error_code(error: GraphQLError) -> str:
    cause: BaseException | None = error
    while isinstance(cause, GraphQLError) and cause.original_error:
        cause = cause.original_error
    if isinstance(cause, ReportsError):
        return cause.code
    if isinstance(cause, GraphQLSyntaxError):
        return "GRAPHQL_PARSE_FAILED"
    return "GRAPHQL_VALIDATION_FAILED" if isinstance(cause, GraphQLError) else "INTERNAL"


DOCUMENTS = 32
"""How many documents are kept parsed and validated."""

_NAMES = {each.name: to_camel(each.name) for each in fields(Statistics)}
# What the parser says where it stops; it counts no further than to what is allowed and one.
_TOO_MANY_TOKENS = re.compile(r"Syntax Error: Document contains more than \d+ (tokens|comments)\b.*")


class ParserLimits(ParserCache):
    """Parses a document unless it is too long; a document that was parsed before comes from the cache."""

    def __init__(self, limits: RequestLimits) -> None:
        super().__init__(DOCUMENTS)
        self._limits = limits

    def on_parse(self) -> Iterator[None]:
        context, tokens = self.execution_context, self._limits.tokens
        self._limits.check("document_characters", len(context.query or ""))
        context.parse_options = cast("ParseOptions", {"max_lexical_tokens": tokens, "max_comments": tokens})
        try:
            yield from super().on_parse()
        except GraphQLSyntaxError as error:
            if _TOO_MANY_TOKENS.fullmatch(error.message):
                raise LimitExceeded("tokens", tokens + 1, tokens) from None
            raise


class DocumentLimits(ValidationCache):
    """Holds a document to the limits, then validates it, which may take long, or knows that it was valid before.

    A document with several operations needs the name of the one to run.
    """

    def __init__(self, limits: RequestLimits) -> None:
        super().__init__(DOCUMENTS)
        self._limits = limits

    def on_validate(self) -> Iterator[None]:
        context = self.execution_context
        assert context.graphql_document
        cost = document_cost(context.graphql_document)
        for limit in ("depth", "value_depth", "aliases", "directives", "repeated_fields"):
            self._limits.check(limit, getattr(cost.total, limit))
        self._limits.check("reports_per_request", cost.total.reports)
        self._limits.check("value_depth", nesting(context.variables or {}) - 1)
        wrong = self.cached_validate_document(
            context.schema._schema, context.graphql_document, context.validation_rules
        )
        if not wrong and len(cost.operations) > 1 and context._provided_operation_name is None:
            wrong = [GraphQLError("Name one of the operations with `operationName`.")]
        context.pre_execution_errors = wrong
        yield


class RoomExtension(SchemaExtension):
    """Lets an operation run once there is room for its reports."""

    def on_execute(self) -> Iterator[None]:
        context = self.execution_context
        assert context.graphql_document
        reports = document_cost(context.graphql_document).operations[context.operation_name].reports
        if reports:
            with context.context.door.room(context.context.caller, reports):
                yield
        else:
            yield


class StoreStatistics(SchemaExtension):
    """Tells staff what each report of the request read: `extensions.statistics`, by the report's name there."""

    def get_results(self) -> dict[str, Any]:
        context: Context = self.execution_context.context
        return printed_statistics(context.caller.principal, context.answers)


def printed_statistics(principal: Principal, answers: Mapping[str, ReportAnswer]) -> dict[str, Any]:
    """What a response tells a caller of the cost of its reports, in its `extensions`."""
    if not principal.staff or not answers:
        return {}
    return {"statistics": {name: _printed_of(answer.statistics) for name, answer in answers.items()}}


def _printed_of(statistics: Statistics) -> dict[str, Any]:
    return {_NAMES[name]: value for name, value in vars(statistics).items()}

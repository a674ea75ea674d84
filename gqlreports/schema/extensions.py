"""Strawberry extensions that limit, admit and record the execution of every document."""

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
"""How many characters of an operation's name are recorded."""


class RecordExtension(SchemaExtension):
    """Fills the record of the request.  It is the first extension, so its times include those of the others."""

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
        """Complete the record and add nothing to the response; called after every operation, even a failed one."""
        record, context = current(), self.execution_context
        errors = context.pre_execution_errors or []
        record.operation = self._operation()
        record.code = _error_code(errors[0]) if errors else OK
        answers: dict[str, ReportAnswer] = context.context.answers if context.context else {}
        record.reports = [report_record(answer, _code_of(name, errors)) for name, answer in answers.items()]
        return {}

    def _operation(self) -> str | None:
        """The name of the operation that ran; None if the document has no operation of the name that was given."""
        document = self.execution_context.graphql_document
        operations = (
            [each for each in document.definitions if isinstance(each, OperationDefinitionNode)] if document else []
        )
        names = [each.name.value for each in operations if each.name]
        given = self.execution_context._provided_operation_name
        ran = given if given in names or len(operations) > 1 else next(iter(names), None)
        return ran[:LONGEST_NAME] if ran in names and ran else None


def report_record(answer: ReportAnswer, code: str) -> ReportRecord:
    """The record of one report of a request, which ended with `code`."""
    read = answer.statistics
    return ReportRecord(
        answer.request.report.name,
        str(answer.request.customers),
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
"""How many parsed and validated documents are cached."""

_NAMES = {each.name: to_camel(each.name) for each in fields(Statistics)}
# The parser's message.  It stops at the first token beyond the limit, so the real number is unknown.
_TOO_MANY_TOKENS = re.compile(r"Syntax Error: Document contains more than \d+ (tokens|comments)\b.*")


class ParserLimits(ParserCache):
    """Parses a document unless it is too long, and caches parsed documents.  Raises LimitExceeded."""

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
    """Checks a document against the limits and then validates it, and caches the results of validation.

    The limits come first, because validation may take long.  A document with several operations needs the name of the
    one to run.  Raises LimitExceeded.
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
    """Runs an operation only if there is room for its reports; `Door.room` raises errors otherwise."""

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
    """Shows staff what each report of the request read, by its name in the response: `extensions.statistics`."""

    def get_results(self) -> dict[str, Any]:
        context: Context = self.execution_context.context
        return printed_statistics(context.caller.principal, context.answers)


def printed_statistics(principal: Principal, answers: Mapping[str, ReportAnswer]) -> dict[str, Any]:
    """The `extensions` of a response, which show staff the cost of its reports."""
    if not principal.staff or not answers:
        return {}
    return {"statistics": {name: _printed_of(answer.statistics) for name, answer in answers.items()}}


def _printed_of(statistics: Statistics) -> dict[str, Any]:
    return {_NAMES[name]: value for name, value in vars(statistics).items()}

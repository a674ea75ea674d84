"""A cache of responses without their data, for operations that are asked again.

Executing a document takes longer than anything else that Python does for a repeated report.  If all that a response
took from the store was spliced into it, the rest depends on the document, its variables and the customer's name alone.
So the rest is kept, and only the spliced values are asked for again.
"""

import asyncio
import hashlib
import re
import secrets
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any, TypeAlias

import orjson
from cachetools import LRUCache
from strawberry.types import ExecutionResult

from gqlreports.directory.models import Customer
from gqlreports.errors import ReportsError
from gqlreports.schema.answer import ReportAnswer, Splice
from gqlreports.schema.context import Context
from gqlreports.schema.door import Caller
from gqlreports.schema.extensions import printed_statistics, report_record
from gqlreports.schema.request import ReportRequest
from gqlreports.telemetry.record import OK, current

Ask: TypeAlias = Callable[[ReportAnswer], Awaitable[bytes]]
OPERATIONS = 512
"""How many operations are kept, each with its variables."""


class Changed(ReportsError):
    """The customer has changed, so the response that was kept does not hold."""


@dataclass(frozen=True)
class RepeatableResponse:
    """An operation that succeeded, with its response as `texts` around the spliced values.

    `answers` are its reports by name, and `ranges` the ranges that they are compared with.  `values` stand between the
    texts: each is the name of its report, and how to ask for the value.
    """

    operation: str | None
    answers: Mapping[str, ReportAnswer]
    ranges: list[ReportRequest]
    customers: Mapping[str, Customer]
    texts: tuple[bytes, ...]
    values: tuple[tuple[str, Ask], ...]

    async def run(self, context: Context) -> ExecutionResult:
        """The result for a caller, with the same checks, traces and limits as an executed operation.

        Raises whatever the execution would report as an error, and Changed.
        """
        record, caller = current(), context.caller
        with record.execution.running(), context.door.room(caller, len(self.answers)):
            answers = await context.door.open_again(caller, self.answers, self.ranges)
            context.answers.update(answers)
            self._check_customers(caller)
            values = await _all([ask(answers[name]) for name, ask in self.values])
        record.operation, record.code = self.operation, OK
        record.reports = [report_record(answer, OK) for answer in answers.values()]
        parts = zip_longest(self.texts, values, fillvalue=b"")
        data: Any = orjson.Fragment(b"".join(part for pair in parts for part in pair))
        return ExecutionResult(data, None, printed_statistics(caller.principal, answers))

    def _check_customers(self, caller: Caller) -> None:
        """Raises Changed where the response tells what a customer was."""
        for id, before in self.customers.items():
            now = caller.customers[id]
            if (now.name, now.currency) != (before.name, before.currency):
                raise Changed


class ResponseCache:
    """The responses of one schema that were asked for last."""

    def __init__(self) -> None:
        self._kept: LRUCache[bytes, RepeatableResponse] = LRUCache(OPERATIONS)

    def get(self, name: bytes) -> RepeatableResponse | None:
        return self._kept.get(name)

    def forget(self, name: bytes) -> None:
        self._kept.pop(name, None)

    def keep(self, name: bytes, result: ExecutionResult, context: Context) -> None:
        """Keep an operation that was executed, if nothing but reports came of it, and nothing failed."""
        if result.errors or not result.data or not _reports_alone(result.data, context):
            return
        texts, splices = _taken_apart(result.data, context.splices)
        if len(splices) == len(context.splices):
            names = {id(answer): name for name, answer in context.answers.items()}
            named = tuple((names[id(splice.value.answer)], _ask(splice)) for splice in splices)
            self._kept[name] = RepeatableResponse(
                current().operation, context.answers, context.ranges, context.caller.customers, texts, named
            )


def operation_key(document: str | None, operation: str | None, variables: Mapping[str, Any] | None) -> bytes:
    """What tells one operation with its variables from any other."""
    return hashlib.sha256(orjson.dumps((document, operation, variables))).digest()


def _ask(splice: Splice) -> Ask:
    """How its value is asked, without what that was: it may be large."""
    ask, selection = splice.value.ask, splice.selection
    return lambda answer: ask(answer, selection)


def _reports_alone(data: Mapping[str, Any], context: Context) -> bool:
    """Whether a response holds reports that asked the store for nothing but what was spliced in."""
    asked = sum(answer.statistics.statements for answer in context.answers.values())
    # Of the query's fields, only its type's name is a text.
    named = all(name in context.answers or isinstance(value, str) for name, value in data.items())
    return bool(context.answers) and named and asked == sum(splice.statements for splice in context.splices)


def _taken_apart(data: Mapping[str, Any], splices: list[Splice]) -> tuple[tuple[bytes, ...], list[Splice]]:
    """The texts of a response around what was spliced in, and that in its order there."""
    mark = secrets.token_hex(16)
    places = {id(splice.fragment): place for place, splice in enumerate(splices)}

    def marked(value: Any) -> Any:
        if isinstance(value, dict):
            return {name: marked(each) for name, each in value.items()}
        if isinstance(value, list):
            return [marked(each) for each in value]
        return orjson.Fragment(f"{mark}{places[id(value)]};") if isinstance(value, orjson.Fragment) else value

    parts = re.split(rf"{mark}(\d+);".encode(), orjson.dumps(marked(data)))
    return tuple(parts[::2]), [splices[int(place)] for place in parts[1::2]]


async def _all(work: list[Awaitable[bytes]]) -> list[bytes]:
    """The results of concurrent work.  If one part fails, the others are cancelled."""
    if len(work) == 1:
        return [await work[0]]
    tasks = [asyncio.ensure_future(each) for each in work]
    try:
        return await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

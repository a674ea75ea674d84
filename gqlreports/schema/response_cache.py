"""A cache of responses without their data, for repeated operations.

Executing the document takes most of the Python time of a repeated report.  If everything that a response got from the
store was spliced into it, the rest depends only on the document, its variables and the customer's name and currency.
So the rest is cached, and only the spliced values are fetched again.
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

from gqlreports.backends.base import Customers
from gqlreports.directory.models import Customer
from gqlreports.errors import ReportsError
from gqlreports.schema.answer import ReportAnswer, Splice
from gqlreports.schema.context import Context
from gqlreports.schema.door import Caller, CustomerChoice
from gqlreports.schema.extensions import printed_statistics, report_record
from gqlreports.schema.request import ReportRequest
from gqlreports.telemetry.record import OK, current

Ask: TypeAlias = Callable[[ReportAnswer], Awaitable[bytes]]
OPERATIONS = 512
"""How many operations, each with its variables, are cached."""


class Changed(ReportsError):
    """Raised if a customer or a group has changed, so that the cached response is out of date."""


@dataclass(frozen=True)
class RepeatableResponse:
    """An operation that succeeded; `texts` are the parts of its response around the spliced values.

    `answers` are its reports by name, and `ranges` are the ranges that they are compared with.  `values` belong between
    the texts: each is the name of its report and a function that fetches the value.  `choices` tell which customers the
    reports are about, where others may be chosen for another caller or at another time.
    """

    operation: str | None
    answers: Mapping[str, ReportAnswer]
    ranges: list[ReportRequest]
    customers: Mapping[str, Customer]
    choices: list[tuple[CustomerChoice, Customers]]
    texts: tuple[bytes, ...]
    values: tuple[tuple[str, Ask], ...]

    async def run(self, context: Context) -> ExecutionResult:
        """Run it for a caller, with the same checks, traces and limits as an executed operation.

        Raises what the execution would report as an error, and Changed.
        """
        record, caller = current(), context.caller
        with record.execution.running(), context.door.room(caller, len(self.answers)):
            await self._check_choices(context)
            answers = await context.door.open_again(caller, self.answers, self.ranges)
            context.answers.update(answers)
            self._check_customers(caller)
            values = await _all([ask(answers[name]) for name, ask in self.values])
        record.operation, record.code = self.operation, OK
        record.reports = [report_record(answer, OK) for answer in answers.values()]
        parts = zip_longest(self.texts, values, fillvalue=b"")
        data: Any = orjson.Fragment(b"".join(part for pair in parts for part in pair))
        return ExecutionResult(data, None, printed_statistics(caller.principal, answers))

    async def _check_choices(self, context: Context) -> None:
        """Raise Changed if a choice means other customers than in the response."""
        for choice, before in self.choices:
            if await context.door.chosen(context.caller, choice) != before:
                raise Changed

    def _check_customers(self, caller: Caller) -> None:
        """Raise Changed if a customer's name or currency differs from those in the response."""
        for id, before in self.customers.items():
            now = caller.customers[id]
            if (now.name, now.currency) != (before.name, before.currency):
                raise Changed


class ResponseCache:
    """The most recently used responses of one schema."""

    def __init__(self) -> None:
        self._kept: LRUCache[bytes, RepeatableResponse] = LRUCache(OPERATIONS)

    def get(self, name: bytes) -> RepeatableResponse | None:
        return self._kept.get(name)

    def forget(self, name: bytes) -> None:
        self._kept.pop(name, None)

    def keep(self, name: bytes, result: ExecutionResult, context: Context) -> None:
        """Cache an executed operation, if it returned nothing but reports and had no errors."""
        if result.errors or not result.data or not _reports_alone(result.data, context):
            return
        texts, splices = _taken_apart(result.data, context.splices)
        if len(splices) == len(context.splices):
            names = {id(answer): name for name, answer in context.answers.items()}
            named = tuple((names[id(splice.value.answer)], _ask(splice)) for splice in splices)
            self._kept[name] = RepeatableResponse(
                current().operation,
                context.answers,
                context.ranges,
                context.caller.customers,
                context.choices,
                texts,
                named,
            )


def operation_key(document: str | None, operation: str | None, variables: Mapping[str, Any] | None) -> bytes:
    """A key that identifies an operation with its variables."""
    return hashlib.sha256(orjson.dumps((document, operation, variables))).digest()


def _ask(splice: Splice) -> Ask:
    """A function that fetches the splice's value; it does not keep the old value alive, which may be large."""
    ask, selection = splice.value.ask, splice.selection
    return lambda answer: ask(answer, selection)


def _reports_alone(data: Mapping[str, Any], context: Context) -> bool:
    """Whether a response consists of reports, and every statement that they ran was for a spliced value."""
    asked = sum(answer.statistics.statements for answer in context.answers.values())
    # Of the query's other fields only `__typename` is a text, and it never changes.
    named = all(name in context.answers or isinstance(value, str) for name, value in data.items())
    return bool(context.answers) and named and asked == sum(splice.statements for splice in context.splices)


def _taken_apart(data: Mapping[str, Any], splices: list[Splice]) -> tuple[tuple[bytes, ...], list[Splice]]:
    """Split a response into the texts around its splices, and the splices in the order of the response."""
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

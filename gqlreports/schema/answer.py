"""Runs the statements of one report on a backend."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import orjson

from gqlreports.backends.base import Backend, Fetched, Statement
from gqlreports.errors import InvalidInput
from gqlreports.limits import USUAL, RequestLimits
from gqlreports.plugins.contract import Dimension
from gqlreports.schema.plan import calls, comparison, rows, timeline
from gqlreports.schema.plan.batch import Field, FieldBatcher, RowCountField, RowsField, TotalsField
from gqlreports.schema.plan.calls import Cursor, Others
from gqlreports.schema.plan.comparison import ComparedOrder, ComparedRequest
from gqlreports.schema.plan.filters import EVERYTHING, Where
from gqlreports.schema.plan.printing import EMPTY_ROW
from gqlreports.schema.plan.rows import ALL, Page
from gqlreports.schema.plan.timeline import Series
from gqlreports.schema.request import ReportRequest, Selection
from gqlreports.schema.time import Buckets

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass
class Statistics:
    """What the statements of a report read, and how long they took in the store.

    The `cached` ones read nothing and take no time.
    """

    statements: int = 0
    cached: int = 0
    rows_read: int = 0
    bytes_read: int = 0
    milliseconds: float = 0

    def add(self, other: "Statistics") -> None:
        self.statements += other.statements
        self.cached += other.cached
        self.rows_read += other.rows_read
        self.bytes_read += other.bytes_read
        self.milliseconds += other.milliseconds


@dataclass(frozen=True)
class ReportAnswer:
    """The answer to a report request; each part is fetched on demand.

    Lists are returned as JSON arrays of objects.
    """

    request: ReportRequest
    backend: Backend
    statistics: Statistics = field(default_factory=Statistics)
    limits: RequestLimits = USUAL
    batcher: FieldBatcher | None = None

    def again(self) -> "ReportAnswer":
        """Return a new answer to the same request, with its own statistics."""
        return replace(self, statistics=Statistics())

    async def rows(self, selection: Selection, page: Page = ALL, where: Where = EVERYTHING) -> bytes:
        """Fetch a page of rows.

        Raises LimitExceeded for more rows than a page may have, InvalidInput for a negative number.
        """
        self._check_page(page)
        if (found := await self._gathered(RowsField(selection, page), where)) is not None:
            return found
        return await self._list(rows.rows(self.request, selection, page, where), selection)

    async def row_count(self, where: Where = EVERYTHING) -> int:
        if (found := await self._gathered(RowCountField(), where)) is not None:
            return int(found)
        return await self._count(rows.row_count(self.request, where))

    async def totals(self, selection: Selection, where: Where = EVERYTHING) -> bytes:
        """One JSON object."""
        if (found := await self._gathered(TotalsField(selection), where)) is not None:
            return found
        return await self._object(rows.totals(self.request, selection, where), selection)

    def stream(self, statement: Statement, form: str) -> AbstractAsyncContextManager[AsyncIterator[bytes]]:
        """The rows of a statement for this request, as `Backend.stream` gives them."""
        self.statistics.statements += 1
        return self.backend.stream(statement, form, self._note_read)

    async def subtotals(
        self, by: tuple[Dimension, ...], selection: Selection, page: Page = ALL, where: Where = EVERYTHING
    ) -> bytes:
        """Fetch a page of subtotals.  Raises the errors of `rows`."""
        self._check_page(page)
        return await self._list(rows.subtotals(self.request, by, selection, page, where), selection)

    async def customer_totals(self, selection: Selection, page: Page, where: Where = EVERYTHING) -> bytes:
        """Fetch a page of the totals of each customer.  Raises the errors of `rows`."""
        self._check_page(page)
        return await self._list(rows.customer_totals(self.request, selection, page, where), selection)

    async def others(self, selection: Selection, others: Others, where: Where = EVERYTHING) -> bytes:
        """The totals of all matching rows except the first `others.n`, as one JSON object."""
        statement = rows.others(self.request, selection, others.order, others.n, where)
        return await self._object(statement, selection)

    async def timeline(
        self, buckets: Buckets, selection: Selection, series: Series | None, n: int, where: Where = EVERYTHING
    ) -> bytes:
        return await self._list(timeline.timeline(self.request, buckets, selection, series, n, where), selection)

    async def compared_rows(
        self,
        previous: ReportRequest,
        selection: Selection,
        order: tuple[ComparedOrder, ...] = (),
        page: Page = ALL,
        where: Where = EVERYTHING,
    ) -> bytes:
        """Fetch a page of compared rows.  Raises the errors of `rows`."""
        self._check_page(page)
        asked = ComparedRequest(self.request, previous)
        return await self._list(comparison.compared_rows(asked, selection, order, page, where), selection)

    async def compared_row_count(self, previous: ReportRequest, where: Where = EVERYTHING) -> int:
        return await self._count(comparison.compared_row_count(ComparedRequest(self.request, previous), where))

    async def compared_totals(self, previous: ReportRequest, selection: Selection, where: Where = EVERYTHING) -> bytes:
        """One JSON object."""
        asked = ComparedRequest(self.request, previous)
        return await self._object(comparison.compared_totals(asked, selection, where), selection)

    async def calls(
        self,
        selection: Selection,
        first: int,
        after: Cursor | None = None,
        where: Where = EVERYTHING,
        others: Others | None = None,
    ) -> bytes:
        """Fetch a page of calls.

        Raises LimitExceeded for more calls than a page may have, InvalidInput for a negative number.
        """
        self._check_first(first, "calls_per_page", "after")
        statement = calls.calls(self.request, selection, first, after, where, others)
        return await self._list(statement, selection)

    async def call_count(self, where: Where = EVERYTHING, others: Others | None = None) -> int:
        return await self._count(calls.call_count(self.request, where, others))

    async def moment(self, statement: Statement) -> datetime | None:
        """The moment that a statement returns as its column `moment`, in milliseconds since 1970."""
        [found] = orjson.loads(await self._fetch(statement))
        milliseconds = found["moment"]
        return None if milliseconds is None else _EPOCH + timedelta(milliseconds=milliseconds)

    async def _list(self, statement: Statement, selection: Selection) -> bytes:
        answer = await self._fetch(statement)
        return answer if selection.fields else answer.replace(EMPTY_ROW, b"{}")

    async def _object(self, statement: Statement, selection: Selection) -> bytes:
        return (await self._list(statement, selection)).strip()[1:-1].strip()

    async def _count(self, statement: Statement) -> int:
        found: list[Mapping[str, int]] = orjson.loads(await self._fetch(statement))
        return found[0]["rows"]

    async def _gathered(self, field: Field, where: Where) -> bytes | None:
        """The JSON of a field from a statement for several fields; None if it must be fetched separately."""
        asked = None if self.batcher is None else await self.batcher.ask(self.request, field, where)
        if asked is None:
            return None
        printed, fetched = asked
        self._note(fetched)
        return printed

    async def _fetch(self, statement: Statement) -> bytes:
        fetched = await self.backend.fetch_json(statement)
        self._note(fetched)
        return fetched.json

    def _note(self, fetched: Fetched) -> None:
        self.statistics.statements += 1
        self.statistics.cached += fetched.cached
        self.statistics.rows_read += fetched.rows_read
        self.statistics.bytes_read += fetched.bytes_read
        self.statistics.milliseconds += fetched.milliseconds

    def _note_read(self, rows: int, size: int, milliseconds: float) -> None:
        self.statistics.rows_read += rows
        self.statistics.bytes_read += size
        self.statistics.milliseconds += milliseconds

    def _check_page(self, page: Page) -> None:
        if page.offset < 0:
            raise InvalidInput("`offset` must not be negative.")
        self._check_first(page.first or 0, "rows_per_page", "offset")

    def _check_first(self, first: int, limit: str, more: str) -> None:
        if first < 0:
            raise InvalidInput("`first` must not be negative.")
        self.limits.check(limit, first, f"use `{more}` for more")


@dataclass(frozen=True)
class StoreValue:
    """A value whose JSON the store prints: `ask` takes a report's answer and a selection, and returns the JSON.

    The report's answer is `answer`, or another answer to the same request.
    """

    answer: ReportAnswer
    ask: Callable[[ReportAnswer, Selection], Awaitable[bytes]]

    async def fetch(self, selection: Selection) -> bytes:
        return await self.ask(self.answer, selection)

    async def splice(self, selection: Selection) -> "Splice":
        """Fetch the value for splicing into a response, and count the statements that this took."""
        own = self.answer.again()
        json = await self.ask(own, selection)
        self.answer.statistics.add(own.statistics)
        return Splice(self, selection, own.statistics.statements, orjson.Fragment(json))


@dataclass(frozen=True, eq=False)
class Splice:
    """The JSON of a value, ready to be inserted in a response, and how many statements it took."""

    value: StoreValue
    selection: Selection
    statements: int
    fragment: orjson.Fragment

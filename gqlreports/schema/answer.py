"""Runs the statements of one report on a backend."""

from collections.abc import Mapping
from dataclasses import dataclass

import orjson

from gqlreports.backends.base import Backend
from gqlreports.errors import InvalidInput, LimitExceeded
from gqlreports.schema import plan
from gqlreports.schema.plan import Order
from gqlreports.schema.request import ReportRequest
from gqlreports.schema.selection import Selection

MOST_ROWS = 100_000


@dataclass(frozen=True)
class ReportAnswer:
    """The parts of a report's answer, each fetched when it is asked for."""

    request: ReportRequest
    backend: Backend

    async def rows(self, selection: Selection, order: tuple[Order, ...], first: int | None, offset: int) -> bytes:
        """The rows as a JSON array of objects; `first` None for all.

        Raises LimitExceeded for more than MOST_ROWS, InvalidInput for a negative number.
        """
        _check_page(first, offset)
        answer = (await self.backend.fetch_json(plan.rows(self.request, selection, order, first, offset))).json
        return answer if selection.fields else answer.replace(plan.EMPTY_ROW, b"{}")

    async def totals(self, selection: Selection) -> bytes:
        """The totals as one JSON object."""
        answer = (await self.backend.fetch_json(plan.totals(self.request, selection))).json
        row = answer.strip()[1:-1].strip()
        return row if selection.fields else b"{}"

    async def row_count(self) -> int:
        fetched = await self.backend.fetch_json(plan.row_count(self.request))
        rows: list[Mapping[str, int]] = orjson.loads(fetched.json)
        return rows[0]["rows"]


def _check_page(first: int | None, offset: int) -> None:
    if (first or 0) < 0 or offset < 0:
        raise InvalidInput("`first` and `offset` must not be negative.")
    if (first or 0) > MOST_ROWS:
        raise LimitExceeded(f"`first` is {first}, and at most {MOST_ROWS} rows come at once: use `offset` for more.")

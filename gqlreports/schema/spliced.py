"""Values that the store prints, in the place of a list or an object of a response."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import orjson

from gqlreports.schema.answer import ReportAnswer
from gqlreports.schema.selection import Selection


@dataclass(frozen=True)
class Spliced:
    """A value that the store prints: `ask` is given what was selected of it, and returns JSON.

    It asks the `answer` of its report, or another answer to the same request.
    """

    answer: ReportAnswer
    ask: Callable[[ReportAnswer, Selection], Awaitable[bytes]]

    async def fetch(self, selection: Selection) -> bytes:
        return await self.ask(self.answer, selection)

    async def splice(self, selection: Selection) -> "Splice":
        """The same, with what it took."""
        own = self.answer.again()
        json = await self.ask(own, selection)
        self.answer.statistics.add(own.statistics)
        return Splice(self, selection, own.statistics.statements, orjson.Fragment(json))


@dataclass(frozen=True, eq=False)
class Splice:
    """What was printed for a value in a response, and how many statements that took."""

    spliced: Spliced
    selection: Selection
    statements: int
    fragment: orjson.Fragment

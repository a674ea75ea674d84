"""The questions that are measured: a report of a customer over a range, in GraphQL and as plain SQL.

`plain/REPORT.sql` is the statement of a report over the table itself, without rollups, as the product's own plan writes
it; whatever the product does in its place has to give the same answer, byte by byte.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

import orjson

from benchmarks.calls import YEAR

PLAIN = Path(__file__).parent / "plain"
_SELECTED = re.compile(r"report\.\w+ AS (\w+)")
REPORTS = tuple(sorted(path.stem for path in PLAIN.glob("*.sql")))


@dataclass(frozen=True)
class Question:
    """The first rows of a report of a customer over `start <= dt < end`."""

    report: str
    customer: str
    start: datetime
    end: datetime
    first: int = 100_000

    @property
    def columns(self) -> list[str]:
        selected, _, _ = plain(self.report).partition("FROM (")
        return _SELECTED.findall(selected)

    @property
    def body(self) -> bytes:
        """The request that asks for it, as a client sends it: a document that stays the same, and variables."""
        return request((self,))

    def field(self, alias: str) -> str:
        """It as a field of a document."""
        type_name = "".join(word.capitalize() for word in self.report.split("_"))
        return (
            f"{alias}: customReport(type: {self.report}, customer: $customer, from: $from, to: $to) "
            f"{{ ... on {type_name}Report {{ rows(first: {self.first}) {{ {' '.join(self.columns)} }} }} }}"
        )

    @property
    def values(self) -> dict[str, object]:
        """The parameters of the plain statement, but for the `table`."""
        values = {"from": _milliseconds(self.start), "to": _milliseconds(self.end), "first": self.first, "offset": 0}
        return {"customer": self.customer, **values}

    def shifted(self, by: timedelta) -> "Question":
        return replace(self, start=self.start + by, end=self.end + by)


def request(questions: Sequence[Question]) -> bytes:
    """The request for several reports of one customer over one range."""
    fields = " ".join(each.field(f"{each.report}_{place}") for place, each in enumerate(questions))
    document = f"query($customer: ID!, $from: DateTime!, $to: DateTime!) {{ {fields} }}"
    [asked, *_] = questions
    variables = {"customer": asked.customer, "from": asked.start, "to": asked.end}
    return orjson.dumps({"query": document, "variables": variables})


@cache
def plain(report: str) -> str:
    """The plain statement of a report."""
    return (PLAIN / f"{report}.sql").read_text()


def day(number: int) -> datetime:
    """A day of the generated year; the first is 0."""
    return datetime(YEAR, 1, 1, tzinfo=UTC) + timedelta(days=number)


def _milliseconds(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)

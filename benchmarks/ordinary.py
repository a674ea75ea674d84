"""An ordinary Strawberry server: resolvers that return objects, each of whose fields the executor completes.

It has the one report that the product is measured beside it with, by the plain statement.
"""

from collections.abc import Awaitable, Callable
from datetime import datetime
from decimal import Decimal

import orjson
import strawberry
from strawberry.asgi import GraphQL
from strawberry.schema.config import StrawberryConfig

from benchmarks.statements import Question, plain

Read = Callable[[str, dict[str, object]], Awaitable[bytes]]
"""The rows of a statement with values, as JSON."""


@strawberry.type
class NumberRow:
    number: str
    attempts: float
    connected: float
    asr: float | None
    talk_time: Decimal


def ordinary(read: Read) -> GraphQL[None, None]:
    """The application."""

    @strawberry.type
    class Query:
        @strawberry.field
        async def numbers(self, customer: strawberry.ID, start: datetime, end: datetime, first: int) -> list[NumberRow]:
            question = Question("PER_NUMBER", customer, start, end, first)
            rows = orjson.loads(await read(plain(question.report), {**question.values, "table": "cdr"}))
            return [
                NumberRow(
                    number=row["number"],
                    attempts=row["attempts"],
                    connected=row["connected"],
                    asr=row["asr"],
                    talk_time=Decimal(row["talkTime"]),
                )
                for row in rows
            ]

    return GraphQL(strawberry.Schema(query=Query, config=StrawberryConfig(auto_camel_case=True)))


_DOCUMENT = """
query($customer: ID!, $start: DateTime!, $end: DateTime!, $first: Int!) {
    numbers(customer: $customer, start: $start, end: $end, first: $first) { number attempts connected asr talkTime }
}
"""


def body_of(question: Question) -> bytes:
    """How this server and the one for Node are asked a question of PER_NUMBER."""
    variables = {"customer": question.customer, "start": question.start, "end": question.end, "first": question.first}
    return orjson.dumps({"query": _DOCUMENT, "variables": variables})

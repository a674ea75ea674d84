"""The fields and types for the CDRs that a report's rows are made of."""

from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any

import strawberry
from clickhouse_connect.cc_sqlalchemy.datatypes import sqltypes as clickhouse
from pydantic.alias_generators import to_camel
from sqlalchemy import Column

from gqlreports.schema.answer import ReportAnswer, StoreValue
from gqlreports.schema.plan.calls import COLUMNS, Cursor, Others
from gqlreports.schema.plan.filters import Where
from gqlreports.schema.request import Selection
from gqlreports.schema.scalars import BigInt, ExactDecimal
from gqlreports.schema.types.columns import ReportColumns, field_of, list_of

CALLS = 100
"""How many calls are returned by default."""

_FOR_STAFF = "provider_"
_TYPES: Mapping[Any, Any] = {
    clickhouse.String: str,
    clickhouse.DateTime64: datetime,
    clickhouse.Bool: bool,
    clickhouse.Decimal: ExactDecimal,
    clickhouse.UInt8: int,
    clickhouse.UInt16: int,
    clickhouse.UInt32: BigInt,
}


@lru_cache(2)
def call_type(staff: bool) -> type[Any]:
    """The type of a CDR; partners do not see the provider's columns."""
    namespace: dict[str, Any] = {"__annotations__": {"cursor": str, "history": list_of(version_type(staff))}}
    namespace["cursor"] = strawberry.field(description="Its place in the order of calls, for `after`.")
    namespace["history"] = strawberry.field(description="All its versions, the oldest first; a correction makes one.")
    cls = type("CallDetailRecord", (), _with_columns(namespace, staff))
    return strawberry.type(cls, description="One route attempt (branch) of a call.")


@lru_cache(2)
def version_type(staff: bool) -> type[Any]:
    """The type of a version of a CDR."""
    namespace: dict[str, Any] = {"__annotations__": {"loaded_at": datetime, "taken_back_at": datetime | None}}
    namespace["loaded_at"] = strawberry.field(description="When it was loaded.")
    namespace["taken_back_at"] = strawberry.field(description="When a correction took it back; null for what holds.")
    cls = type("CallVersion", (), _with_columns(namespace, staff))
    return strawberry.type(cls, description="What was known of a call for a time.")


def call_columns(staff: bool) -> tuple[Column[Any], ...]:
    """The columns of a CDR that staff or partners see."""
    return tuple(column for column in COLUMNS if staff or not column.name.startswith(_FOR_STAFF))


def _with_columns(namespace: dict[str, Any], staff: bool) -> dict[str, Any]:
    for column in call_columns(staff):
        kind = _TYPES[type(column.type)]
        namespace["__annotations__"][column.name] = kind | None if str(column.type).startswith("Nullable") else kind
        namespace[column.name] = strawberry.field(name=to_camel(column.name), description=column.doc)
    return namespace


def call_fields(columns: ReportColumns) -> dict[str, Any]:
    """The fields `calls(where, first, after)` and `callCount(where)`."""

    def calls(self: Any, where: Any = None, first: int | None = CALLS, after: str | None = None) -> Any:
        return _listed(self.answer, columns.where(where), None, first, after)

    async def call_count(self: Any, where: Any = None) -> int:
        answer: ReportAnswer = self.answer
        return await answer.call_count(columns.where(where))

    return {
        "calls": field_of(
            calls,
            "The CDRs behind the rows that match, by time, switch, callid and branch.",
            where=columns.filter_input | None,
            first=int | None,
            after=str | None,
            returns=list_of(call_type(columns.staff)),
        ),
        "call_count": field_of(
            call_count, "How many CDRs that is in all.", where=columns.filter_input | None, returns=BigInt
        ),
    }


def other_call_fields(columns: ReportColumns) -> dict[str, Any]:
    """The fields `otherCalls(first, after)` and `otherCallCount`, for the rows that are not among the largest."""

    def other_calls(self: Any, first: int | None = CALLS, after: str | None = None) -> Any:
        largest = self.largest
        return _listed(largest.answer, largest.where, largest.others, first, after)

    async def other_call_count(self: Any) -> int:
        answer: ReportAnswer = self.largest.answer
        return await answer.call_count(self.largest.where, self.largest.others)

    return {
        "other_calls": field_of(
            other_calls,
            "The CDRs behind the others.",
            first=int | None,
            after=str | None,
            returns=list_of(call_type(columns.staff)),
        ),
        "other_call_count": field_of(other_call_count, "How many CDRs are behind the others.", returns=BigInt),
    }


def _listed(
    answer: ReportAnswer, where: Where, others: Others | None, first: int | None, after: str | None
) -> StoreValue:
    cursor = Cursor.parse(after) if after is not None else None

    async def fetch(answer: ReportAnswer, selection: Selection) -> bytes:
        return await answer.calls(selection, CALLS if first is None else first, cursor, where, others)

    return StoreValue(answer, fetch)

"""How recent the data of reports is."""

from datetime import datetime

from gqlreports.backends.base import Statement
from gqlreports.schema.answer import ReportAnswer
from gqlreports.schema.plan.source import known_by
from gqlreports.tables import CALLS, KNOWN

# A load that found calls there before is incomplete once the load that brought them is taken back.  The order is that
# of the table, so that only the latest rows of the customer are read.
_LOADS = """
WITH
    ended AS (
        SELECT id, first_dt, last_dt, finished_at, there_before, unloaded_at FROM cdr_load
        WHERE coalesce(finished_at <= fromUnixTimestamp64Milli({as_of:Nullable(Int64)}, 'UTC'), true)
    ),
    taken_back AS (
        SELECT id, first_dt, last_dt, finished_at, unloaded_at FROM ended
        WHERE unloaded_at IS NOT NULL
            AND coalesce(unloaded_at <= fromUnixTimestamp64Milli({as_of:Nullable(Int64)}, 'UTC'), true)
    ),
    incomplete AS (
        SELECT ended.id AS id FROM ended CROSS JOIN taken_back
        WHERE ended.there_before > 0 AND ended.first_dt <= taken_back.last_dt AND ended.last_dt >= taken_back.first_dt
            AND ended.finished_at BETWEEN taken_back.finished_at AND taken_back.unloaded_at
    )
"""
_COUNTS = """id NOT IN (SELECT id FROM taken_back UNION ALL SELECT id FROM incomplete)
        AND ({as_of:Nullable(Int64)} IS NULL OR id IN (SELECT id FROM ended))"""
_DATA_THROUGH = f"""
{_LOADS}
SELECT toUnixTimestamp64Milli(maxOrNull(last_dt)) AS moment FROM (
    SELECT last_dt FROM cdr_load_customer
    WHERE customer_id = {{customer:String}} AND {_COUNTS}
    ORDER BY customer_id DESC, last_dt DESC LIMIT 1
)
"""
# Of the loads before version 0.3 it is not known whose calls they had.
_LATEST_CALL_BEFORE = """
SELECT toUnixTimestamp64Milli(maxOrNull(dt)) AS moment FROM cdr
WHERE customer_id = {customer:String} AND load_id = 0 AND (SELECT count() FROM cdr_load WHERE id = 0) > 0
"""
# Of several customers the one whose calls are known for the shortest time counts, without those that never had any.
_EARLIEST_DATA_THROUGH = f"""
{_LOADS}
SELECT toUnixTimestamp64Milli(minOrNull(moment)) AS moment FROM (
    SELECT customer_id, coalesce(maxOrNull(loaded), maxOrNull(before)) AS moment FROM (
        SELECT customer_id, last_dt AS loaded, NULL AS before FROM cdr_load_customer
        WHERE customer_id IN {{customers:Array(String)}} AND {_COUNTS}
        UNION ALL
        SELECT customer_id, NULL, dt FROM cdr
        WHERE customer_id IN {{customers:Array(String)}} AND load_id = 0
            AND (SELECT count() FROM cdr_load WHERE id = 0) > 0
    ) GROUP BY customer_id
)
"""
_NUMBERING_AS_OF = Statement(
    "SELECT toUnixTimestamp64Milli(toDateTime64(maxOrNull(loaded_at), 3)) AS moment FROM numbering"
)
_NUMBERING_KNOWN_THEN = f"""
SELECT toUnixTimestamp64Milli(toDateTime64(maxOrNull(known), 3)) AS moment
FROM (SELECT {KNOWN} AS known FROM numbering)
WHERE toUnixTimestamp64Milli(toDateTime64(known, 3)) <= {{as_of:Int64}}
"""


async def data_through(answer: ReportAnswer) -> datetime | None:
    """Until when the calls of the report's customer are complete: the latest of the loads that had calls of theirs.

    With the report's `as_of`, of those that had ended then.  A load is complete until the start of its latest call,
    whose ever that is.  A store of before version 0.3 knows only the customer's own latest call.  None before the first
    such load, and for reports on facts other than calls.  Of several customers, the earliest of their moments.
    """
    if answer.request.report.report.fact is not CALLS:
        return None
    customers, as_of = answer.request.customers, answer.request.as_of
    moment = None if as_of is None else known_by(as_of)
    if customers.several:
        values = {"customers": list(customers.ids), "as_of": moment}
        return await answer.moment(Statement(_EARLIEST_DATA_THROUGH, values))
    [customer] = customers.ids
    through = await answer.moment(Statement(_DATA_THROUGH, {"customer": customer, "as_of": moment}))
    return through or await answer.moment(Statement(_LATEST_CALL_BEFORE, {"customer": customer}))


async def numbering_as_of(answer: ReportAnswer) -> datetime | None:
    """When numbering data was last loaded, or before the report's `as_of` last changed; None if none was."""
    as_of = answer.request.as_of
    if as_of is None:
        return await answer.moment(_NUMBERING_AS_OF)
    return await answer.moment(Statement(_NUMBERING_KNOWN_THEN, {"as_of": known_by(as_of)}))

"""Any number of calls of a customer, made by the engine, some of them corrected, some taken back."""

from gqlreports.backends.base import Backend, Statement

SPAN = {"from": "2025-11-01T00:00:00Z", "to": "2025-12-01T00:00:00Z"}
_STARTS = "toDateTime64('2025-11-01', 3, 'UTC') + toIntervalMillisecond(number * 100)"
_CALLS = f"""
INSERT INTO cdr (customer_id, dt, callid, switch, tech_prefix, source_cli, dest_number, answered, duration, extra,
                 sign, loaded_at)
SELECT {{customer:String}}, {_STARTS}, hex(sipHash128(number)), concat('s', toString(number % 3)), toString(number % 7),
       concat('1212555', leftPad(toString(number % 10000), 4, '0')), leftPad(toString(number), 11, '1'),
       number % 2 = 0, number % 100 + {{longer:UInt8}},
       arrayStringConcat(arrayMap(each -> hex(sipHash128(number, each)), range({{letters:UInt32}}))),
       {{sign:Int8}}, now64(3)
FROM numbers({{calls:UInt64}}) WHERE number % {{every:UInt64}} = 0
"""
CORRECTED, TAKEN_BACK = 100, 1000
"""Of every so many calls one is longer after all, and of every so many one never was."""


async def fill(backend: Backend, customer: str, calls: int, letters: int = 0) -> None:
    """Each call has 32 times as many letters of `extra`, which no compression makes few."""
    of_all = {"customer": customer, "calls": calls, "letters": letters}
    async with backend.session() as session:
        for every, sign, longer in ((1, 1, 0), (CORRECTED, -1, 0), (CORRECTED, 1, 1), (TAKEN_BACK, -1, 1)):
            await session.command(Statement(_CALLS, {**of_all, "every": every, "sign": sign, "longer": longer}))


def left(calls: int) -> int:
    """How many there are after all."""
    return calls - -(-calls // TAKEN_BACK)

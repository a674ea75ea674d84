"""Generated calls, made inside the engine: a year of a carrier's traffic, the same at every size.

Every figure of a call is drawn from hashes of its number, so a store of a size is the same wherever it is made.  Few
customers, prefixes, destinations and codes have most of the calls.
"""

from calendar import monthrange
from dataclasses import dataclass
from datetime import UTC, datetime

from gqlreports.tables import cdr

YEAR = 2025
CUSTOMERS = 2_000
CODES = 20_000
"""NPA-NXXs: 200 area codes with 100 exchanges each."""
DESTINATIONS = 5_000
PREFIXES = 300
LARGE, MIDDLING, SMALL = "1001", "1006", "3000"
"""About a third of all calls, 1 %, and 1 in 12,000."""

_BRANCHES = 1.26
_NAMES = ", ".join(column.name for column in cdr.columns if column.server_default is None)
_CODE = "((201 + {0} % 200 * 4) * 1000 + 202 + intDiv({0}, 200) * 8)"
# The customer that a place among the shares is, how many tech prefixes and CLIs it has, and the one of a place.
_CLIS = "multiIf(customer = 0, 20000, customer < 20, 2000, 50)"
_OWN = "(customer * 7 + {0} * 13)"


@dataclass(frozen=True)
class Month:
    """A month of the year, and the numbers of its calls in a store of `size` CDRs."""

    number: int
    first_call: int
    calls: int

    @property
    def partition(self) -> int:
        return YEAR * 100 + self.number

    @property
    def parameters(self) -> dict[str, object]:
        start = datetime(YEAR, self.number, 1, tzinfo=UTC)
        days = monthrange(YEAR, self.number)[1]
        return {"start": int(start.timestamp()), "days": days, "first": self.first_call, "calls": self.calls}


def months(size: int) -> list[Month]:
    """The year of a store of about `size` CDRs: every day has as many calls as any other."""
    calls_a_day = size / _BRANCHES / 365
    found: list[Month] = []
    first = 0
    for number in range(1, 13):
        calls = round(calls_a_day * monthrange(YEAR, number)[1])
        found.append(Month(number, first, calls))
        first += calls
    return found


NUMBERING = f"""
INSERT INTO numbering (prefix, rate_center, state, loaded_at)
SELECT toString({_CODE.format("number")}), concat('CENTER', toString(number % 4000)),
    concat(char(65 + number % 200 % 50 % 26), char(65 + intDiv(number % 200 % 50, 2))), now64(6, 'UTC')
FROM numbers({CODES})
UNION ALL
SELECT concat(toString({_CODE.format("number")}), '7'), concat('POOL', toString(number % 500)), 'PO', now64(6, 'UTC')
FROM numbers({CODES}) WHERE number % 10 = 0
"""

# Half of a customer's CLIs are DIDs of its own.
DIDS = f"""
INSERT INTO did (customer_id, number, valid_from, loaded_at)
WITH number AS customer
SELECT toString(1001 + customer), concat('1', toString({_CODE.format(f"({_OWN.format('place')} % {CODES})")}),
    leftPad(toString(place % 10000), 4, '0')), toDateTime64('2020-01-01 00:00:00', 3, 'UTC'), now64(6, 'UTC')
FROM numbers({CUSTOMERS}) ARRAY JOIN range(toUInt64(intDiv({_CLIS}, 2))) AS place
"""

CALLS = f"""
INSERT INTO cdr ({_NAMES})
WITH
    [404, 480, 486, 487, 503, 603] AS failures,
    ['Not Found', 'Temporarily Unavailable', 'Busy Here', 'Request Terminated', 'Service Unavailable', 'Decline'] AS reasons,
    [0, 1, 2, 5, 6, 7, 8, 8, 9, 9, 9, 10, 10, 10, 11, 11, 12, 13, 13, 14, 14, 14, 15, 15, 15, 16, 16, 17, 18, 19, 20, 21, 22, 23] AS hours,
    ['USD', 'USD', 'EUR', 'GBP', 'CAD'] AS currencies
SELECT
    fromUnixTimestamp64Milli(started, 'UTC'),
    call_id,
    branch,
    concat('sw', toString(1 + call % 4)),
    'out',
    toString(1001 + customer),
    concat(toString(1001 + customer), '-', char(65 + bitShiftRight(call, 8) % 4)),
    tech,
    cli,
    if(call % 50 = 0, '', cli),
    concat(tech, dialed),
    dialed,
    if(american AND bitShiftRight(call, 4) % 6 = 0, concat('1', toString({_CODE.format(f"(bitShiftRight(call, 9) % 97 * 206 % {CODES})")}), '0000'), ''),
    answering,
    toDecimal64(if(answering, seconds, 0), 3),
    toDecimal64(billed, 3),
    toDecimal64(round(billed * rate, 5), 8),
    toString(1 + customer),
    toDecimal64(rate, 8),
    currencies[1 + customer % 5],
    destination,
    concat('Destination ', destination),
    toString(1 + provider),
    concat(toString(1 + provider), '-', toString(attempt % 3)),
    toDecimal64(billed, 3),
    toDecimal64(round(billed * rate * (0.6 + provider % 7 * 0.05), 6), 8),
    if(provider % 4 = 3, 'EUR', 'USD'),
    if(answering OR attempt % 2 = 0, 200 + bitShiftRight(attempt, 7) % 6000, NULL),
    toDecimal64(bitShiftRight(attempt, 13) % 40000 / 1000, 3),
    if(answering, 200, failures[failure]),
    if(answering, 'OK', reasons[failure]),
    if(answering, 'Normal Clearing', reasons[failure]),
    if(answering AND call % 25 = 7, toString(bitShiftRight(attempt, 21) % 10000), ''),
    concat('198.51.100.', toString(1 + call % 254)),
    1,
    fromUnixTimestamp64Milli(intDiv(started, 3600000) * 3600000 + 3600000, 'UTC')
FROM (
    SELECT
        *,
        arrayJoin(range(branches)) AS branch,
        cityHash64(call, branch) AS attempt,
        succeeds AND branch = branches - 1 AS answering,
        if(answering, toUInt32(ceil(seconds / 6) * 6), 0) AS billed,
        toUInt32(floor(40 * pow(attempt % 65536 / 65536, 3))) AS provider,
        1 + bitShiftRight(attempt, 17) % 6 AS failure
    FROM (
        SELECT
            cityHash64(number + {{first:UInt64}}) AS call,
            cityHash64(call, 'more') AS more,
            lower(hex(sipHash128(call))) AS call_id,
            toUInt32(if(call % 3 = 0, 0, 1 + floor({CUSTOMERS - 1} * pow(bitShiftRight(call, 20) % 16777216 / 16777216, 4)))) AS customer,
            multiIf(customer = 0, 40, customer < 20, 12, 3) AS own_prefixes,
            toString(100 + (customer * 17 + toUInt32(floor(own_prefixes * pow(bitShiftRight(more, 3) % 65536 / 65536, 2.5))) * 7) % {PREFIXES}) AS tech,
            more % 10 < 7 AS american,
            toUInt32(floor({CODES} * pow(bitShiftRight(more, 12) % 1048576 / 1048576, 3))) AS code_place,
            toUInt32(floor({DESTINATIONS} * pow(bitShiftRight(more, 12) % 1048576 / 1048576, 4))) AS destination_place,
            {_CODE.format("code_place")} AS code,
            if(american, concat('1', toString(intDiv(code, 1000))), toString(2000 + destination_place * 3 % 7999)) AS destination,
            if(american, concat('1', toString(code), leftPad(toString(bitShiftRight(more, 32) % 10000), 4, '0')),
                concat(destination, toString(1000000 + bitShiftRight(more, 32) % 8999999))) AS dialed,
            toUInt64(floor({_CLIS} * pow(bitShiftRight(call, 40) % 1048576 / 1048576, 2))) AS own,
            concat('1', toString({_CODE.format(f"({_OWN.format('own')} % {CODES})")}), leftPad(toString(own % 10000), 4, '0')) AS cli,
            1000 * ({{start:Int64}} + toInt64(number % {{days:UInt64}}) * 86400 + hours[1 + bitShiftRight(more, 40) % 34] * 3600)
                + toInt64(bitShiftRight(call, 16) % 3600000) AS started,
            bitShiftRight(call, 33) % 100 AS fate,
            fate < 62 AS succeeds,
            multiIf(fate < 50, 1, fate < 58, 2, fate < 62, 3, fate < 88, 1, fate < 96, 2, 3) AS branches,
            if(more % 12 = 0, 0, round(-log(1 - bitShiftRight(more, 44) % 1000000 / 1000000) * 95, 3)) AS seconds,
            (20 + (cityHash64(destination) + customer) % 60) / 600000 AS rate
        FROM numbers({{calls:UInt64}})
    )
)
"""
"""Of one month: its `first` call and how many `calls`, `start` in seconds since 1970, and how many `days` it has."""

"""Generates calls for trying out the API: 90 days of North American traffic with failover, for 20 customers."""

from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime

import orjson

from gqlreports.backends.base import Backend, Statement
from gqlreports.store.dictionaries import reload
from gqlreports.tables import DICTIONARIES, SWITCH_CODECS, cdr

CUSTOMER_NAMES = (
    "Alder Voice",
    "Birch Dialing",
    "Cedar Contact",
    "Dogwood Telecom",
    "Elm Street Calls",
    "Fir & Sons",
    "Ginkgo Carrier",
    "Hazel Hosting",
    "Ivy League Lines",
    "Juniper Retail",
    "Katsura Cloud",
    "Larch Logistics",
    "Maple Media",
    "Nutmeg Notify",
    "Oak Outreach",
    "Pine Support",
    "Quince Trading",
    "Rowan Wholesale",
    "Spruce Survey",
    "Tamarack Trunks",
)
CURRENCIES = ("USD", "USD", "USD", "EUR", "GBP")

# State, a big city in it, and the area codes that serve the city.
_CITIES = (
    ("NY", "NEW YORK", (212, 332, 646, 718, 917)),
    ("CA", "LOS ANGELES", (213, 310, 323, 424)),
    ("IL", "CHICAGO", (312, 773, 872)),
    ("TX", "HOUSTON", (281, 346, 713, 832)),
    ("AZ", "PHOENIX", (480, 602, 623)),
    ("PA", "PHILA", (215, 267, 445)),
    ("TX", "DALLAS", (214, 469, 972)),
    ("FL", "MIAMI", (305, 786)),
    ("GA", "ATLANTA", (404, 470, 678)),
    ("MA", "BOSTON", (617, 857)),
    ("WA", "SEATTLE", (206,)),
    ("CO", "DENVER", (303, 720)),
    ("NV", "LAS VEGAS", (702, 725)),
    ("MI", "DETROIT", (313,)),
    ("MN", "MINNEAPOLIS", (612,)),
    ("OR", "PORTLAND", (503, 971)),
)
_EXCHANGES = tuple(range(220, 980, 20))
_DIDS_EACH = 30
_DAYS = 90
_STEP_DAYS = 5
_CALLS_A_DAY = 10_000


class DemoCalls:
    """Fills a store without CDRs, in `steps` steps of a few days each, with about 1.35 million CDRs in total."""

    steps = _DAYS // _STEP_DAYS

    def __init__(self, backend: Backend) -> None:
        self._backend = backend

    async def empty(self) -> bool:
        """Whether the store has no CDRs."""
        fetched = await self._backend.fetch_json(Statement("SELECT count() AS rows FROM cdr"))
        return bool(orjson.loads(fetched.json)[0]["rows"] == 0)

    async def foreign(self) -> bool:
        """Whether the store has CDRs that are none of these."""
        other = "SELECT 1 AS one FROM cdr WHERE NOT match(callid, '^[0-9a-f]{1,16}@sw[0-2]$') LIMIT 1"
        return (await self._backend.fetch_json(Statement(other))).rows > 0

    async def fill(self) -> AsyncIterator[None]:
        """Generate the data, and yield after each step."""
        async with self._backend.session() as session:
            for table, rows in (("numbering", _numbering()), ("did", _dids())):
                await session.insert(table, None, b"\n".join(map(orjson.dumps, rows)), "JSONEachRow")
            await reload(session, DICTIONARIES)
            now = int(datetime.now(UTC).timestamp())
            for step in range(self.steps):
                parameters = {"now": now, "first_day": step * _STEP_DAYS, "calls": _CALLS_A_DAY * _STEP_DAYS}
                await session.command(Statement(_CALLS, parameters))
                if step + 1 == self.steps:
                    await session.command(Statement(_RECORD))
                yield


def _numbering() -> Iterator[dict[str, str]]:
    for state, city, areas in _CITIES:
        for area in areas:
            for place, exchange in enumerate(_EXCHANGES):
                rate_center = f"{city} {place % 7 or ''}".strip().replace(" ", "")[:10]
                yield _numbering_row(f"{area}{exchange}", rate_center, state)
                if place % 5 == 0:
                    yield _numbering_row(f"{area}{exchange}7", f"{city[:6].strip()}POOL", state)


def _numbering_row(prefix: str, rate_center: str, state: str) -> dict[str, str]:
    loaded_at = datetime.now(UTC).isoformat()
    return {"prefix": prefix, "rate_center": rate_center, "state": state, "loaded_at": loaded_at}


def _dids() -> Iterator[dict[str, str]]:
    for customer in range(len(CUSTOMER_NAMES)):
        for place in range(_DIDS_EACH):
            yield {
                "customer_id": str(1001 + customer),
                "number": f"1{_codes()[(customer * 31 + place * 7) % len(_codes())]}{1000 + place}",
                "valid_from": "2020-01-01T00:00:00Z",
                "loaded_at": datetime.now(UTC).isoformat(),
            }


def _codes() -> list[str]:
    return [f"{area}{exchange}" for _, _, areas in _CITIES for area in areas for exchange in _EXCHANGES]


def _array(values: list[str]) -> str:
    return "[" + ", ".join(f"'{value}'" for value in values) + "]"


# What a complete load records.
_RECORD = """
INSERT INTO cdr_load (finished_at, last_dt, added) SELECT now64(3, 'UTC'), max(dt), count() FROM cdr
"""
_NAMES = ", ".join(
    column.name for column in cdr.columns if column.server_default is None and column.name not in SWITCH_CODECS
)

# Each value of a call is derived from a hash of the call's number.  Hours of the working day are the most frequent.  A
# few customers and a few codes get most of the calls.
_CALLS = f"""
INSERT INTO cdr ({_NAMES})
WITH
    {_array(_codes())} AS codes,
    {_array(list(CURRENCIES))} AS currencies,
    ['', '', '101', '369', '777', '0044', '9011'] AS tech_prefixes,
    [404, 480, 486, 487, 503] AS failures,
    ['Not Found', 'Temporarily Unavailable', 'Busy Here', 'Request Terminated', 'Service Unavailable'] AS reasons,
    [0, 1, 2, 5, 6, 7, 8, 8, 9, 9, 9, 10, 10, 10, 11, 11, 12, 13, 13, 14, 14, 14, 15, 15, 15, 16, 16, 17, 18, 19, 20, 21, 22, 23] AS hours,
    ['44', '52', '60', '61', '91'] AS abroad
SELECT
    fromUnixTimestamp64Milli(toInt64(started), 'UTC') AS dt,
    concat(lower(hex(id)), '@', switch_name) AS callid,
    branch AS branch_idx,
    switch_name AS switch,
    'out' AS direction,
    toString(1001 + customer) AS customer_id,
    concat(toString(1001 + customer), if(id % 5 = 0, '-B', '-A')) AS account,
    tech AS tech_prefix,
    cli AS source_cli,
    cli AS dest_cli,
    concat(tech, dialed) AS source_dest_number,
    dialed AS dest_number,
    if(NOT foreign AND id % 6 = 0, concat('1', codes[1 + id % 97 * 7], '0000'), '') AS lrn,
    answering AS answered,
    toDecimal64(if(answering, seconds, 0), 3) AS duration,
    toDecimal64(billed, 3) AS customer_duration,
    toDecimal64(round(billed * rate, 5), 8) AS customer_charge,
    toString(1 + customer) AS customer_card_id,
    toDecimal64(rate, 8) AS customer_card_rate,
    currencies[1 + customer % length(currencies)] AS customer_card_currency,
    if(foreign, country, '1') AS customer_card_dest_code,
    if(foreign, 'International', 'USA') AS customer_card_dest_name,
    toString(1 + provider) AS provider_id,
    concat(toString(1 + provider), toString(id % 3)) AS provider_card_id,
    toDecimal64(billed, 3) AS provider_duration,
    toDecimal64(round(billed * rate * (0.6 + provider * 0.05), 6), 8) AS provider_charge,
    if(provider = 3, 'EUR', 'USD') AS provider_card_currency,
    if(answering OR id % 2 = 0, 200 + cityHash64(id, branch, 'pdd') % 6000, NULL) AS pdd_out,
    toDecimal64(cityHash64(id, branch, 'ring') % 40, 3) AS ring_duration,
    if(answering, 200, failures[failure]) AS sip_code,
    if(answering, 'OK', reasons[failure]) AS sip_reason,
    if(answering, 'Normal Clearing', reasons[failure]) AS release_reason,
    if(answering AND id % 7 = 0, ['1', '2#', '1234', '9*0'][1 + id % 4], '') AS dtmf,
    concat('198.51.100.', toString(1 + cityHash64(id, branch) % 254)) AS source_ip,
    1 AS sign,
    now64(3, 'UTC') AS loaded_at
FROM (
    SELECT
        *,
        arrayJoin(range(branches)) AS branch,
        succeeds AND branch = branches - 1 AS answering,
        if(answering, intDiv(toUInt32(seconds), 6) * 6, 0) AS billed,
        cityHash64(id, branch, 'provider') % 6 AS provider,
        1 + cityHash64(id, branch, 'failure') % 5 AS failure
    FROM (
        SELECT
            number + {{first_day:UInt64}} * {_CALLS_A_DAY} AS place,
            cityHash64(place, 'call') AS id,
            cityHash64(place, 'customer') % 1000000 / 1000000 AS customer_share,
            toUInt32(floor({len(CUSTOMER_NAMES)} * pow(customer_share, 2.4))) AS customer,
            concat('sw', toString(id % 3)) AS switch_name,
            tech_prefixes[1 + (cityHash64(place, 'tech') + customer) % length(tech_prefixes)] AS tech,
            cityHash64(place, 'foreign') % 12 = 0 AS foreign,
            abroad[1 + cityHash64(place, 'country') % length(abroad)] AS country,
            pow(cityHash64(place, 'code') % 1000000 / 1000000, 2) AS code_share,
            concat('1', codes[1 + toUInt32(floor(length(codes) * code_share))], leftPad(toString(id % 10000), 4, '0')) AS home,
            if(foreign, concat(country, toString(10000000 + id % 89999999)), home) AS dialed,
            concat('1', codes[1 + (customer * 31 + id % {_DIDS_EACH} * 7) % length(codes)], toString(1000 + id % {_DIDS_EACH})) AS own,
            multiIf(id % 10 < 7, own, id % 10 = 9, '', concat('+1', codes[1 + id % 61 * 9], leftPad(toString(id % 997), 4, '5'))) AS cli,
            ({{now:Int64}} - 86400 * toInt64({{first_day:UInt64}} + number % {_STEP_DAYS})) AS day_end,
            intDiv(day_end, 86400) * 86400 + hours[1 + cityHash64(place, 'hour') % length(hours)] * 3600 AS hour,
            least(hour * 1000 + cityHash64(place, 'ms') % 3600000, {{now:Int64}} * 1000 - id % 3600000) AS started,
            cityHash64(place, 'fate') % 100 AS fate,
            fate < 62 AS succeeds,
            multiIf(fate < 45, 1, fate < 55, 2, fate < 60, 3, fate < 62, 4, fate < 88, 1, fate < 94, 2, 4) AS branches,
            if(id % 12 = 0, 0, round(-log(1 - cityHash64(place, 'duration') % 1000000 / 1000000) * 95, 3)) AS seconds,
            (20 + cityHash64(tech, customer) % 60) / 600000 AS rate
        FROM numbers({{calls:UInt64}})
    )
)
"""

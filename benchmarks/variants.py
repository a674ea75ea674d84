"""What is varied of the table of calls, one thing at a time."""

from dataclasses import dataclass

ORDER = "customer_id, dt, switch, callid, branch_idx"
MONTH = "toYYYYMM(dt)"


@dataclass(frozen=True)
class Variant:
    """A table like `cdr` that differs in one thing."""

    name: str
    order: str = ORDER
    partition: str = MONTH
    columns: tuple[str, ...] = ()
    """What is done to its columns before it is filled, as parts of an ALTER TABLE."""
    settings: str = "default_compression_codec = 'LZ4'"


def _modified(codec: str, *columns: str) -> tuple[str, ...]:
    return tuple(f"MODIFY COLUMN {column} CODEC({codec})" for column in columns)


def _typed(kind: str, *columns: str) -> tuple[str, ...]:
    return tuple(f"MODIFY COLUMN {column} {kind}" for column in columns)


ORDERS = [
    Variant("`customer_id, dt, switch, callid, branch_idx`, chosen"),
    Variant("`customer_id, dt`", order="customer_id, dt"),
    Variant("`customer_id, tech_prefix, dt`", order="customer_id, tech_prefix, dt"),
    Variant(
        "`customer_id, toStartOfHour(dt), tech_prefix, dt`", order="customer_id, toStartOfHour(dt), tech_prefix, dt"
    ),
    Variant("`dt, customer_id`", order="dt, customer_id"),
    Variant("`toDate(dt), customer_id, dt`", order="toDate(dt), customer_id, dt"),
]
PARTITIONS = [
    Variant("month, chosen"),
    Variant("week", partition="toMonday(dt)"),
    Variant("day", partition="toDate(dt)"),
    Variant("none", partition="tuple()"),
]
_NUMBERS = ("source_cli", "dest_cli", "source_dest_number", "dest_number", "lrn")
_LABELS = ("direction", "account", "tech_prefix", "customer_card_id", "customer_card_dest_code",
           "customer_card_dest_name", "provider_id", "provider_card_id", "sip_reason", "release_reason")  # fmt: skip
_MONEY = ("customer_charge", "customer_card_rate", "provider_charge")
_DURATIONS = ("duration", "customer_duration", "provider_duration", "ring_duration")
TYPES = [
    Variant("as they are, chosen"),
    Variant("numbers `LowCardinality(String)`", columns=_typed("LowCardinality(String)", *_NUMBERS)),
    Variant("labels `String`", columns=_typed("String", *_LABELS)),
    Variant("money `Float64`", columns=_typed("Float64", *_MONEY)),
    Variant("seconds `Float64`", columns=_typed("Float64", *_DURATIONS)),
    Variant("money `Decimal(38, 8)`", columns=_typed("Decimal(38, 8)", *_MONEY)),
]
# On a server parts have LZ4; chDB takes ZSTD(3) for large ones where nothing is said.
_LZ4 = "default_compression_codec = 'LZ4'"
_TEXTS = ("callid", "source_ip", *_NUMBERS)
_TIMES = (*_modified("T64, ZSTD(1)", "dt"), *_modified("Delta, ZSTD(1)", "loaded_at"))
_NARROW = _modified("T64, LZ4", "ring_duration", "duration", "customer_card_rate", "sip_code")
CODECS = [
    Variant("LZ4, as a server has it", settings=_LZ4),
    Variant("`callid` ZSTD(1)", columns=_modified("ZSTD(1)", "callid"), settings=_LZ4),
    Variant("texts ZSTD(1)", columns=_modified("ZSTD(1)", *_TEXTS), settings=_LZ4),
    Variant("texts ZSTD(1), times T64 or Delta", columns=(*_modified("ZSTD(1)", *_TEXTS), *_TIMES), settings=_LZ4),
    Variant(
        "the same, and T64 for narrow numbers, chosen",
        columns=(*_modified("ZSTD(1)", *_TEXTS), *_TIMES, *_NARROW),
        settings=_LZ4,
    ),
    Variant(
        "the same, and ZSTD(1) for all others",
        columns=(*_modified("ZSTD(1)", *_TEXTS), *_TIMES, *_NARROW),
        settings="default_compression_codec = 'ZSTD(1)'",
    ),
    Variant("ZSTD(1)", settings="default_compression_codec = 'ZSTD(1)'"),
    Variant("ZSTD(3), as chDB has it for large parts", settings="default_compression_codec = 'ZSTD(3)'"),
]
_NUMERIC = ["LZ4", "ZSTD(1)", "T64, LZ4", "T64, ZSTD(1)", "Delta, ZSTD(1)"]
COLUMNS = {
    "dt": [
        "LZ4",
        "ZSTD(1)",
        "Delta, LZ4",
        "Delta, ZSTD(1)",
        "DoubleDelta, LZ4",
        "DoubleDelta, ZSTD(1)",
        "T64, ZSTD(1)",
    ],
    "loaded_at": ["LZ4", "ZSTD(1)", "Delta, ZSTD(1)", "DoubleDelta, ZSTD(1)"],
    "callid": ["LZ4", "LZ4HC(9)", "ZSTD(1)", "ZSTD(3)"],
    "dest_number": ["LZ4", "ZSTD(1)", "ZSTD(3)"],
    "source_dest_number": ["LZ4", "ZSTD(1)"],
    "dest_cli": ["LZ4", "ZSTD(1)"],
    "source_cli": ["LZ4", "ZSTD(1)"],
    "source_ip": ["LZ4", "ZSTD(1)"],
    "dest_nanp": _NUMERIC,
    "cli_nanp": _NUMERIC,
    "duration": [*_NUMERIC[:4], "Delta, ZSTD(1)"],
    "customer_duration": _NUMERIC[:4],
    "customer_charge": _NUMERIC[:4],
    "provider_charge": _NUMERIC[:4],
    "customer_card_rate": _NUMERIC[:4],
    "ring_duration": _NUMERIC[:4],
    "pdd_out": ["LZ4", "ZSTD(1)"],
    "sip_code": _NUMERIC[:4],
    "tech_prefix": ["LZ4", "ZSTD(1)"],
    "customer_card_dest_code": ["LZ4", "ZSTD(1)"],
    "provider_card_id": ["LZ4", "ZSTD(1)"],
}

_RANGE = (
    "customer_id = {customer:String} AND dt >= fromUnixTimestamp64Milli({from:Int64}, 'UTC') "
    "AND dt < fromUnixTimestamp64Milli({to:Int64}, 'UTC') AND dest_nanp > 0"
)
_OUTER = "toString(intDiv(block, 10)) AS prefix, rc, sum(calls) AS calls, sum(charge) AS charge"
_SUMS = "sumIf(sign, branch_idx = 0) AS calls, sum(customer_charge * sign) AS charge"
LOOKUPS = {
    "`dictGet` for each CDR, chosen": (
        "SELECT toString(intDiv(dest_nanp, 10000)) AS prefix, "
        f"dictGet('rate_center', 'rate_center', intDiv(dest_nanp, 1000)) AS rc, {_SUMS} "
        f"FROM source WHERE {_RANGE} GROUP BY prefix, rc ORDER BY prefix, rc"
    ),
    "grouped by thousands-block, then `dictGet`": (
        f"SELECT {_OUTER} FROM (SELECT block, "
        f"dictGet('rate_center', 'rate_center', block) AS rc, calls, charge "
        f"FROM (SELECT intDiv(dest_nanp, 1000) AS block, {_SUMS} FROM source WHERE {_RANGE} GROUP BY block)) "
        "GROUP BY prefix, rc ORDER BY prefix, rc"
    ),
    "stored with the CDR, `LowCardinality(String)`": (
        f"SELECT toString(intDiv(dest_nanp, 10000)) AS prefix, toString(stored_rc) AS rc, {_SUMS} "
        f"FROM source WHERE {_RANGE} GROUP BY prefix, rc ORDER BY prefix, rc"
    ),
    "JOIN of each CDR with the numbering table": (
        "SELECT toString(intDiv(dest_nanp, 10000)) AS prefix, if(blocks.prefix != '', blocks.rate_center, "
        f"codes.rate_center) AS rc, {_SUMS} FROM source "
        "LEFT JOIN (SELECT * FROM numbering FINAL WHERE length(prefix) = 7) AS blocks "
        "ON blocks.prefix = toString(intDiv(dest_nanp, 1000)) "
        "LEFT JOIN (SELECT * FROM numbering FINAL WHERE length(prefix) = 6) AS codes "
        f"ON codes.prefix = toString(intDiv(dest_nanp, 10000)) WHERE {_RANGE} GROUP BY prefix, rc ORDER BY prefix, rc"
    ),
}

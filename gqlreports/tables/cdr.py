"""Call detail records: one row per route attempt, kept as a ledger.

Rows are only ever added.  `sign` is +1 for a CDR and -1 where a correction takes an earlier row back, so every
figure over CDRs is a sum of something times `sign`.  The last three columns hold the 10 digits of a number of the
North American Numbering Plan (NPA-NXX-XXXX), or 0 for any other number.  In a cluster the calls of each customer are
spread over all shards, and the branches of a call are on one.
"""

from clickhouse_connect.cc_sqlalchemy.datatypes.sqltypes import (
    Bool,
    DateTime64,
    Decimal,
    Int8,
    LowCardinality,
    Nullable,
    String,
    UInt8,
    UInt16,
    UInt32,
    UInt64,
)
from clickhouse_connect.cc_sqlalchemy.ddl.tableengine import MergeTree
from sqlalchemy import Column, Table, text

from gqlreports.tables.metadata import metadata

Seconds = Decimal(18, 3)
Money = Decimal(18, 8)
Label = LowCardinality(String)

NANP = r"^(?:\\+?1)?([2-9][0-9]{2}[2-9][0-9]{6})$"
"""RE2, escaped for a SQL literal: +1 or 1 and 10 digits, or 10 digits; NPA and NXX begin with 2 to 9."""


def _nanp(number: str) -> str:
    return f"toUInt64OrZero(extract({number}, '{NANP}'))"


# Ten digits without a country code may also be a foreign number: 60 and 8 digits is Malaysia.
_FOREIGN = "length(dest_number) = 10 AND customer_card_dest_code != '' AND NOT startsWith(customer_card_dest_code, '1')"

cdr = Table(
    "cdr",
    metadata,
    Column("dt", DateTime64(3, "UTC")),
    Column("callid", String),
    Column("branch_idx", UInt8),
    Column("switch", Label),
    Column("direction", Label),
    Column("customer_id", Label),
    Column("account", Label),
    Column("tech_prefix", Label),
    Column("source_cli", String),
    Column("dest_cli", String),
    Column("source_dest_number", String),
    Column("dest_number", String),
    Column("lrn", String),
    Column("answered", Bool),
    Column("duration", Seconds),
    Column("customer_duration", Seconds),
    Column("customer_charge", Money),
    Column("customer_card_id", Label),
    Column("customer_card_rate", Money),
    Column("customer_card_currency", Label),
    Column("customer_card_dest_code", Label),
    Column("customer_card_dest_name", Label),
    Column("provider_id", Label),
    Column("provider_card_id", Label),
    Column("provider_duration", Seconds),
    Column("provider_charge", Money),
    Column("provider_card_currency", Label),
    Column("pdd_out", Nullable(UInt32)),
    Column("ring_duration", Seconds),
    Column("sip_code", UInt16),
    Column("sip_reason", Label),
    Column("release_reason", Label),
    Column("dtmf", String),
    Column("source_ip", String),
    Column("sign", Int8),
    Column("loaded_at", DateTime64(3, "UTC")),
    Column("dest_nanp", UInt64, server_default=text(f"if({_FOREIGN}, 0, {_nanp('dest_number')})")),
    Column("lrn_nanp", UInt64, server_default=text(_nanp("lrn"))),
    Column("cli_nanp", UInt64, server_default=text(_nanp("dest_cli"))),
    MergeTree(partition_by="toYYYYMM(dt)", order_by=("customer_id", "dt", "switch", "callid", "branch_idx")),
    info={"sharded_by": "cityHash64(switch, callid)"},
)

"""The tables of the CDR store in SQLAlchemy, and the facts that reports read from them."""

import difflib
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from clickhouse_connect.cc_sqlalchemy.datatypes.sqltypes import (
    Bool,
    DateTime64,
    Decimal,
    Int8,
    LowCardinality,
    Nullable,
    String,
    UInt16,
    UInt32,
    UInt64,
)
from clickhouse_connect.cc_sqlalchemy.ddl.tableengine import MergeTree, ReplacingMergeTree
from sqlalchemy import Column, ColumnClause, MetaData, Table, text
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.base import ReadOnlyColumnCollection
from sqlalchemy.types import NULLTYPE

from gqlreports.errors import PluginError

metadata = MetaData()
"""The registry of all tables of the store."""


class MissingColumn(ColumnClause[Any]):
    """A column that its table does not have.  What holds it raises PluginError when it is compiled."""

    inherit_cache = True

    def __init__(self, name: str, complaint: str) -> None:
        super().__init__(name, NULLTYPE)
        self.complaint = complaint


@compiles(MissingColumn)
def _complain(element: MissingColumn, compiler: object, **options: object) -> str:
    raise PluginError(element.complaint)


class StoreColumns(ReadOnlyColumnCollection[str, Column[Any]]):
    """The columns of a table that plugins name."""

    __slots__ = ("table",)

    def __init__(self, table: "StoreTable") -> None:
        super().__init__(table._columns)
        object.__setattr__(self, "table", table.name)

    def __getattr__(self, name: str) -> Column[Any]:
        if name.startswith("_") or name in self:
            return super().__getattr__(name)
        # An AttributeError would end the import of the plugin's module, and with it all other reports of the module.
        caller = sys._getframe(1)
        place = f"{Path(caller.f_code.co_filename).name}, line {caller.f_lineno}"
        complaint = f"there is no column {name} of {self.table} ({place}){meant(name, self.keys())}"
        return cast("Column[Any]", MissingColumn(name, complaint))


class StoreTable(Table):
    """A table that plugins name.  A misspelt column of it is found when the one report that reads it is checked."""

    @property
    def c(self) -> StoreColumns:
        return StoreColumns(self)


def meant(name: str, names: Iterable[str]) -> str:
    """The name that was probably meant, as the end of a sentence; empty if none is near."""
    near = difflib.get_close_matches(name, names, 1)
    return f"; is {near[0]} meant?" if near else ""


REPORTS_READ = "reports_read"
"""The key in a table's `info` that allows the statements of reports to name the table."""
OWNER = "customer_id"
"""The column that says whose a row is; the store separates customers by it in every table that has it."""


@dataclass(frozen=True, eq=False)
class Fact:
    """A table in which each row records an event of one customer (`owner`) at one `time`.

    The table is a ledger: `sign` is +1 for a new row and -1 for a correction that takes an earlier row back.  So every
    figure is a sum of something times `sign`.  The `key` identifies an event; its corrections have the same key.
    `loaded_at` is when a row was loaded.  The `dimensions` are the columns that callers may see.  From some callers the
    last characters of `numbers` are hidden, and so are the digits of `notes`, which are texts that may hold numbers.
    """

    table: Table
    time: Column[Any]
    owner: Column[Any]
    key: tuple[Column[Any], ...]
    sign: Column[Any]
    loaded_at: Column[Any]
    dimensions: tuple[Column[Any], ...]
    numbers: tuple[Column[Any], ...] = ()
    notes: tuple[Column[Any], ...] = ()

    def __post_init__(self) -> None:
        if self.owner.name != OWNER or not self.table.info.get(REPORTS_READ):
            raise TypeError(f"the table of a fact needs the column {OWNER}, and {REPORTS_READ} in its info")

    @property
    def name(self) -> str:
        return self.table.name


def tables_for_reports() -> set[str]:
    """The names of the stored tables that the statement of a report may name."""
    return {table.name for table in metadata.tables.values() if table.info.get(REPORTS_READ)}


def tables_of_customers() -> set[str]:
    """The names of the stored tables in which each row belongs to one customer."""
    return {table.name for table in metadata.tables.values() if OWNER in table.c}


Seconds = Decimal(18, 3)
Money = Decimal(18, 8)
Quality = Decimal(18, 3)
Label = LowCardinality(String)

NANP = r"^(?:\\+?1)?([2-9][0-9]{2}[2-9][0-9]{6})(?:~[0-9]+)?$"
"""RE2, escaped for a SQL literal: +1 or 1 and 10 digits, or 10 digits; NPA and NXX begin with 2 to 9.

A number that was erased has a ~ and digits behind it, and counts where it did.
"""


def _nanp(number: str) -> str:
    return f"toUInt64OrZero(extract({number}, '{NANP}'))"


ABROAD = "customer_card_dest_code != '' AND NOT startsWith(customer_card_dest_code, '1')"
"""The condition that the customer's rate card has the call as one to a country outside the North American plan."""
# Ten digits without a country code may also be a foreign number: 60 and 8 digits are a number in Malaysia.
_FOREIGN = f"length(dest_number) = 10 AND {ABROAD}"

cdr = StoreTable(
    "cdr",
    metadata,
    Column("dt", DateTime64(3, "UTC"), doc="Start of the call."),
    Column("callid", String, doc="Call id on the switch; with switch and branch the key of a CDR."),
    Column("branch_idx", UInt16, doc="Which route attempt of the call it is; 0 is the first."),
    Column("switch", Label, doc="Switch that handled the call."),
    Column("direction", Label, doc="Direction of the call, as the switch tells it."),
    Column("customer_id", Label, doc="Customer whose call it is."),
    Column("account", Label, doc="Account of the customer."),
    Column("tech_prefix", Label, doc="Digits that selected the route."),
    Column("source_cli", String, doc="Number of the caller, as it arrived."),
    Column("dest_cli", String, doc="Number of the caller, as presented to the called party; empty where withheld."),
    Column("source_dest_number", String, doc="Number dialed, as it arrived."),
    Column("dest_number", String, doc="Number dialed, as routed."),
    Column("lrn", String, doc="Routing number of a ported number; empty where there is none."),
    Column("answered", Bool, doc="Whether the call was answered on this route."),
    Column("duration", Seconds, doc="Conversation time in seconds."),
    Column("customer_duration", Seconds, doc="Seconds charged to the customer."),
    Column("customer_charge", Money, doc="What the customer was charged."),
    Column("customer_card_id", Label, doc="Rate card of the customer."),
    Column("customer_card_rate", Money, doc="Rate charged to the customer."),
    Column("customer_card_currency", Label, doc="Currency of the customer's charge, ISO 4217."),
    Column("customer_card_dest_code", Label, doc="Code of the destination on the customer's rate card."),
    Column("customer_card_dest_name", Label, doc="Name of the destination on the customer's rate card."),
    Column("provider_id", Label, doc="Provider of the route."),
    Column("provider_card_id", Label, doc="Rate card of the provider: the route."),
    Column("provider_duration", Seconds, doc="Seconds charged by the provider."),
    Column("provider_charge", Money, doc="What the provider charged."),
    Column("provider_card_currency", Label, doc="Currency of the provider's charge, ISO 4217."),
    Column("pdd_out", Nullable(UInt32), doc="Post-dial delay in milliseconds; null where there was no ringing."),
    Column("ring_duration", Seconds, doc="Seconds of ringing."),
    Column("sip_code", UInt16, doc="Final SIP status; 0 where unknown."),
    Column("sip_reason", Label, doc="Text of the final SIP status."),
    Column("release_reason", Label, doc="Why the call was released."),
    Column("dtmf", String, doc="Keys pressed during the call."),
    Column("source_ip", String, doc="Address that the call came from."),
    Column("q850_cause", UInt16, doc="Q.850 cause of the release; 0 where unknown."),
    Column("hangup_side", Label, doc="Who ended the call, as the switch tells it."),
    Column("end_time", Nullable(DateTime64(3, "UTC")), doc="End of the call; null where unknown."),
    Column("codec", Label, doc="Codec of the audio."),
    Column("mos", Nullable(Quality), doc="Mean opinion score of the audio, 1 to 5; null where unknown."),
    Column("packet_loss", Nullable(Quality), doc="Lost packets in percent; null where unknown."),
    Column("jitter", Nullable(Quality), doc="Jitter in milliseconds; null where unknown."),
    Column("caller_name", String, doc="Name of the caller."),
    Column("linked_callid", String, doc="Call id of the call that this one belongs to."),
    Column("extra", String, doc="What else the switch told, as a JSON object of texts; empty where there is nothing."),
    Column("sign", Int8),
    Column("loaded_at", DateTime64(3, "UTC")),
    Column("load_id", UInt64),
    Column("dest_nanp", UInt64, server_default=text(f"if({_FOREIGN}, 0, {_nanp('dest_number')})")),
    Column("lrn_nanp", UInt64, server_default=text(_nanp("lrn"))),
    Column("cli_nanp", UInt64, server_default=text(_nanp("dest_cli"))),
    MergeTree(partition_by="toYYYYMM(dt)", order_by=("customer_id", "dt", "switch", "callid", "branch_idx")),
    info={"sharded_by": "cityHash64(switch, callid)", REPORTS_READ: True},
)
"""Call detail records: one row for each route attempt, kept as a ledger.

Rows are only ever added.  `sign` is +1 for a CDR and -1 for a correction that takes an earlier row back, so every
figure over CDRs is a sum of something times `sign`.  The last three columns hold the 10 digits of a number of the North
American Numbering Plan (NPA-NXX-XXXX), or 0 for any other number.  In a cluster the calls of each customer are spread
over all shards, but all branches of a call are on the same shard.
"""

LEDGER = ("sign", "loaded_at", "load_id")
"""The columns of a fact's table that tell of a row, and nothing of the event."""
NANP_COLUMNS = ("dest_nanp", "lrn_nanp", "cli_nanp")
"""The columns of `cdr` with the 10 digits of numbers of the North American Numbering Plan."""
_HIDDEN = {*LEDGER, *NANP_COLUMNS}
_NUMBERS = ("source_cli", "dest_cli", "source_dest_number", "dest_number", "lrn", "dtmf", *NANP_COLUMNS)
CALLS = Fact(
    cdr,
    time=cdr.c.dt,
    owner=cdr.c.customer_id,
    key=(cdr.c.switch, cdr.c.callid, cdr.c.branch_idx),
    sign=cdr.c.sign,
    loaded_at=cdr.c.loaded_at,
    dimensions=tuple(column for column in cdr.columns if column.name not in _HIDDEN),
    numbers=tuple(cdr.c[name] for name in _NUMBERS),
    notes=(cdr.c.caller_name, cdr.c.extra),
)
"""The calls: the fact that reports read by default."""

_TEXTS = ("callid", "source_cli", "dest_cli", "source_dest_number", "dest_number", "lrn", "source_ip")
CODECS = {
    **dict.fromkeys(_TEXTS, "ZSTD(1)"),
    "dt": "T64, ZSTD(1)",
    "loaded_at": "Delta, ZSTD(1)",
    **dict.fromkeys(("duration", "ring_duration", "customer_card_rate", "sip_code"), "T64, LZ4"),
}
"""The compression of columns; all others use LZ4.  docs/performance-figures.md has the measurements behind it."""
SWITCH_CODECS = {
    "load_id": "T64, LZ4",
    "q850_cause": "T64, LZ4",
    "hangup_side": "LZ4",
    "end_time": "T64, ZSTD(1)",
    "codec": "LZ4",
    **dict.fromkeys(("mos", "packet_loss", "jitter"), "T64, LZ4"),
    **dict.fromkeys(("caller_name", "linked_callid", "extra"), "ZSTD(1)"),
}
"""The same for the columns of `cdr` that migration 6 added."""


cdr_load = Table(
    "cdr_load",
    metadata,
    Column("finished_at", DateTime64(3, "UTC"), doc="When the load ended."),
    Column("last_dt", DateTime64(3, "UTC"), doc="Start of the latest call of the file."),
    Column("added", UInt64, doc="How many CDRs were new."),
    Column("id", UInt64, doc="The load's id, which its rows have as load_id; 0 before version 0.3."),
    Column("file", String, doc="Name of the file."),
    Column("hash", String, doc="SHA-256 of the file's bytes."),
    Column("user", String, doc="Who loaded it."),
    Column("started_at", DateTime64(3, "UTC"), doc="When the load began."),
    Column("first_dt", DateTime64(3, "UTC"), doc="Start of the earliest call of the file."),
    Column("corrected", UInt64, doc="How many CDRs took the place of an earlier version."),
    Column("there_before", UInt64, doc="How many were stored already."),
    Column("rejected", UInt64, doc="How many rows were rejected."),
    Column("unloaded_at", Nullable(DateTime64(3, "UTC")), doc="When the load was taken back."),
    MergeTree(order_by="finished_at"),
)
"""Finished loads of CDR files; they tell up to which moment the data is complete.

A load that is taken back has a second row, with `unloaded_at`.
"""

LOAD_CODECS = dict.fromkeys(
    ("id", "file", "hash", "user", "started_at", "first_dt", "corrected", "there_before", "rejected", "unloaded_at"),
    "LZ4",
)
"""The compression of the columns of `cdr_load` that migration 6 added."""


cdr_load_customer = Table(
    "cdr_load_customer",
    metadata,
    Column("customer_id", Label, doc="A customer who has calls in the file."),
    Column("last_dt", DateTime64(3, "UTC"), doc="Start of the latest call of the whole file."),
    Column("id", UInt64, doc="The load's id."),
    MergeTree(order_by=("customer_id", "last_dt")),
)
"""The customers of each finished load; they tell up to which moment the data of each customer is complete."""


KNOWN = "if(known_from = 0, loaded_at, known_from)"
"""Since when a row of DIDs or numbering data is known; before version 0.3 only `loaded_at` was stored."""

did = StoreTable(
    "did",
    metadata,
    Column("customer_id", String),
    Column("number", String),
    Column("valid_from", DateTime64(3, "UTC")),
    Column("valid_to", Nullable(DateTime64(3, "UTC"))),
    Column("loaded_at", DateTime64(6, "UTC"), doc="When a file last said so."),
    Column("known_from", DateTime64(6, "UTC"), doc="When a file first said so; 1970 before version 0.3: loaded_at."),
    ReplacingMergeTree(version="loaded_at", order_by=("customer_id", "number", "valid_from", "known_from")),
    info={REPORTS_READ: True},
)
"""The customers' DID numbers, each with the period in which the customer had it.

Of rows with the same customer, number and `valid_from`, the one that was known last counts; the earlier ones stay for
reports as of a moment.
"""


numbering = StoreTable(
    "numbering",
    metadata,
    Column("prefix", String),
    Column("rate_center", String),
    Column("state", LowCardinality(String)),
    Column("loaded_at", DateTime64(6, "UTC"), doc="When a file last said so."),
    Column("valid_from", DateTime64(3, "UTC"), doc="From which calls on it counts; 1970 for all."),
    Column("known_from", DateTime64(6, "UTC"), doc="When a file first said so; 1970 before version 0.3: loaded_at."),
    ReplacingMergeTree(version="loaded_at", order_by=("prefix", "valid_from", "known_from")),
    info={REPORTS_READ: True},
)
"""Numbering data: the rate center of central office codes (6 digits) and of thousands-blocks (7 digits).

A code that is listed but not in service has the rate center `''`.  A row counts until the next `valid_from` of its
prefix.  A row that counts for all calls takes the place of all that was known of its prefix before.
"""


migration = Table(
    "migration",
    metadata,
    Column("number", UInt32),
    Column("name", String),
    Column("cluster", String),
    Column("applied_at", DateTime64(3, "UTC")),
    ReplacingMergeTree(version="applied_at", order_by="number"),
)
"""The migrations that were applied to a store, and the store's cluster (`''` without one).

A migration may be listed twice if two processes applied it at the same time.
"""

NUMBERING_DICTIONARIES = ("rate_center", "rate_center_before", "numbering_history")
DID_DICTIONARIES = ("did_window", "did_history")
DICTIONARIES = (*NUMBERING_DICTIONARIES, *DID_DICTIONARIES)
"""The names of the store's dictionaries.

`rate_center` has what counts now and `rate_center_before` what counted for earlier calls; `did_window` has the periods
of DIDs.  Both histories also have what was known before, for reports as of a moment.
"""

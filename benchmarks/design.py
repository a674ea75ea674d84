"""What the table's design costs and gains: one thing is varied at a time, on two months of generated calls."""

import shutil
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from benchmarks.calls import CALLS, DIDS, LARGE, NUMBERING, SMALL, months
from benchmarks.engine import RAW, WRITING, Engine
from benchmarks.results import Section, Table
from benchmarks.statements import Question, day, plain
from benchmarks.store import empty
from benchmarks.timing import in_turn

_RUNS = 7
ORDER = "customer_id, dt, switch, callid, branch_idx"
MONTH = "toYYYYMM(dt)"

_ASKED: dict[str, Question] = {
    "tech prefixes, large, 30 days": Question("GROUP_BY_TECH_PREFIX", LARGE, day(0), day(30)),
    "tech prefixes, large, 1 day": Question("GROUP_BY_TECH_PREFIX", LARGE, day(10), day(11)),
    "tech prefixes, small, 30 days": Question("GROUP_BY_TECH_PREFIX", SMALL, day(0), day(30)),
    "rate centers, large, 30 days": Question("USA_RATE_CENTER", LARGE, day(0), day(30)),
    "numbers, large, 30 days": Question("PER_NUMBER", LARGE, day(0), day(30)),
}
# What a load does for each chunk of a file: which of its calls are there already?
_KNOWN = """
SELECT count() FROM {table:Identifier} WHERE dt >= toDateTime64('2025-01-10 00:00:00', 3, 'UTC')
AND dt < toDateTime64('2025-01-12 00:00:00', 3, 'UTC') AND (switch, callid, branch_idx) IN (
    SELECT switch, callid, branch_idx FROM source
    WHERE dt >= toDateTime64('2025-01-11 00:00:00', 3, 'UTC') AND dt < toDateTime64('2025-01-11 02:00:00', 3, 'UTC'))
"""


@dataclass(frozen=True)
class Variant:
    """A table like `cdr` that differs in one thing."""

    name: str
    order: str = ORDER
    partition: str = MONTH
    columns: tuple[str, ...] = ()
    """What is done to its columns before it is filled, as parts of an ALTER TABLE."""
    settings: str = "default_compression_codec = 'LZ4'"


class Experiments:
    """Tables beside `source`, which has the calls as the product has them."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._rows = int(engine.rows("SELECT count() FROM source")[0][0])

    def compare(self, title: str, variants: list[Variant], asked: Mapping[str, Question] = _ASKED) -> Table:
        """Bytes a row, rows inserted a second, and the milliseconds of each statement."""
        rates = self._filled(variants)
        sizes = [self._bytes(f"v{place}") for place in range(len(variants))]
        times = {
            name: self._times({f"v{place}": (plain(each.report), each.values) for place in range(len(variants))})
            for name, each in asked.items()
        }
        times["calls of a file there before"] = self._times(
            {f"v{place}": (_KNOWN, {}) for place in range(len(variants))}
        )
        rows = [
            [variant.name, f"{sizes[place]:.1f}", f"{rates[place] / 1000:.0f}"]
            + [f"{each[f'v{place}']:.1f}" for each in times.values()]
            for place, variant in enumerate(variants)
        ]
        for place in range(len(variants)):
            self._engine.run(f"DROP TABLE v{place} SYNC")
        return Table(title, ["", "bytes a CDR", "1,000 CDRs/s inserted", *(f"{name}, ms" for name in times)], rows)

    def codecs(self, title: str, columns: Mapping[str, list[str]]) -> Table:
        """The bytes of a column under each codec, and the milliseconds in which one thread reads it."""
        rows = []
        for column, codecs in columns.items():
            kind = self._engine.rows(f"SELECT type FROM system.columns WHERE table = 'source' AND name = '{column}'")[
                0
            ][0]
            kind = kind.replace("\\'", "'")
            defined = ", ".join(f"c{place} {kind} CODEC({codec})" for place, codec in enumerate(codecs))
            self._engine.run(f"CREATE TABLE alone ({defined}) ENGINE = MergeTree ORDER BY tuple()")
            copies = ", ".join([f"{column} AS c{place}" for place in range(len(codecs))])
            self._engine.run(f"INSERT INTO alone SELECT {copies} FROM source ORDER BY {ORDER}")
            self._engine.run("OPTIMIZE TABLE alone FINAL")
            read = {
                f"c{place}": self._reads(
                    f"SELECT count() FROM alone WHERE NOT ignore(c{place}) SETTINGS max_threads = 1"
                )
                for place in range(len(codecs))
            }
            times = {name: each.p50 for name, each in in_turn(read, _RUNS).items()}
            sizes = dict(
                self._engine.rows(
                    "SELECT column, sum(column_data_compressed_bytes) FROM system.parts_columns "
                    "WHERE table = 'alone' AND active GROUP BY column"
                )
            )
            for place, codec in enumerate(codecs):
                size = int(sizes[f"c{place}"]) / self._rows
                rows.append([f"`{column}`", codec, f"{size:.2f}", f"{times[f'c{place}']:.1f}"])
            self._engine.run("DROP TABLE alone SYNC")
        return Table(title, ["column", "codec", "bytes a CDR", "read, ms"], rows)

    def lookups(self, title: str, ways: Mapping[str, str]) -> Table:
        """The milliseconds of statements over `source`, which must agree."""
        values = _ASKED["rate centers, large, 30 days"].values
        answers = {self._engine.ask(sql, values).bytes() for sql in ways.values()}
        if len(answers) > 1:
            raise SystemExit("The ways to look up rate centers do not agree.")
        times = in_turn({name: self._asks(sql, values) for name, sql in ways.items()}, _RUNS)
        return Table(
            title, ["way", "p50, ms", "p95, ms"], [[n, f"{t.p50:.1f}", f"{t.p95:.1f}"] for n, t in times.items()]
        )

    def _filled(self, variants: list[Variant]) -> list[float]:
        """The rows inserted in a second, the most of three rounds; the tables are `v0` and so on."""
        rates = [0.0 for _ in variants]
        for number in range(3):
            print(f"Filling {', '.join(each.name for each in variants)}: {number + 1} of 3", file=sys.stderr)
            for place, variant in enumerate(variants):
                rates[place] = max(rates[place], self._fill(f"v{place}", variant))
        for place in range(len(variants)):
            self._engine.run(f"OPTIMIZE TABLE v{place} FINAL")
        return rates

    def _fill(self, name: str, variant: Variant) -> float:
        """The rows inserted in a second."""
        self._engine.run(f"DROP TABLE IF EXISTS {name} SYNC")
        self._engine.run(
            f"CREATE TABLE {name} AS source ENGINE = MergeTree ORDER BY ({variant.order}) "
            f"PARTITION BY {variant.partition} SETTINGS {variant.settings}"
        )
        if variant.columns:
            self._engine.run(f"ALTER TABLE {name} {', '.join(variant.columns)}")
        start = time.perf_counter()
        self._engine.run(f"INSERT INTO {name} SELECT * FROM source SETTINGS max_partitions_per_insert_block = 0")
        return self._rows / (time.perf_counter() - start)

    def _bytes(self, name: str) -> float:
        query = f"SELECT sum(data_compressed_bytes) FROM system.parts WHERE table = '{name}' AND active"
        return int(self._engine.rows(query)[0][0]) / self._rows

    def _times(self, asked: Mapping[str, tuple[str, Mapping[str, object]]]) -> dict[str, float]:
        contestants = {name: self._asks(sql, {**values, "table": name}) for name, (sql, values) in asked.items()}
        return {name: times.p50 for name, times in in_turn(contestants, _RUNS).items()}

    def _asks(self, sql: str, values: Mapping[str, object]) -> Callable[[], object]:
        return lambda: self._engine.ask(sql, values).bytes()

    def _reads(self, sql: str) -> Callable[[], object]:
        return lambda: self._engine.run(sql)


def _modified(codec: str, *columns: str) -> tuple[str, ...]:
    return tuple(f"MODIFY COLUMN {column} CODEC({codec})" for column in columns)


def _typed(kind: str, *columns: str) -> tuple[str, ...]:
    return tuple(f"MODIFY COLUMN {column} {kind}" for column in columns)


ORDERS = [
    Variant("`customer_id, dt, switch, callid, branch_idx`"),
    Variant("`customer_id, dt`", order="customer_id, dt"),
    Variant("`customer_id, tech_prefix, dt`", order="customer_id, tech_prefix, dt"),
    Variant(
        "`customer_id, toStartOfHour(dt), tech_prefix, dt`", order="customer_id, toStartOfHour(dt), tech_prefix, dt"
    ),
    Variant("`dt, customer_id`", order="dt, customer_id"),
    Variant("`toDate(dt), customer_id, dt`", order="toDate(dt), customer_id, dt"),
]
PARTITIONS = [
    Variant("month"),
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
    Variant("as it is"),
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
        "the same, and T64 for narrow numbers",
        columns=(*_modified("ZSTD(1)", *_TEXTS), *_TIMES, *_NARROW),
        settings=_LZ4,
    ),
    Variant(
        "the same, ZSTD(1) for all others",
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
    "`dictGet` for each CDR": (
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


def prepared(folder: Path, rows: int) -> Engine:
    """A store with two months of calls in the table `source`."""
    engine = Engine(empty(folder).store, RAW | WRITING | {"max_execution_time": "0"})
    for statement in (NUMBERING, "SYSTEM RELOAD DICTIONARY rate_center", DIDS, "SYSTEM RELOAD DICTIONARY did_window"):
        engine.run(statement)
    for month in months(rows * 365 // 59)[:2]:
        print(f"Generating {month.partition}", file=sys.stderr)
        engine.run(CALLS, month.parameters)
    engine.run("CREATE TABLE source AS cdr")
    for (column,) in engine.rows("SELECT name FROM system.columns WHERE table = 'source' AND default_kind != ''"):
        engine.run(f"ALTER TABLE source MODIFY COLUMN {column} REMOVE DEFAULT")
    engine.run("INSERT INTO source SELECT * FROM cdr")
    engine.run("DROP TABLE cdr SYNC")
    engine.run("OPTIMIZE TABLE source FINAL")
    return engine


def measured(folder: Path, rows: int) -> Section:
    """All experiments, on about `rows` CDRs."""
    engine = prepared(folder, rows)
    experiments = Experiments(engine)
    tables = [
        experiments.codecs("Codecs of single columns", COLUMNS),
        experiments.compare("Codecs of the table", CODECS),
        experiments.compare("Order key", ORDERS),
        experiments.compare("Partitions", PARTITIONS),
        experiments.compare("Types", TYPES),
    ]
    engine.run("ALTER TABLE source ADD COLUMN stored_rc LowCardinality(String)")
    engine.run(
        "ALTER TABLE source UPDATE stored_rc = dictGet('rate_center', 'rate_center', intDiv(dest_nanp, 1000)) "
        "WHERE true SETTINGS mutations_sync = 2"
    )
    tables.append(experiments.lookups("Rate centers", LOOKUPS))
    engine.close()
    shutil.rmtree(folder)
    return Section({"rows": rows}, tables)

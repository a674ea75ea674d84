"""What the table's design costs and gains: one thing is varied at a time, on two months of generated calls."""

import shutil
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from benchmarks.calls import CALLS, DIDS, LARGE, NUMBERING, SMALL, months
from benchmarks.engine import RAW, WRITING, Engine
from benchmarks.results import Section, Table
from benchmarks.statements import Question, day, plain
from benchmarks.store import empty
from benchmarks.timing import in_turn
from benchmarks.variants import CODECS, COLUMNS, LOOKUPS, ORDER, ORDERS, PARTITIONS, TYPES, Variant

_RUNS = 7
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


def prepared(folder: Path, rows: int) -> Engine:
    """A store with two months of calls in the table `source`."""
    engine = Engine(empty(folder).store, RAW | WRITING | {"max_execution_time": "0"})
    for statement in (NUMBERING, "SYSTEM RELOAD DICTIONARY rate_center", DIDS, "SYSTEM RELOAD DICTIONARY did_window"):
        engine.run(statement)
    for month in months(rows * 365 // 59)[:2]:
        print(f"Generating {month.partition}", file=sys.stderr)
        engine.run(CALLS, month.parameters)
    engine.run("CREATE TABLE source AS cdr")
    _make_plain(engine)
    engine.run("INSERT INTO source SELECT * FROM cdr")
    engine.run("DROP TABLE cdr SYNC")
    engine.run("OPTIMIZE TABLE source FINAL")
    return engine


def _make_plain(engine: Engine) -> None:
    """Take off `source` what is decided for `cdr` itself: defaults, codecs and projections."""
    of_source = "FROM system.{} WHERE table = 'source'"
    changes = [f"DROP PROJECTION {name}" for (name,) in engine.rows(f"SELECT name {of_source.format('projections')}")]
    for what, column in (("DEFAULT", "default_kind"), ("CODEC", "compression_codec")):
        found = engine.rows(f"SELECT name {of_source.format('columns')} AND {column} != ''")
        changes += [f"MODIFY COLUMN {name} REMOVE {what}" for (name,) in found]
    for change in changes:
        engine.run(f"ALTER TABLE source {change}")


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

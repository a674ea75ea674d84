"""How fast CDRs load: `load_cdrs`, which checks every row, and a bare INSERT of the same file.

Run it with `python -m benchmarks.loading`.
"""

import argparse
import asyncio
import multiprocessing
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from statistics import median

from clickhouse_connect.cc_sqlalchemy.dialect import ClickHouseDialect

from benchmarks.server import connect
from gqlreports.backends.embedded import EmbeddedBackend
from gqlreports.store.cdr_columns import COLUMNS
from gqlreports.store.definition import definition
from gqlreports.store.load_cdrs import load_cdrs
from gqlreports.tables import cdr

_NAMES = ", ".join(column.name for column in COLUMNS)

# Each value has the name of its column; they come in the order of COLUMNS.
_GENERATED = f"""
INSERT INTO FUNCTION file({{path:String}}, 'CSVWithNames')
WITH
    cityHash64(number) AS hash,
    hash % 100 < 62 AS success,
    if(success, hash % 600000 / 1000, 0) AS seconds,
    ceil(seconds / 6) * 6 AS billed,
    concat('1', toString(200 + hash % 120), toString(200 + intDiv(hash, 120) % 700),
        leftPad(toString(hash % 10000), 4, '0')) AS called,
    concat('1', toString(200 + intDiv(hash, 7) % 120), toString(200 + intDiv(hash, 840) % 700), '5511') AS caller
SELECT {_NAMES} FROM (
    SELECT
        toString(1001 + hash % 20) AS customer_id,
        concat(lower(hex(hash)), '@sw', toString(hash % 3)) AS callid,
        fromUnixTimestamp64Milli(toInt64(1760918400000 + number * 86), 'UTC') AS dt,
        0 AS branch_idx,
        concat('sw', toString(hash % 3)) AS switch,
        'out' AS direction,
        concat(customer_id, '-A') AS account,
        ['', '101', '369', '777', '0044'][1 + hash % 5] AS tech_prefix,
        caller AS source_cli,
        caller AS dest_cli,
        concat(tech_prefix, called) AS source_dest_number,
        called AS dest_number,
        if(hash % 6 = 0, called, '') AS lrn,
        toDecimal64(seconds, 3) AS duration,
        toDecimal64(billed, 3) AS customer_duration,
        toDecimal64(billed * 0.0001, 8) AS customer_charge,
        toString(hash % 40) AS customer_card_id,
        toDecimal64(0.0001, 8) AS customer_card_rate,
        'USD' AS customer_card_currency,
        '1' AS customer_card_dest_code,
        'USA' AS customer_card_dest_name,
        toString(hash % 6) AS provider_id,
        concat(provider_id, toString(hash % 3)) AS provider_card_id,
        toDecimal64(billed, 3) AS provider_duration,
        toDecimal64(billed * 0.00007, 8) AS provider_charge,
        'USD' AS provider_card_currency,
        toUInt32(200 + hash % 6000) AS pdd_out,
        toDecimal64(hash % 40, 3) AS ring_duration,
        if(success, 200, 486) AS sip_code,
        if(success, 'OK', 'Busy Here') AS sip_reason,
        if(success, 'Normal Clearing', 'Busy Here') AS release_reason,
        if(success AND hash % 7 = 0, '1234', '') AS dtmf,
        concat('198.51.100.', toString(1 + hash % 254)) AS source_ip
    FROM numbers({{rows:UInt64}})
)
"""
_BARE = f"""
INSERT INTO cdr ({_NAMES}, answered, sign, loaded_at)
SELECT {_NAMES}, intDiv(sip_code, 100) = 2, 1, now64(3, 'UTC')
FROM file({{path:String}}, 'CSVWithNames', {{structure:String}})
"""


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.loading", description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000, help="CDRs in the file (default: %(default)s)")
    parser.add_argument("--repetitions", type=int, default=3, help="runs of each (default: %(default)s)")
    options = parser.parse_args()
    product: list[float] = []
    bare: list[float] = []
    with tempfile.TemporaryDirectory() as name:
        file = Path(name) / "cdrs.csv"
        print(f"Generating {options.rows} CDRs", file=sys.stderr)
        fresh(generate, file, Path(name) / "generator", options.rows)
        for run in range(options.repetitions):
            product.append(options.rows / fresh(load, file, Path(name) / f"product{run}", options.rows))
            print(f"load_cdrs    {product[-1]:>9.0f} rows/s", file=sys.stderr)
            bare.append(options.rows / fresh(insert, file, Path(name) / f"bare{run}", options.rows))
            print(f"bare INSERT  {bare[-1]:>9.0f} rows/s", file=sys.stderr)
        size = file.stat().st_size
    print(f"{options.rows} CDRs of {len(COLUMNS)} columns, {size / 1e6:.0f} MB of CSV; rows/s, median first")
    for title, rates in (("load_cdrs", product), ("bare INSERT", bare)):
        print(f"{title:<12} {median(rates):>9.0f}   ({', '.join(f'{rate:.0f}' for rate in rates)})")
    print(f"load_cdrs / bare INSERT  {median(product) / median(bare):.2f}")


def fresh(work: Callable[[Path, Path, int], float], file: Path, store: Path, rows: int) -> float:
    """What `work` returns, in a process of its own."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        return pool.submit(work, file, store, rows).result()


def generate(file: Path, store: Path, rows: int) -> float:
    """Write the file."""
    connection = connect(str(store))
    connection.query(_GENERATED, params={"path": str(file), "rows": rows})
    connection.close()
    return 0


def load(file: Path, store: Path, rows: int) -> float:
    """The seconds that the product takes on an open store."""

    async def loaded() -> float:
        backend = EmbeddedBackend(store, definition())
        await backend.open()
        start = time.perf_counter()
        done = await load_cdrs(backend, str(file), lambda count: None)
        seconds = time.perf_counter() - start
        await backend.close()
        if done.added != rows or done.rejected:
            raise RuntimeError(f"of {rows} rows {done.added} were loaded and {done.rejected} rejected")
        return seconds

    return asyncio.run(loaded())


def insert(file: Path, store: Path, rows: int) -> float:
    """The seconds that the engine takes for an INSERT that believes the file."""
    dialect = ClickHouseDialect()
    structure = ", ".join(f"{each.name} {cdr.c[each.name].type.compile(dialect=dialect)}" for each in COLUMNS)
    connection = connect(str(store))
    for statement in (*definition().record, *definition().statements([], [])):
        connection.query(statement)
    start = time.perf_counter()
    connection.query(_BARE, params={"path": str(file), "structure": structure})
    seconds = time.perf_counter() - start
    count = int(connection.query("SELECT count() FROM cdr", "CSV").bytes())
    connection.close()
    if count != rows:
        raise RuntimeError(f"of {rows} rows {count} were inserted")
    return seconds


if __name__ == "__main__":
    main()

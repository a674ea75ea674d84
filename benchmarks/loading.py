"""How fast a Parquet file of CDRs loads: by the product, which checks every row, and by a bare INSERT of the engine.

The file is in the order of time, as a switch writes it.  Both fill the same table with the same projections.  The bare
INSERT is measured without any projection and with each alone, too, which tells what a projection costs.  Each run is on
a new store, in a process of its own.
"""

import asyncio
import multiprocessing
import shutil
import sys
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from statistics import median
from typing import ParamSpec, TypeVar

from benchmarks.calls import CALLS, months
from benchmarks.engine import WRITING, Engine
from benchmarks.results import Section, Table
from benchmarks.store import Home, empty
from gqlreports.cli.support import backend_of
from gqlreports.config import Settings
from gqlreports.plugins.registry import Registry
from gqlreports.store.cdr_columns import COLUMNS
from gqlreports.store.load_cdrs import load_cdrs

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")

ROWS = 1_000_000
RUNS = 3
_NAMES = ", ".join(column.name for column in COLUMNS)
FILE = f"INSERT INTO FUNCTION file({{path:String}}, 'Parquet') SELECT {_NAMES} FROM cdr ORDER BY dt"
_BARE = f"""
INSERT INTO cdr ({_NAMES}, answered, sign, loaded_at)
SELECT {_NAMES}, intDiv(sip_code, 100) = 2, 1, now64(3, 'UTC') FROM file({{path:String}}, 'Parquet')
"""
_PROJECTIONS = "SELECT name FROM system.projections WHERE table = 'cdr' ORDER BY name"


def measured(folder: Path, rows: int = ROWS, runs: int = RUNS) -> Section:
    """All ways to load a month of about so many CDRs."""
    file = (folder / "cdrs.parquet").absolute()
    size = fresh(_generate, folder / "generator", file, rows)
    projections = fresh(_projections, folder / "empty")
    ways: dict[str, Callable[[], float]] = {
        "product": lambda: fresh(_load, folder / "loaded", file),
        "engine, all projections": lambda: fresh(_insert, folder / "loaded", file, projections),
    }
    if projections:
        ways["engine, no projection"] = lambda: fresh(_insert, folder / "loaded", file, [])
        for name in projections:
            ways[f"engine, only `{name}`"] = partial(fresh, _insert, folder / "loaded", file, [name])
    taken: dict[str, list[float]] = {name: [] for name in ways}
    for run in range(runs):
        for name in list(ways)[:: -1 if run % 2 else 1]:
            taken[name].append(size / ways[name]())
            print(f"{name}: {taken[name][-1]:,.0f} CDRs/s", file=sys.stderr)
    for name in ("generator", "empty", "loaded", "cdrs.parquet"):
        path = folder / name
        shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink(missing_ok=True)
    rates = {name: median(each) for name, each in taken.items()}
    whole = rates["engine, all projections"]
    cells = [
        [n, f"{r:,.0f}", f"{r / whole:.2f}", f"{1e6 / r - 1e6 / rates.get('engine, no projection', whole):.2f}"]
        for n, r in rates.items()
    ]
    headings = ["", "CDRs/s", "of the engine's", "µs a CDR more than without projections"]
    return Section({**rates, "rows": size}, [Table("Loading a Parquet file", headings, cells)])


def fresh(work: Callable[Arguments, Result], *arguments: Arguments.args, **named: Arguments.kwargs) -> Result:
    """What `work` returns, in a process of its own."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        return pool.submit(work, *arguments, **named).result()


def _generate(folder: Path, file: Path, rows: int) -> int:
    """Write the file, and tell how many rows it has."""
    engine = Engine(empty(folder).store, WRITING)
    month = months(rows * 365 // 31)[0]
    engine.run(CALLS, month.parameters)
    file.unlink(missing_ok=True)
    engine.run(FILE, {"path": file})
    [[count]] = engine.rows("SELECT count() FROM cdr")
    engine.close()
    return int(count)


def _projections(folder: Path) -> list[str]:
    engine = Engine(empty(folder).store, WRITING)
    names = [name for (name,) in engine.rows(_PROJECTIONS)]
    engine.close()
    return names


def _load(folder: Path, file: Path) -> float:
    """The seconds that the product takes on an open store."""
    home = empty(folder)
    return asyncio.run(_loaded(home, file))


async def _loaded(home: Home, file: Path) -> float:
    backend = backend_of(Settings(home=home.path), Registry.load())
    await backend.open()
    start = time.perf_counter()
    done = await load_cdrs(backend, str(file), lambda count: None)
    seconds = time.perf_counter() - start
    await backend.close()
    if done.rejected or done.there_before:
        raise RuntimeError(f"{done.rejected} rows were rejected, and {done.there_before} were there before.")
    return seconds


def _insert(folder: Path, file: Path, projections: list[str]) -> float:
    """The seconds that the engine takes for an INSERT that believes the file, with some of the projections alone."""
    engine = Engine(empty(folder).store, WRITING)
    for (name,) in engine.rows(_PROJECTIONS):
        if name not in projections:
            engine.run(f"ALTER TABLE cdr DROP PROJECTION {name}")
    start = time.perf_counter()
    engine.run(_BARE, {"path": file})
    seconds = time.perf_counter() - start
    engine.close()
    return seconds

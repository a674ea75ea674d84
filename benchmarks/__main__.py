"""Measures, keeps the results, and writes docs/performance*.md from them.

    python -m benchmarks --size 1

The stores are generated where they are not there yet; 100 million CDRs take many minutes and 10 GB of disk.
"""

import argparse
import signal
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

from benchmarks import (
    beside,
    callers,
    cluster,
    design,
    export,
    loading,
    node,
    overhead,
    page,
    posting,
    reports,
    responses,
    together,
)
from benchmarks.results import KEPT, Section, load, save
from benchmarks.store import FOLDER, filled

SIZES = (1, 10, 100)
_SMALLER_DESIGN = 4_000_000


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--size", type=float, default=1, metavar="MILLIONS", help="of CDRs in the largest store (default: 1)"
    )
    parser.add_argument("--folder", type=Path, default=FOLDER, help="of the stores (default: %(default)s)")
    parser.add_argument("--results", type=Path, default=KEPT, help="the results' file (default: %(default)s)")
    parser.add_argument("--only", nargs="*", metavar="NAME", help="of what is measured; none to write the pages alone")
    options = parser.parse_args()
    # So that the processes which it started end with it: they hold the stores.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    sizes = [size for size in SIZES if size < options.size] + [options.size]
    for name, measure in _benchmarks(sizes, options.folder).items():
        if options.only is None or name in options.only or name.split()[0] in options.only:
            print(f"\n{name}", file=sys.stderr)
            if (section := measure()) is not None:
                save(name, section, options.results)
    for each in page.PAGES:
        page.write(load(options.results), each)


def _benchmarks(sizes: list[float], folder: Path) -> dict[str, Callable[[], Section | None]]:
    """All that is measured, the reports on a store of each size and the others on the largest."""

    def on_largest(measured: Callable[..., Section]) -> Callable[[], Section]:
        return lambda: measured(filled(sizes[-1], folder))

    return {
        **{f"reports {size:g}": partial(_reports, size, folder) for size in sizes},
        "responses": on_largest(responses.measured),
        "node": lambda: on_largest(node.measured)() if node.installed() else None,
        "cluster": on_largest(cluster.measured),
        "together": on_largest(together.measured),
        "callers": on_largest(callers.measured),
        "beside": lambda: beside.measured(filled(sizes[0], folder), folder),
        "overhead": on_largest(overhead.measured),
        "loading": lambda: loading.measured(folder),
        "posting": lambda: posting.measured(folder),
        "export": on_largest(export.measured),
        "design": lambda: design.measured(folder / "design", _SMALLER_DESIGN),
    }


def _reports(size: float, folder: Path) -> Section:
    return reports.measured(filled(size, folder), size)


if __name__ == "__main__":
    main()

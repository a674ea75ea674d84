"""What was aimed at, as ratios within one run, and whether it is met."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from benchmarks.results import Section, Table

Results = Mapping[str, Section]
_TECH = "GROUP_BY_TECH_PREFIX large"


@dataclass(frozen=True)
class Aim:
    """A figure that must be at most `limit`, or at least; `figure` raises KeyError where something was not measured."""

    text: str
    figure: Callable[[Results], float]
    limit: float
    at_least: bool = False

    def row(self, results: Results) -> list[str]:
        wanted = f"{'at least' if self.at_least else 'at most'} {self.limit:,g}"
        try:
            found = self.figure(results)
        except (KeyError, IndexError):
            return [self.text, wanted, "not measured", ""]
        met = found >= self.limit if self.at_least else found <= self.limit
        return [self.text, wanted, f"{found:,.3g}" if found < 1000 else f"{found:,.0f}", "yes" if met else "**no**"]


def sizes(results: Results) -> list[float]:
    """The stores whose reports were measured, in millions of CDRs, the smallest first."""
    return sorted(float(name.split()[1]) for name in results if name.startswith("reports "))


def table(results: Results) -> Table:
    """All aims with what was found."""
    return Table("", ["", "aim", "measured", "met"], [aim.row(results) for aim in AIMS])


def _reports(results: Results, place: int = -1) -> dict[str, float]:
    """The figures of the largest store, or of another by its place among the sizes."""
    return results[f"reports {sizes(results)[place]:g}"].figures


def _over(name: str, other: str) -> Callable[[Results], float]:
    """One figure of the largest store's reports by another."""
    return lambda results: _reports(results)[name] / _reports(results)[other]


def _ratio(section: str, name: str, other: str) -> Callable[[Results], float]:
    return lambda results: results[section].figures[name] / results[section].figures[other]


def _growth(results: Results) -> float:
    name = f"{_TECH} 30 product"
    return _reports(results)[name] / _reports(results, -2)[name]


def _slowest_response(results: Results) -> float:
    figures = results["responses"].figures
    counts = {int(name.split()[0]) for name in figures}
    return max(figures[f"{count} product"] / figures[f"{count} engine"] for count in counts if count >= 1_000)


def _besides(name: str) -> Callable[[Results], float]:
    return lambda results: results["overhead"].figures[name]


def _cached(results: Results) -> float:
    return max(rate for name, rate in results["callers"].figures.items() if name.startswith("the same report"))


AIMS = (
    Aim(
        "Tech prefixes of the large customer over 30 days: time, of the plain statement's on the raw table",
        _over(f"{_TECH} 30 product", f"{_TECH} 30 raw"),
        1 / 4,
    ),
    Aim("The same: rows read", _over(f"{_TECH} 30 product rows", f"{_TECH} 30 raw rows"), 1 / 50),
    Aim("The same over 365 days: time", _over(f"{_TECH} 365 product", f"{_TECH} 365 raw"), 1 / 15),
    Aim("365 days, times its 30 days", _over(f"{_TECH} 365 product", f"{_TECH} 30 product"), 3),
    Aim("30 days in a store of ten times the CDRs, times the smaller store's", _growth, 1.5),
    Aim("A response of 1,000 rows or more, times the engine's own time", _slowest_response, 1.10),
    Aim(
        "20,000 rows: how many times faster than the server for Node",
        _ratio("node", "20000 Node", "20000 product"),
        3,
        at_least=True,
    ),
    Aim("30 rows: the same", _ratio("node", "30 Node", "30 product"), 1, at_least=True),
    Aim("A repeated report: requests/s", _cached, 1_000, at_least=True),
    Aim("The same besides the store, while the store runs: ms", _besides("repeated, with the engine"), 1),
    Aim("The same with the engine's call left out: ms", _besides("repeated, without the engine"), 1),
    Aim(
        "Three reports over one range in one request, times the longest alone",
        _ratio("together", "together", "longest alone"),
        1.5,
    ),
    Aim("One report under three aliases of a request, times it alone", _ratio("together", "thrice", "once"), 1.5),
    Aim(
        "Loading Parquet, of a bare INSERT into the same table",
        _ratio("loading", "product", "engine, all projections"),
        0.8,
        at_least=True,
    ),
)

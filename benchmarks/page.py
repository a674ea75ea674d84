"""Writes the tables and plots of docs/performance*.md from the results, between the pages' own words.

A part of the page is what stands between `<!-- benchmarks: NAME -->` and `<!-- end -->`.
"""

import re
from collections.abc import Mapping
from pathlib import Path

from benchmarks import aims
from benchmarks.aims import Results
from benchmarks.plots import Bars
from benchmarks.results import Section

PAGES = sorted((Path(__file__).parent.parent / "docs").glob("performance*.md"))
_PART = re.compile(r"(<!-- benchmarks: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)
_CONTESTANTS = {"product": "gqlreports", "raw": "plain statement on the raw table"}
_TITLES = {
    "product": "gqlreports",
    "engine": "engine alone",
    "ordinary": "Strawberry",
    "Node": "Node",
    "Strawberry": "Strawberry",
}


def write(results: Results, page: Path) -> None:
    """Write a page anew, and the plots beside it."""
    parts = {**_tables(results), "aims": aims.table(results).markdown()}
    for name, plot in _plots(results).items():
        path = page.parent / f"performance-{name.replace('_', '-')}.svg"
        path.write_text(plot.svg())
        parts[name] = f"![{plot.title}]({path.name})"
    text = page.read_text()
    page.write_text(_PART.sub(lambda found: f"{found[1]}{_block(parts.get(found[2]))}{found[3]}", text))


def _block(part: str | None) -> str:
    return f"{part.strip()}\n" if part else "Not measured.\n"


def _tables(results: Results) -> dict[str, str]:
    largest = f"reports {aims.sizes(results)[-1]:g}" if aims.sizes(results) else ""
    parts = {name: _printed(section) for name, section in results.items() if not name.startswith("reports ")}
    if largest:
        parts["reports"] = _printed(results[largest])
        parts["smaller"] = "\n\n".join(_printed(results[f"reports {size:g}"]) for size in aims.sizes(results)[:-1])
    return parts


def _printed(section: Section) -> str:
    tables = "\n".join(table.markdown() for table in section.tables)
    return f"Measured {section.machine}.\n{tables}"


def _plots(results: Results) -> dict[str, Bars]:
    plots: dict[str, Bars] = {}
    if sizes := aims.sizes(results):
        figures = results[f"reports {sizes[-1]:g}"].figures
        title = f"Reports of the large customer, {sizes[-1]:g} million CDRs"
        plots["days"] = Bars(title, "p50 in ms", _by_report(figures))
        groups = {
            f"{size:g} million CDRs": _pair(results[f"reports {size:g}"].figures, "GROUP_BY_TECH_PREFIX large 30")
            for size in sizes
        }
        plots["sizes"] = Bars("Tech prefixes of the large customer over 30 days", "p50 in ms", groups)
    for name, title in (("responses", "Responses, embedded store"), ("node", "Responses, store over HTTP")):
        if name in results:
            plots[f"{name}_plot"] = Bars(title, "p50 in ms", _by_rows(results[name].figures))
    return plots


def _by_report(figures: Mapping[str, float]) -> dict[str, dict[str, float]]:
    reports = dict.fromkeys(name.split()[0] for name in figures)
    groups = {
        f"{report}, {days} d": _pair(figures, f"{report} large {days}") for report in reports for days in (30, 365)
    }
    return {name: bars for name, bars in groups.items() if bars}


def _pair(figures: Mapping[str, float], name: str) -> dict[str, float]:
    return {title: figures[f"{name} {key}"] for key, title in _CONTESTANTS.items() if f"{name} {key}" in figures}


def _by_rows(figures: Mapping[str, float]) -> dict[str, dict[str, float]]:
    groups: dict[str, dict[str, float]] = {}
    for name, value in figures.items():
        rows, contestant = name.split()
        groups.setdefault(f"{int(rows):,} rows", {})[_TITLES[contestant]] = value
    return groups

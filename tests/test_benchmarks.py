"""What the benchmarks write of what they found."""

import re
import shutil
from pathlib import Path

import pytest

from benchmarks import aims, page
from benchmarks.plots import Bars
from benchmarks.results import Section, Table, load, save
from benchmarks.statements import REPORTS, plain
from tests.support import sites

TECH = "GROUP_BY_TECH_PREFIX large"


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """Of two stores: the larger takes 10 ms for what takes 50 ms on the raw table, the smaller 8."""
    path = tmp_path / "results.json"
    larger = {f"{TECH} 30 product": 10.0, f"{TECH} 30 raw": 50.0, f"{TECH} 365 product": 40.0, f"{TECH} 365 raw": 400.0}
    rows = {f"{TECH} 30 product rows": 30.0, f"{TECH} 30 raw rows": 1_000.0}
    save("reports 10", Section(larger | rows, [Table("Larger", ["report", "ms"], [["TECH", "10"]])]), path)
    smaller = {f"{TECH} 30 product": 8.0, f"{TECH} 30 raw": 9.0}
    save("reports 1", Section(smaller, [Table("Smaller", ["report", "ms"], [["TECH", "8"]])]), path)
    save("together", Section({"together": 16.0, "longest alone": 10.0}, []), path)
    return path


def test_an_aim_is_met_by_its_ratio(results: Path) -> None:
    found = [row[2:] for row in aims.table(load(results)).rows]
    assert [each for each in found if each != ["not measured", ""]] == [
        ["0.2", "yes"],
        ["0.03", "**no**"],
        ["0.1", "**no**"],
        ["4", "**no**"],
        ["1.25", "yes"],
        ["1.6", "**no**"],
    ]
    assert len(found) == len(aims.AIMS)


def test_a_page_is_written_between_its_own_words(results: Path, tmp_path: Path) -> None:
    path = tmp_path / "page.md"
    names = ("aims", "days", "reports", "smaller", "design")
    path.write_text("".join(f"Of {name}:\n<!-- benchmarks: {name} -->\nold\n<!-- end -->\n" for name in names))
    page.write(load(results), path)
    written = path.read_text()
    page.write(load(results), path)
    assert path.read_text() == written
    assert "old" not in written
    parts = dict(re.findall(r"Of (\w+):\n<!-- benchmarks: \w+ -->\n(.*?)<!-- end -->\n", written, re.DOTALL))
    assert "| TECH | 10 |" in parts["reports"]
    assert "| TECH | 8 |" in parts["smaller"]
    assert parts["design"] == "Not measured.\n"
    [plot] = re.findall(r"\]\((.*)\)", parts["days"])
    assert (tmp_path / plot).read_text().startswith("<svg")


def test_the_pages_are_what_the_kept_results_give(tmp_path: Path) -> None:
    for made in page.PAGES:
        shutil.copyfile(made, tmp_path / made.name)
        page.write(load(), tmp_path / made.name)
    written = sorted(tmp_path.iterdir())
    assert set(page.PAGES) < {page.PAGES[0].with_name(each.name) for each in written}
    for each in written:
        assert each.read_text() == page.PAGES[0].with_name(each.name).read_text(), each.name
    parts = [name for each in page.PAGES for name in re.findall("<!-- benchmarks: (.*) -->", each.read_text())]
    assert len(parts) == len(set(parts))


def test_a_bar_is_as_long_as_its_value_on_a_scale_of_powers() -> None:
    svg = Bars("Times", "ms", {"one": {"a": 1.0, "b": 10.0}, "other": {"a": 100.0}}).svg()
    widths = [float(width) for width in re.findall(r'<rect x="230" y="\d+" width="([\d.]+)"', svg)]
    assert widths[0] == 0
    assert widths[2] == pytest.approx(2 * widths[1])


def test_every_report_has_a_plain_statement_over_the_table() -> None:
    assert set(REPORTS) == set(sites.REGISTRY.reports)
    assert all("FROM {table:Identifier}" in plain(report) for report in REPORTS)

"""Reports in the panel: how they are generated and read, and what the API answers to the same."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal
from urllib.parse import quote, urlencode

import httpx2
from playwright.sync_api import Locator, Page, ViewportSize, expect

from tests.panel.conftest import Served
from tests.support.analysis_oracle import Analysis, Where
from tests.support.asking import document, scope
from tests.support.oracle import Basis

Cells = dict[str, str]
Part = Literal["rows", "totals"]

START, END = datetime(2025, 10, 31, tzinfo=UTC), datetime(2025, 11, 3, tzinfo=UTC)
MONTH = datetime(2025, 10, 20, tzinfo=UTC), datetime(2025, 11, 20, tzinfo=UTC)
# No row and no column of a short report is out of sight, where the table would not draw it.
ALL_IN_SIGHT: ViewportSize = {"width": 3400, "height": 2400}
READ = """([table, part]) => {
  const rows = [...table.querySelectorAll({rows: '.ag-row:not(.ag-row-pinned)', totals: '.ag-row-pinned'}[part])]
  rows.sort((one, other) => Number(one.getAttribute('row-index')) - Number(other.getAttribute('row-index')))
  const pair = (cell) => [cell.getAttribute('col-id'), cell.textContent]
  return rows.map((row) => Object.fromEntries([...row.querySelectorAll('[role=gridcell]')].map(pair)))
}"""


@dataclass(frozen=True)
class Api:
    """What the API answers to a member of staff, beside the panel."""

    served: Served

    def analysis(
        self,
        type: str,
        customer: str,
        span: tuple[datetime, datetime] = (START, END),
        basis: Basis = "CALL",
        **parameters: object,
    ) -> Analysis:
        return Analysis(self.served.site.world, type, customer, *span, basis, parameters)

    def ask(self, analysis: Analysis, selection: str, **filters: Where) -> Any:
        """What the fields of `selection` answer, in its JSON form."""
        return self.data(document(analysis, selection, filters), **scope(analysis), **filters)["customReport"]

    def data(self, query: str, **variables: Any) -> dict[str, Any]:
        asked = {"query": query, "variables": variables}
        headers = {"Authorization": f"Bearer {self.served.site.staff_key}"}
        answer = httpx2.post(f"{self.served.url}/graphql", json=asked, headers=headers, timeout=60).json()
        assert "errors" not in answer, answer
        data: dict[str, Any] = answer["data"]
        return data


def address(analysis: Analysis, zone: str = "UTC", **more: str) -> str:
    """Where the panel shows a report, without parameters."""
    span = {key: value for key, value in scope(analysis).items() if key in ("from", "to")}
    basis = {} if analysis.basis == "CALL" else {"basis": analysis.basis}
    given = urlencode({**span, "zone": zone, **basis, **more})
    return f"/customers/{quote(analysis.customer, safe='')}/reports/{analysis.type}?{given}"


def fill_in_range(page: Page, start: str, end: str, zone: str = "UTC") -> None:
    """From and to as a clock of the zone shows them, as in 2025-11-03T14:30."""
    page.get_by_label("Time zone").select_option(zone)
    page.get_by_label("From", exact=True).fill(start)
    page.get_by_label("To", exact=True).fill(end)


def generate(page: Page) -> None:
    page.get_by_role("button", name="Generate Report").click()


def table(page: Page) -> Locator:
    return page.get_by_role("region", name="Generated report").get_by_role("grid")


def foot(page: Page) -> Locator:
    return page.get_by_text(re.compile(r"^Rows [\d,]+ / Total Rows [\d,]+$"))


def expect_foot(page: Page, rows: int, of: int | None = None) -> None:
    expect(foot(page)).to_have_text(f"Rows {rows:,} / Total Rows {rows if of is None else of:,}")


def expect_settled(page: Page) -> None:
    """Nothing runs, and the table is what is configured."""
    section = page.get_by_role("region", name="Generated report")
    expect(table(page).get_by_role("columnheader").first).to_be_visible()
    expect(foot(page)).to_be_visible()
    expect(section.locator("[aria-busy=true]")).to_have_count(0)
    expect(section.get_by_text("Out of date")).to_have_count(0)


def read(page: Page, part: Part = "rows") -> list[Cells]:
    """The texts of the rows in sight, by the names of their columns."""
    read: list[Cells] = table(page).evaluate(f"table => ({READ})([table, '{part}'])")
    return read


def open_filter(page: Page, title: str) -> None:
    table(page).get_by_role("columnheader", name=title).locator(".ag-header-cell-filter-button").click()


def row_at(page: Page, index: int) -> Locator:
    return table(page).locator(f".ag-row[row-index='{index}']:not(.ag-row-pinned)")


def expect_rows(page: Page, rows: list[Cells]) -> None:
    """All rows of the table are these; they are awaited by the first and the last one."""
    for index in (0, len(rows) - 1):
        for name, text in rows[index].items():
            expect(row_at(page, index).locator(f"[col-id={name}]")).to_have_text(text)
    assert read_rows(page, len(rows)) == rows


def read_rows(page: Page, count: int) -> list[Cells]:
    """The texts of all rows of a report, of which there must be so many, all in sight."""
    expect(table(page).locator(".ag-row:not(.ag-row-pinned, .ag-row-loading)")).to_have_count(count)
    return read(page)


def column_names(page: Page) -> list[str]:
    heads = table(page).get_by_role("columnheader").all()
    return [each.get_attribute("col-id") or "" for each in heads]

"""What the API says to whoever has logged in, and what the panel's table shows of it."""

import json
from collections.abc import Sequence
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from playwright.sync_api import BrowserContext, Page, expect

CUSTOMER = "5001"
FROM, TO = "2025-10-20T00:00:00Z", "2025-11-20T00:00:00Z"
CATALOGUE = "{ reportTypes { name typeName title listsCalls columns { name kind format unit inTotals } } }"

Row = dict[str, Any]


def ask(context: BrowserContext, query: str) -> Any:
    response = context.request.post("/graphql", data={"query": query}, headers={"GraphQL-Require-Preflight": "1"})
    body = response.json()
    assert "errors" not in body, body
    return body["data"]


def reports(context: BrowserContext) -> dict[str, Any]:
    return {each["name"]: each for each in ask(context, CATALOGUE)["reportTypes"]}


def ask_report(context: BrowserContext, report: Any, selection: str) -> Any:
    scope = f'customer: {json.dumps(CUSTOMER)}, type: {report["name"]}, from: "{FROM}", to: "{TO}"'
    fields = f"... on {report['typeName']}Report {{ {selection} }}"
    return ask(context, f"{{ customReport({scope}) {{ {fields} }} }}")["customReport"]


def address(report: str, **view: str) -> str:
    search = "&".join(f"{name}={text}" for name, text in {"from": FROM, "to": TO, "zone": "UTC", **view}.items())
    return f"/customers/{CUSTOMER}/reports/{report}?{search}"


def expect_rows(page: Page, rows: int, of: int) -> None:
    expect(page.get_by_text(f"Rows {rows:,} / Total Rows {of:,}")).to_be_visible()


def table(page: Page, columns: Sequence[str], rows: int) -> list[list[str]]:
    """The cells of the first rows, in the order of `columns`."""
    last = page.locator(f'[row-index="{rows - 1}"] [col-id="{columns[-1]}"]')
    expect(last).not_to_be_empty()
    return [cells(page, str(index), columns) for index in range(rows)]


def cells(page: Page, row: str, columns: Sequence[str]) -> list[str]:
    return [page.locator(f'[row-index="{row}"] [col-id="{name}"]').text_content() or "" for name in columns]


def shown(column: Any, row: Row) -> str:
    """What people are to read of a value, by the format that the catalogue tells."""
    value = row[column["name"]]
    if value is None:
        several = column["format"] == "MONEY" and column["kind"] == "MEASURE"
        return "— several currencies" if several else "—"
    match column["format"]:
        case "PERCENT":
            return f"{Decimal(repr(value)).quantize(Decimal('0.0001'), ROUND_HALF_UP):,.2%}"
        case "DURATION":
            seconds = int(Decimal(str(value)).quantize(Decimal(1), ROUND_HALF_UP))
            return f"{seconds // 60:,}:{seconds % 60:02}"
        case "MONEY":
            digits = f"{Decimal(value).quantize(Decimal('1e-8'), ROUND_HALF_UP):,.8f}".rstrip("0")
            amount = digits + "0" * max(0, 2 - len(digits.partition(".")[2]))
            return f"{amount} {row[column['unit']]}" if row[column["unit"]] else amount
        case "INTEGER":
            return str(value) if column["kind"] == "DIMENSION" else f"{value:,}"
        case "BOOLEAN":
            return "Yes" if value else "No"
        case _:
            return value or "(empty)"

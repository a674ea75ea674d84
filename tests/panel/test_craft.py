"""What the panel is held to everywhere: access for all, a first view that is light, a schema that is current."""

import gzip
from pathlib import Path

import pytest
from playwright.sync_api import Page, Response, expect

from gqlreports.directory.principal import Role
from gqlreports.schema import query
from tests.panel.conftest import LogIn
from tests.support import sites

pytestmark = pytest.mark.processes

PANEL = Path(__file__).parents[2] / "panel"
AXE = PANEL / "node_modules" / "axe-core" / "axe.min.js"
FIRST_VIEW = 300_000

CUSTOMER = "5001"
REPORTS = f"/customers/{CUSTOMER}/reports"
RANGE = "from=2025-10-20T00:00:00Z&to=2025-11-20T00:00:00Z&zone=UTC"
PAGES = {
    "customers": "/customers",
    "a customer": f"/customers/{CUSTOMER}",
    "bars": f"{REPORTS}/USA_RATE_CENTER?{RANGE}",
    "a line": f"{REPORTS}/BREAKOUT?{RANGE}&chart=line",
    "a filter that cannot be read": f"{REPORTS}/BREAKOUT?{RANGE}&where={{",
    "no page": "/nothing",
    "graphiql": "/graphiql",
}


def serious(page: Page) -> list[str]:
    page.evaluate(AXE.read_text())
    found = page.evaluate("axe.run()")["violations"]
    return [f"{each['id']}: {each['nodes'][0]['html']}" for each in found if each["impact"] in ("serious", "critical")]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_keeps_people_out(scheme: str, page: Page, log_in: LogIn) -> None:
    page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    page.goto("/")
    expect(page.get_by_label("User name")).to_be_visible()
    assert serious(page) == []
    log_in(Role.STAFF)
    for name, path in PAGES.items():
        page.goto(path)
        expect(page.get_by_role("heading", level=1)).to_be_visible()
        if "reports" in path and "where" not in path:
            expect(page.get_by_text("Total Rows")).to_be_visible()
        page.wait_for_load_state("networkidle")
        assert serious(page) == [], name


def test_the_first_view_is_light(page: Page, log_in: LogIn) -> None:
    log_in(Role.STAFF)
    answers: list[Response] = []
    page.on("response", lambda answer: answers.append(answer))
    page.goto("/customers")
    expect(page.get_by_role("link", name=CUSTOMER).or_(page.get_by_role("cell", name=CUSTOMER)).first).to_be_visible()
    page.wait_for_load_state("networkidle")
    assert sum(len(gzip.compress(each.body())) for each in answers) < FIRST_VIEW


def test_the_panels_schema_is_current() -> None:
    printed = query.build_schema(sites.REGISTRY, Role.STAFF).as_str()
    kept = (PANEL / "schema.graphql").read_text()
    assert kept.strip() == printed.strip(), "gqlreports sdl > panel/schema.graphql, then npm run types in panel/"

"""A report as JSON for clients that do not know its types, held against its own fields."""

from typing import Any

import pytest

from gqlreports.directory.principal import Role
from tests.support import sites
from tests.support.sites import Site

RANGE = 'from: "2025-10-20T00:00:00Z", to: "2025-11-20T00:00:00Z"'
TABLE = """
query ($type: ReportType!, $columns: [String!], $where: JSON, $orderBy: [ReportOrder!], $first: Int, $offset: Int) {
  customReport(customer: "5001", type: $type, RANGE) {
    table(columns: $columns, where: $where, orderBy: $orderBy, first: $first, offset: $offset) {
      columns { name type nullable } rows rowCount totals
    }
  }
}""".replace("RANGE", RANGE)
TECH_PREFIX = {"type": "GROUP_BY_TECH_PREFIX"}


def table(site: Site, key: str | None = None, **given: Any) -> dict[str, Any]:
    found: dict[str, Any] = site.data(TABLE, key, **given)["customReport"]["table"]
    return found


def own(site: Site, fields: str, arguments: str = "") -> dict[str, Any]:
    """The same by the report's own fields."""
    query = f"""{{ customReport(customer: "5001", type: GROUP_BY_TECH_PREFIX, {RANGE}) {{
      ... on GroupByTechPrefixReport {{ rows{arguments} {{ {fields} }} }} }} }}"""
    found: dict[str, Any] = site.data(query)["customReport"]
    return found


@pytest.mark.parametrize("role", [Role.STAFF, Role.PARTNER], ids=str)
def test_every_report_has_it(site: Site, role: Role) -> None:
    key = site.staff_key if role is Role.STAFF else site.partner_key("5001")
    for name, report in sites.REGISTRY.reports.items():
        if not report.visible(role is Role.STAFF):
            continue
        found = table(site, key, type=name, first=4)
        names = " ".join(each["name"] for each in found["columns"])
        query = f"""{{ customReport(customer: "5001", type: {name}, {RANGE}) {{ ... on {report.type_name}Report {{
          rows(first: 4) {{ {names} }} rowCount totals {{ {" ".join(found["totals"])} }} }} }} }}"""
        same = site.data(query, key)["customReport"]
        assert {part: found[part] for part in ("rows", "rowCount", "totals")} == same
        assert names.split() == [each.graphql_name for each in report.columns(role is Role.STAFF)]


def test_columns_order_page_and_filter(site: Site) -> None:
    given: dict[str, Any] = {
        "columns": ["total", "techPrefix"],
        "where": {"total": {"gt": 1}, "not": {"techPrefix": {"in": [""]}}},
        "orderBy": [{"column": "asr", "direction": "DESC"}, {"column": "total"}],
        "first": 3,
        "offset": 1,
    }
    found = table(site, **TECH_PREFIX, **given)
    arguments = """(first: 3, offset: 1, where: {total: {gt: 1}, not: {techPrefix: {in: [""]}}},
      orderBy: [{column: ASR, direction: DESC}, {column: TOTAL}])"""
    assert found["rows"] == own(site, "total techPrefix", arguments)["rows"]
    assert len(found["rows"]) == 3
    assert list(found["rows"][0]) == ["total", "techPrefix"] == [each["name"] for each in found["columns"]]
    assert list(found["totals"]) == ["total"]


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"columns": ["no"]}, "There is no column 'no'; there are techPrefix, asr"),
        ({"orderBy": [{"column": "providerCharge"}]}, "There is no column 'providerCharge'"),
        ({"where": {"no": {"eq": 1}}}, "`where`: "),
        ({"where": {"total": {"gt": "many"}}}, "`where.total.gt`: "),
        ({"where": {"total": {"gt": None}}}, "total.gt is null"),
        ({"where": [1]}, "`where`: "),
        ({"where": "techPrefix = 1"}, "`where`: "),
        ({"first": -1}, "`first` must not be negative."),
    ],
    ids=str,
)
def test_what_cannot_be_asked_for(site: Site, given: dict[str, Any], told: str) -> None:
    error = site.error(TABLE, **TECH_PREFIX, **given)
    assert error["extensions"]["code"] == "BAD_USER_INPUT"
    assert told in error["message"]


def test_partners_see_no_more_of_it(site: Site) -> None:
    partner = site.partner_key("5001")
    error = site.error(TABLE, partner, type="USA_RATE_CENTER", columns=["totalProviderCharge"])
    assert "There is no column 'totalProviderCharge'" in error["message"]
    assert "totalProviderCharge" not in error["message"].partition(";")[2]
    hidden = site.error(TABLE, partner, type="USA_RATE_CENTER", where={"totalProviderCharge": {"gt": 0}})
    assert hidden["extensions"]["code"] == "BAD_USER_INPUT"
    again = site.error(TABLE, type="USA_RATE_CENTER", first=100_001)
    assert again["extensions"]["code"] == "LIMIT_EXCEEDED"

"""A frontend that knows no report can build its selector, form, table and chart from the catalogue alone."""

from typing import Any

import pytest

from tests.support.sites import Site

pytestmark = pytest.mark.thorough

CATALOGUE = """
{ reportTypes {
  name typeName parametersField title description listsCalls staffOnly definitionVersion exampleQuery
  chart { kind dimension measure }
  columns {
    name constant title description unit kind type nullable formula format additivity staffOnly inTotals keyWhen
  }
  parameters { name description type values default }
} }"""
OPERAND = {
    "String": '""',
    "Boolean": "true",
    "BigInt": "0",
    "Float": "0",
    "Decimal": '"0"',
    "DateTime": '"2025-11-01T00:00:00Z"',
}


def catalogue(site: Site, key: str | None = None) -> list[dict[str, Any]]:
    types: list[dict[str, Any]] = site.data(CATALOGUE, key)["reportTypes"]
    return types


def generic_query(report: dict[str, Any]) -> str:
    """Everything that a generic frontend asks for, each word of it from the catalogue."""
    columns = report["columns"]
    keys = [each for each in columns if each["kind"] == "DIMENSION" and not each["keyWhen"]]
    figures = [each for each in columns if each["kind"] != "DIMENSION"]
    fields = " ".join(each["name"] for each in columns)
    summed = " ".join(each["name"] for each in columns if each["inTotals"])
    order = ", ".join(f"{{column: {each['constant']}, direction: DESC}}" for each in columns)
    where = ", ".join(f"{{{each['name']}: {{eq: {OPERAND[each['type']]}}}}}" for each in columns)
    nulls = ", ".join(f"{{{each['name']}: {{isNull: true}}}}" for each in columns)
    given = ", ".join(f"{each['name']}: {each['default']}" for each in report["parameters"])
    parameters = f", parameters: {{{report['parametersField']}: {{{given}}}}}" if given else ""
    totals = f"totals {{ {summed} }}"
    ranked = f"""
      timeline(every: MONTH) {{ start {summed} }}
      top(n: 2, by: {figures[0]["constant"] if figures else ""}) {{ rows {{ {fields} }} others {{ {summed} }} }}
    """
    calls = "calls(first: 3) { cursor dt } callCount"
    return f"""{{
      customReport(customer: "5001", type: {report["name"]}, from: "2025-10-20T00:00:00Z", to: "2025-11-20T00:00:00Z"
                   {parameters}) {{
        ... on {report["typeName"]}Report {{
          rows(first: 5, orderBy: [{order}], where: {{not: {{or: [{where}, {nulls}]}}}}) {{ {fields} }}
          subtotals(by: [{keys[0]["constant"]}], first: 5) {{ summedAway {fields} }}
          {totals if summed else ""} {ranked if figures else ""} {calls if report["listsCalls"] else ""}
        }}
      }}
    }}"""


def test_all_of_a_report_can_be_asked_for_by_the_catalogue(site: Site) -> None:
    for report in catalogue(site):
        answer = site.data(generic_query(report))["customReport"]
        assert answer["totals"].keys() == {each["name"] for each in report["columns"] if each["inTotals"]}
        assert len(answer["timeline"]) == 2


def test_a_partner_too(site: Site) -> None:
    key = site.partner_key("5001")
    for report in catalogue(site, key):
        assert not report["staffOnly"]
        assert not any(each["staffOnly"] for each in report["columns"])
        site.data(generic_query(report), key)


def test_the_example_query_runs(site: Site) -> None:
    for report in catalogue(site):
        site.data(report["exampleQuery"].replace("1001", "5001"))


def test_what_a_column_is_told_to_be(site: Site) -> None:
    columns = {(report["name"], column["name"]): column for report in catalogue(site) for column in report["columns"]}
    rate = columns["GROUP_BY_TECH_PREFIX", "asr"]
    assert (rate["kind"], rate["format"], rate["additivity"], rate["unit"]) == (
        "RATIO",
        "PERCENT",
        "NOT_ADDITIVE",
        "0..1",
    )
    assert rate["formula"] == "answered calls / calls (basis CALL) or route attempts (basis ATTEMPT)"
    assert columns["GROUP_BY_TECH_PREFIX", "acd"]["format"] == "DURATION"
    charge = columns["USA_RATE_CENTER", "totalProviderCharge"]
    assert (charge["format"], charge["additivity"], charge["staffOnly"]) == ("MONEY", "WITHIN_CURRENCY", True)
    assert columns["USA_RATE_CENTER", charge["unit"]]["keyWhen"] == "byCurrency"
    assert columns["DID_AS_CLI", "isDid"]["format"] == "BOOLEAN"
    assert columns["DID_AS_CLI", "count"]["additivity"] == "ADDITIVE"


@pytest.mark.parametrize("name", ["USA_RATE_CENTER", "GROUP_BY_TECH_PREFIX"])
def test_the_chart_shows_what_adds_up(site: Site, name: str) -> None:
    [report] = [each for each in catalogue(site) if each["name"] == name]
    measure = report["chart"]["measure"]
    [column] = [each for each in report["columns"] if each["name"] == measure]
    assert column["additivity"] == "ADDITIVE"
    assert report["chart"]["kind"] == "BAR"

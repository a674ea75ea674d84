"""What the schema takes besides: nulls, catalogue, several operations."""

from enum import Enum
from types import MappingProxyType

import orjson
import pytest
from graphql import (
    build_client_schema,
    introspection_from_schema,
    is_enum_type,
    is_input_object_type,
    is_interface_type,
    is_object_type,
)
from pydantic import Field
from starlette.testclient import TestClient

from gqlreports.directory.principal import Role
from gqlreports.plugins import CountingBasis, Report, ReportParameters, attempts, cdr, dimension, measure
from gqlreports.plugins.registry import RegisteredReport, Registry
from gqlreports.schema.query import build_schema
from gqlreports.web.app import create_app
from tests.support import sites
from tests.support.sites import Site

RANGE = 'from: "2025-10-20T00:00:00Z", to: "2025-11-20T00:00:00Z"'


def test_null_is_as_good_as_not_given(site: Site) -> None:
    query = f"""
    query ($first: Int, $offset: Int, $basis: CountingBasis, $side: UsaRateCenterSide, $order: [UsaRateCenterOrder!]) {{
      customReport(
        customer: "5003", type: USA_RATE_CENTER, {RANGE}, basis: $basis, parameters: {{usaRateCenter: {{side: $side}}}}
      ) {{
        basis
        ... on UsaRateCenterReport {{ rows(first: $first, offset: $offset, orderBy: $order) {{ prefix callCount }} }}
      }}
      customers(first: $first, search: null, after: null) {{ id }}
    }}"""
    nothing = site.data(query)
    null = site.data(query, first=None, offset=None, basis=None, side=None, order=None)
    assert null == nothing
    assert null["customReport"]["basis"] == "CALL"
    assert null["customReport"]["rows"]


def test_of_several_operations_the_named_one_runs(site: Site) -> None:
    query = "query A { viewer { name } } query B { __typename }"
    headers = {"Authorization": f"Bearer {site.staff_key}"}
    body = {"query": query, "operationName": "B"}
    assert site.client.post("/graphql", json=body, headers=headers).json() == {"data": {"__typename": "Query"}}


def test_the_catalogue(site: Site) -> None:
    query = """{
      reportTypes {
        name title description exampleQuery
        columns { name title description unit kind type nullable formula }
        parameters { name type values default description }
      }
    }"""
    found = {each["name"]: each for each in site.data(query)["reportTypes"]}
    rate_center = found["USA_RATE_CENTER"]
    assert rate_center["title"] == "USA Rate Center"
    columns = {each["name"]: each for each in rate_center["columns"]}
    assert columns["totalCustomerCharge"] == {
        "name": "totalCustomerCharge",
        "title": "Total customer charge",
        "description": "What the customer was charged; null for several currencies",
        "unit": "customerCurrency",
        "kind": "MEASURE",
        "type": "Decimal",
        "nullable": True,
        "formula": "sum of the customer's charges",
    }
    assert [each["kind"] for each in rate_center["columns"]][:2] == ["DIMENSION", "DIMENSION"]
    assert rate_center["parameters"][0] == {
        "name": "side",
        "type": "UsaRateCenterSide",
        "values": ["ORIGINATING", "TERMINATING"],
        "default": "TERMINATING",
        "description": "The called number (TERMINATING) or the caller's (ORIGINATING)",
    }
    assert rate_center["parameters"][2]["default"] == "false"


def test_each_example_query_runs(site: Site) -> None:
    for each in site.data("{ reportTypes { exampleQuery } }")["reportTypes"]:
        site.data(each["exampleQuery"].replace("1001", "5001"))


class Own(ReportParameters):
    basis: CountingBasis = Field(default=CountingBasis.ATTEMPT)


class Mine(Report):
    """A report whose parameter is of a class that the schema has under another name."""

    Parameters = Own

    account = dimension(cdr.c.account, "Account")
    calls = measure(attempts, "Calls")


def test_a_parameter_may_be_of_a_shared_enum(site: Site) -> None:
    shipped = sites.REGISTRY.reports
    registry = Registry(MappingProxyType({**shipped, "MINE": RegisteredReport("MINE", Mine(), "tests")}))
    schema = build_schema(registry, Role.STAFF).as_str()
    assert "basis: CountingBasis = CALL" in schema
    assert "basis: MineCountingBasis = ATTEMPT" in schema
    assert issubclass(CountingBasis, Enum)
    client = TestClient(create_app(registry, site.backend, site.directory))
    query = f"""
    query ($basis: CountingBasis!) {{
      customReport(
        customer: "5003", type: MINE, {RANGE}, basis: $basis, parameters: {{mine: {{basis: CALL}}}}
      ) {{ basis }}
    }}"""
    headers = {"Authorization": f"Bearer {site.staff_key}"}
    answer = client.post("/graphql", json={"query": query, "variables": {"basis": "ATTEMPT"}}, headers=headers)
    assert orjson.loads(answer.content)["data"] == {"customReport": {"basis": "ATTEMPT"}}


@pytest.mark.parametrize("role", [each for each in Role if each.reads], ids=str)
def test_every_type_field_argument_and_value_is_described(role: Role) -> None:
    schema = build_client_schema(introspection_from_schema(build_schema(sites.REGISTRY, role)._schema))
    own = {name: kind for name, kind in schema.type_map.items() if not name.startswith("__")}
    parts: dict[str, str | None] = {name: kind.description for name, kind in own.items()}
    for name, kind in own.items():
        if is_enum_type(kind):
            parts |= {f"{name}.{value}": each.description for value, each in kind.values.items()}
        if is_input_object_type(kind):
            parts |= {f"{name}.{field}": each.description for field, each in kind.fields.items()}
        if is_object_type(kind) or is_interface_type(kind):
            for field, each in kind.fields.items():
                parts[f"{name}.{field}"] = each.description
                parts |= {f"{name}.{field}({given})": value.description for given, value in each.args.items()}
    assert [name for name, text in parts.items() if not text] == []

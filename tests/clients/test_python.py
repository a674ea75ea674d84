"""gql and ariadne-codegen, as PyPI has them, each in an environment of its own, against a real server."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from gqlreports.directory.principal import Role
from gqlreports.schema.query import build_schema
from tests.clients.conftest import RANGES, REPORT, Served, run, told
from tests.support import sites

pytestmark = pytest.mark.processes

GQL = """
import json, sys
from gql import Client, gql
from gql.transport.aiohttp import AIOHTTPTransport
from gql.transport.exceptions import TransportQueryError

url, key, document, variables = sys.argv[1:]
transport = AIOHTTPTransport(url=url, headers={"Authorization": f"Bearer {key}"})
client = Client(transport=transport, fetch_schema_from_transport=True)
query = gql(document)
query.variable_values = json.loads(variables)
answer = client.execute(query)
try:
    query.variable_values = {**json.loads(variables), "customer": "nobody"}
    client.execute(query)
except TransportQueryError as error:
    refused = error.errors[0]["extensions"]["code"]
print(json.dumps({"answer": answer, "refused": refused}))
"""
ARIADNE_SETTINGS = """
[tool.ariadne-codegen]
files_to_include = ["times.py"]
schema_path = "schema.graphql"
queries_path = "report.graphql"
async_client = false

[tool.ariadne-codegen.scalars.BigInt]
type = "int"
[tool.ariadne-codegen.scalars.Decimal]
type = "decimal.Decimal"
[tool.ariadne-codegen.scalars.DateTime]
type = "datetime.datetime"
serialize = ".times.written"
[tool.ariadne-codegen.scalars.JSON]
type = "typing.Any"
"""
ARIADNE = """
import datetime, json, sys
from graphql_client import Client

url, key, given = sys.argv[1:]
given = json.loads(given)
start, end = (datetime.datetime.fromisoformat(given[name].replace("Z", "+00:00")) for name in ("from", "to"))
answer = Client(url, headers={"Authorization": f"Bearer {key}"}).report(customer=given["customer"], from_=start, to=end)
report = answer.custom_report
assert report.from_ == start, report.from_
print(json.dumps({
    "id": report.id, "rowCount": report.row_count,
    "rows": [[row.rc, row.call_count, str(row.total_customer_charge)] for row in report.rows],
}))
"""
TIMES = """
def written(moment):
    return moment.isoformat()
"""


def test_gql(server: Served, python_client: Callable[[str], Path], tmp_path: Path) -> None:
    python = str(python_client("gql") / "python")
    command = [python, "-c", GQL, server.url, server.key, REPORT, json.dumps(RANGES[0])]
    assert told(run(command, tmp_path)) == {"answer": server.data(REPORT, **RANGES[0]), "refused": "NOT_FOUND"}


def test_ariadne_codegen(server: Served, python_client: Callable[[str], Path], tmp_path: Path) -> None:
    commands = python_client("ariadne-codegen")
    (tmp_path / "schema.graphql").write_text(build_schema(sites.REGISTRY, Role.STAFF).as_str())
    (tmp_path / "report.graphql").write_text(REPORT)
    (tmp_path / "times.py").write_text(TIMES)
    (tmp_path / "pyproject.toml").write_text(ARIADNE_SETTINGS)
    run([str(commands / "ariadne-codegen")], tmp_path)
    answer = told(
        run([str(commands / "python"), "-c", ARIADNE, server.url, server.key, json.dumps(RANGES[0])], tmp_path)
    )
    expected = server.data(REPORT, **RANGES[0])["customReport"]
    rows = [[each["rc"], each["callCount"], str(each["totalCustomerCharge"])] for each in expected["rows"]]
    assert answer == {"id": expected["id"], "rowCount": expected["rowCount"], "rows": rows}

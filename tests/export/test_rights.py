"""An export shows what the key sees, and says what is wrong with a request."""

from typing import Any

import pytest
from starlette.testclient import TestClient

from tests.export.conftest import Exports
from tests.support import sites


@pytest.fixture(scope="module")
def keys() -> dict[str, str]:
    return {}


@pytest.fixture
def partner(exports: Exports, keys: dict[str, str]) -> str:
    if "partner" not in keys:
        keys["partner"] = exports.site.partner_key("5003", "05001")
    return keys["partner"]


def error(exports: Exports, file: str, key: str | None = None, **arguments: Any) -> tuple[int, str, str]:
    response = exports.get(file, key, **arguments)
    [shown] = response.json()["errors"]
    assert list(shown["extensions"]) == ["code"]
    return response.status_code, shown["extensions"]["code"], shown["message"]


def test_a_partner_gets_the_columns_that_it_sees(exports: Exports, partner: str) -> None:
    for name, report in sites.REGISTRY.reports.items():
        if report.visible(staff=False):
            header = exports.get(f"{name.lower()}.csv", partner).text.splitlines()[0]
            assert header.split(",") == [column.graphql_name for column in report.columns(staff=False)]


@pytest.mark.parametrize(
    ("file", "arguments"),
    [
        ("usa_rate_center.csv", {"columns": "prefix,{}"}),
        ("usa_rate_center.csv", {"where": {"{}": {"isNull": True}}}),
        ("usa_rate_center.csv", {"orderBy": [{"column": "{}"}]}),
    ],
)
def test_a_column_for_staff_is_as_one_that_is_not_there(
    exports: Exports, partner: str, file: str, arguments: dict[str, Any]
) -> None:
    def named(value: Any, name: str) -> Any:
        if isinstance(value, dict):
            return {named(key, name): named(each, name) for key, each in value.items()}
        if isinstance(value, list):
            return [named(each, name) for each in value]
        return value.replace("{}", name) if isinstance(value, str) else value

    constant = "orderBy" in arguments
    hidden, missing = (
        ("PROVIDER_CURRENCY", "ABSENTEE_CURRENCY") if constant else ("providerCurrency", "absenteeCurrency")
    )
    seen = error(exports, file, partner, **named(arguments, hidden))
    assert seen[:2] == (400, "BAD_USER_INPUT")
    assert hidden in seen[2]
    assert seen[2].replace(hidden, missing) == error(exports, file, partner, **named(arguments, missing))[2]
    assert exports.get(file, **named(arguments, hidden)).status_code == 200


def test_a_report_for_staff_is_as_one_that_is_not_there(exports: Exports, partner: str) -> None:
    hidden, missing = (error(exports, f"{name}.csv", partner) for name in ("dtmf", "none"))
    assert hidden[:2] == (404, "NOT_FOUND")
    assert hidden[2].replace("dtmf", "none") == missing[2]


def test_another_customer_is_as_one_that_is_not_there(exports: Exports, partner: str) -> None:
    hidden, missing = (error(exports, "did_as_cli.csv", partner, customer=each) for each in ("5001", "0000"))
    assert hidden[:2] == (404, "NOT_FOUND")
    assert hidden[2].replace("5001", "0000") == missing[2]
    assert exports.get("did_as_cli.csv", customer="5001").status_code == 200


def test_without_a_key(exports: Exports) -> None:
    for key in ("", "gqlr_wrong"):
        response = exports.get("did_as_cli.csv", key or " ")
        assert response.status_code == 401
        assert response.headers["WWW-Authenticate"] == 'Bearer error="invalid_token"'
        assert response.json()["errors"][0]["extensions"] == {"code": "UNAUTHENTICATED"}


@pytest.mark.parametrize(
    ("file", "arguments", "status", "told"),
    [
        ("usa_rate_center.csv", {"clients": "1"}, 400, "'clients'"),
        ("usa_rate_center.csv", {"customers": {"all": True}}, 400, "Give `customer`, or `customers`"),
        ("usa_rate_center.csv", {"columns": "rc,Rc"}, 400, "'Rc'"),
        ("usa_rate_center.csv", {"columns": ""}, 400, "''"),
        ("usa_rate_center.csv", {"columns": "rc,prefix,rc"}, 400, "rc is named twice"),
        ("usa_rate_center.csv", {"where": "{rc"}, 400, "`where` is not JSON"),
        ("usa_rate_center.csv", {"where": {"nothing": 1}}, 400, "'nothing'"),
        ("usa_rate_center.csv", {"where": {"callCount": {"gte": "x"}}}, 400, ".callCount.gte"),
        ("usa_rate_center.csv", {"where": {"rc": {"eq": None}}}, 400, "rc.eq is null"),
        ("usa_rate_center.csv", {"orderBy": [{"column": "callCount"}]}, 400, "`orderBy`"),
        ("usa_rate_center.csv", {"parameters": {"byMoon": True}}, 400, "byMoon"),
        ("group_by_tech_prefix.csv", {"parameters": {"byMoon": True}}, 400, "no `parameters`"),
        ("usa_rate_center.csv", {"basis": "HOUR"}, 400, "`basis`"),
        ("usa_rate_center.csv", {"timeZone": "Mars/Olympus"}, 400, "Mars/Olympus"),
        ("usa_rate_center.csv", {"count": "no"}, 400, "`count`"),
        ("usa_rate_center.csv", {"from": "2025-11-01"}, 400, "an offset or Z"),
        ("usa_rate_center.csv", {"from": "2025-11-20T00:00:00Z"}, 400, "`from` must be before"),
        ("usa_rate_center.xls", {}, 400, "'xls'"),
        ("usa_rate_center", {}, 400, "there are csv, xlsx, parquet, jsonl"),
        ("nothing.csv", {}, 404, "'nothing'"),
    ],
)
def test_requests_that_are_wrong(
    exports: Exports, file: str, arguments: dict[str, Any], status: int, told: str
) -> None:
    found = error(exports, file, **arguments)
    assert found[0] == status
    assert told in found[2]


def test_an_argument_that_is_given_twice_or_not_at_all(exports: Exports) -> None:
    headers = {"Authorization": f"Bearer {exports.site.staff_key}"}
    client = TestClient(exports.app)
    for query, told in (("customer=1&customer=2", "`customer` is given twice"), ("customer=5003", "`from`")):
        response = client.get(f"/export/dtmf.csv?{query}", headers=headers)
        assert response.status_code == 400
        assert told in response.json()["errors"][0]["message"]


def test_headers(exports: Exports) -> None:
    kinds = {
        "csv": "text/csv; charset=utf-8; header=present",
        "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        "parquet": "application/vnd.apache.parquet",
        "jsonl": "application/x-ndjson",
    }
    for form, kind in kinds.items():
        for method in ("GET", "HEAD"):
            response = exports.get(f"did_as_cli.{form}", method=method, timeZone="America/New_York")
            assert response.status_code == 200
            assert response.headers["content-type"] == kind
            assert response.headers["cache-control"] == "no-store"
            name = f'attachment; filename="DID_AS_CLI_5003_2025-10-19_2025-11-19.{form}"'
            assert response.headers["content-disposition"] == name
            assert bool(response.content) == (method == "GET")


def test_other_methods(exports: Exports) -> None:
    for method in ("POST", "PUT", "DELETE"):
        response = exports.get("did_as_cli.csv", method=method)
        assert response.status_code == 405
        assert set(response.headers["allow"].split(", ")) == {"GET", "HEAD"}
    assert exports.get("did_as_cli.csv", method="HEAD", columns="none").status_code == 400

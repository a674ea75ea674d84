"""graphql-request, urql, Apollo Client, Relay and graphql-codegen, as npm has them, against a real server."""

import json
from pathlib import Path

import pytest

from tests.clients.conftest import RANGES, REPORT, Served, run, told

pytestmark = pytest.mark.processes

FIRST, SECOND = (json.dumps(each) for each in RANGES)


def test_graphql_request(server: Served, javascript: Path) -> None:
    answer = told(run(["node", "graphql-request.js", server.url, server.key, REPORT, FIRST], javascript))
    assert answer == {"answer": server.data(REPORT, **RANGES[0]), "refused": "NOT_FOUND", "invalid": 400}


def test_urql(server: Served, javascript: Path) -> None:
    answer = told(run(["node", "urql.js", server.url, server.key, REPORT, FIRST], javascript))
    expected = server.data(REPORT, **RANGES[0])
    assert answer == {"answer": expected, "cached": expected, "refused": "NOT_FOUND"}


def test_the_cache_of_apollo_keeps_two_queries_of_one_report_apart(server: Served, javascript: Path) -> None:
    answer = told(run(["node", "apollo.js", server.url, server.key, REPORT, FIRST, SECOND], javascript))
    expected = [server.data(REPORT, **each) for each in RANGES]
    assert expected[0]["customReport"]["rows"] != expected[1]["customReport"]["rows"]
    assert answer["answers"] == answer["cached"] == expected
    ids = [each["customReport"]["id"] for each in expected]
    assert sorted(answer["objects"]) == sorted(f"UsaRateCenterReport:{id}" for id in ids)
    assert answer["customers"] == server.site.customers


def test_relay(server: Served, javascript: Path) -> None:
    """Its compiler takes the schema, its store finds objects again by `node`, and its connections are paged."""
    generated = javascript / "src" / "generated"
    generated.mkdir()
    # What the compiler makes names its modules as Node's older form of modules does.
    (generated / "package.json").write_text('{"type": "commonjs"}')
    run(["node_modules/.bin/relay-compiler", "relay.config.json"], javascript)
    answer = told(run(["node", "relay.js", server.url, server.key, FIRST], javascript))
    expected = server.data(REPORT, **RANGES[0])["customReport"]
    rows = [{name: each[name] for name in each if name != "__typename"} for each in expected["rows"]]
    report = {"id": expected["id"], "rows": rows, "rowCount": expected["rowCount"]}
    for found in (answer["before"], answer["after"]):
        assert {name: found["report"][name] for name in report} == report
        assert found["customer"]["id"] == "5001"
    assert answer["before"] == answer["after"]
    assert answer["customers"] == server.site.customers
    assert answer["pages"] == [min(2 * page, len(answer["customers"])) for page in range(1, len(answer["pages"]) + 1)]


def test_what_graphql_codegen_makes_has_the_types_of_the_schema(javascript: Path) -> None:
    run(["node_modules/.bin/graphql-codegen", "--config", "codegen.json"], javascript)
    options = "--noEmit --strict --skipLibCheck --module esnext --moduleResolution bundler --target es2022"
    run(["node_modules/.bin/tsc", *options.split(), "typed.ts"], javascript)

"""The spliced answer against the ordinary executor's on the same rows."""

import asyncio
import random
from typing import Any

import orjson
import pytest
from graphql import get_named_type
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext

from gqlreports.plugins.registry import RegisteredReport, Registry
from gqlreports.schema.context import Context
from gqlreports.schema.plan import total_columns
from gqlreports.schema.query import build_schema
from gqlreports.schema.rawjson import Spliced
from tests.sites import OPERATOR, Site

REPORTS = Registry.load(strict=True).reports
RANGE = 'from: "2025-10-20T00:00:00Z", to: "2025-11-20T00:00:00Z"'


class Loaded:
    """A row as ordinary resolvers see it: an attribute for each column."""

    def __init__(self, values: dict[str, Any]) -> None:
        self.__dict__ |= values


class OrdinaryExecutor(StrawberryGraphQLCoreExecutionContext):
    """Takes the rows with all their columns as objects, and leaves the rest to graphql-core."""

    def complete_list_value(self, *arguments: Any) -> Any:
        return self._completed(super().complete_list_value, *arguments)

    def complete_object_value(self, *arguments: Any) -> Any:
        return self._completed(super().complete_object_value, *arguments)

    def _completed(
        self, complete: Any, return_type: Any, details: Any, info: Any, path: Any, result: Any, position: Any
    ) -> Any:
        if not isinstance(result, Spliced):
            return complete(return_type, details, info, path, result, position)

        async def ordinary() -> Any:
            fields = {name: name for name in get_named_type(return_type).fields}
            loaded = orjson.loads(await result.fetch(fields))
            made = [Loaded(_python(row)) for row in loaded] if isinstance(loaded, list) else Loaded(_python(loaded))
            completed = complete(return_type, details, info, path, made, position)
            return await completed if asyncio.iscoroutine(completed) else completed

        return ordinary()


def _python(row: dict[str, Any]) -> dict[str, Any]:
    names = {column.graphql_name: column.name for report in REPORTS.values() for column in report.columns(staff=True)}
    return {names[name]: value for name, value in row.items()}


def executed(site: Site, query: str, executor: type[Any] | None, variables: dict[str, Any]) -> bytes:
    arguments = {} if executor is None else {"executor": executor}
    schema = build_schema(Registry.load(strict=True), staff=True, **arguments)
    context = Context(OPERATOR, site.directory, site.backend)
    result = asyncio.run(schema.execute(query, variables, context))
    assert result.errors is None, result.errors
    return orjson.dumps(result.data)


def same(site: Site, query: str, **variables: Any) -> Any:
    """Run a query both ways; the two must be equal in keys, their order, values and JSON types."""
    spliced = orjson.loads(executed(site, query, None, variables))
    ordinary = orjson.loads(executed(site, query, OrdinaryExecutor, variables))
    assert list(_ordered(spliced)) == list(_ordered(ordinary))
    return spliced


def _ordered(value: Any) -> Any:
    """Keys and values in their order; a JSON number is one number whether it is written 1 or 1.0."""
    if isinstance(value, dict):
        for key, each in value.items():
            yield key
            yield from _ordered(each)
    elif isinstance(value, list):
        yield len(value)
        for each in value:
            yield from _ordered(each)
    else:
        yield float if type(value) is int else type(value), value


def selection(report: RegisteredReport, random: random.Random, totals: bool) -> str:
    """Some columns in any order, under aliases, in fragments, repeated, skipped and included."""
    columns = report.columns(staff=True)
    fields = [column.graphql_name for column in (total_columns(columns) if totals else columns)]
    type_name = f"{report.type_name}{'Totals' if totals else 'Row'}"
    parts = ["__typename"] if random.random() < 0.5 else []
    for field in random.sample(fields, random.randint(1, len(fields))):
        alias = random.choice(
            ["", "", f"a_{field}: ", f"{random.choice(['_', 'answered', 'dt', 'cdr', 'report'])}_{field}: "]
        )
        text = f"{alias}{field}" + random.choice(
            ["", "", " @include(if: true)", " @skip(if: $yes)", " @include(if: $yes)"]
        )
        parts.append(
            random.choice(
                [text, text, f"... on {type_name} {{ {text} }}", f"... @include(if: $yes) {{ {text} {text} }}"]
            )
        )
    return f"{{ {' '.join(parts)} }}"


@pytest.mark.parametrize("type", sorted(REPORTS))
@pytest.mark.parametrize("seed", range(6))
def test_any_selection(site: Site, type: str, seed: int) -> None:
    report, draw = REPORTS[type], random.Random(seed)
    rows, totals = selection(report, draw, False), selection(report, draw, True)
    query = f"""query ($yes: Boolean = true) {{
      customReport(customer: "5001", type: {type}, {RANGE}) {{
        basis @include(if: $yes)
        ... on {report.type_name}Report {{ rows(first: 300) {rows} rowCount totals {totals} }}
      }}
    }}"""
    same(site, query)


def test_one_report_twice_and_two_reports_in_one_request(site: Site) -> None:
    query = f"""
    query ($from: DateTime!) {{
      whole: customReport(customer: "5001", type: GROUP_BY_TECH_PREFIX, {RANGE}) {{ ...quality }}
      late: customReport(
        customer: "5001", type: GROUP_BY_TECH_PREFIX, from: $from, to: "2025-11-20T00:00:00Z", basis: ATTEMPT
      ) {{ basis from ...quality }}
      DTMF: customReport(customer: "5003", type: DTMF, {RANGE}) {{
        type customer {{ id name }}
        ... on DtmfReport {{ first: rows(first: 1) {{ route }} rest: rows(offset: 1) {{ digits }} }}
      }}
    }}
    fragment quality on CustomReport {{ __typename ... on GroupByTechPrefixReport {{ rows {{ ...row }} rowCount }} }}
    fragment row on GroupByTechPrefixRow {{ techPrefix asr attempts: total }}
    """
    answer = same(site, query, **{"from": "2025-11-02T00:00:00.001Z"})
    assert list(answer) == ["whole", "late", "DTMF"]
    assert answer["whole"]["rows"] != answer["late"]["rows"]


def test_a_selection_without_columns(site: Site) -> None:
    query = f"""
    {{
      customReport(customer: "5001", type: DTMF, {RANGE}) {{
        ... on DtmfReport {{ rows {{ route @skip(if: true) }} totals {{ digits @include(if: false) }} }}
      }}
    }}"""
    answer = same(site, query)
    assert set(map(str, answer["customReport"]["rows"])) == {"{}"}


def test_an_alias_may_be_any_name(site: Site) -> None:
    """Also the name of a stored column, or of another column of the report."""
    aliases = ["cdr", "dt", "sign", "answered", "duration", "tech_prefix", "asr", "total", "report", "constructor"]
    fields = " ".join(f"{alias}: {field}" for alias in aliases for field in ["answeredCalls"])
    swapped = "techPrefix: total total: techPrefix"
    query = f"""
    {{
      customReport(customer: "5001", type: GROUP_BY_TECH_PREFIX, {RANGE}) {{
        ... on GroupByTechPrefixReport {{
          rows(orderBy: [{{column: TOTAL, direction: DESC}}]) {{ {fields} acd }}
          swapped: rows(orderBy: [{{column: TOTAL}}]) {{ {swapped} }}
        }}
      }}
    }}"""
    answer = same(site, query)
    counts = [row["techPrefix"] for row in answer["customReport"]["swapped"]]
    assert counts == sorted(counts)

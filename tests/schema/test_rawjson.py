"""The spliced answer against the ordinary executor's on the same rows."""

import asyncio
import random
import re
from datetime import datetime
from typing import Any

import orjson
import pytest
from graphql import GraphQLObjectType, get_named_type
from pydantic.alias_generators import to_camel
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext

from gqlreports.directory.principal import Role
from gqlreports.limits import RequestLimits
from gqlreports.schema.answer import StoreValue
from gqlreports.schema.context import Context
from gqlreports.schema.door import Caller, Door
from gqlreports.schema.query import build_schema
from gqlreports.schema.request import Selected, Selection
from tests.support import sites
from tests.support.sites import OPERATOR, Site, nothing

pytestmark = pytest.mark.thorough

REPORTS = sites.REGISTRY.reports
ANY_SIZE = RequestLimits(
    directives=10_000, repeated_fields=10_000, aliases=10_000, tokens=100_000, document_characters=1_000_000
)
MOMENT = re.compile(r"\d{4}-\d\d-\d\dT.*Z")
RANGE = 'from: "2025-10-20T00:00:00Z", to: "2025-11-20T00:00:00Z"'


class Loaded:
    """An object as ordinary resolvers see it: an attribute for each field."""

    def __init__(self, kind: GraphQLObjectType, values: dict[str, Any]) -> None:
        for field in kind.extensions["strawberry-definition"].fields:
            name = field.graphql_name or to_camel(field.python_name)
            self.__dict__[field.python_name] = loaded(get_named_type(kind.fields[name].type), values[name])


def loaded(kind: Any, value: Any) -> Any:
    """A value that the store printed, as Python has it."""
    if isinstance(value, list):
        return [loaded(kind, each) for each in value]
    if isinstance(kind, GraphQLObjectType):
        return Loaded(kind, value)
    return datetime.fromisoformat(value) if kind.name == "DateTime" and value else value


def everything(kind: Any) -> Selection:
    """All fields of a type, and of the objects in it."""
    fields = ((name, get_named_type(field.type)) for name, field in kind.fields.items())
    return Selection(
        kind.name,
        tuple(
            Selected(name, name, everything(inner) if isinstance(inner, GraphQLObjectType) else None)
            for name, inner in fields
        ),
    )


class OrdinaryExecutor(StrawberryGraphQLCoreExecutionContext):
    """Takes the rows with all their columns as objects, and leaves the rest to graphql-core."""

    def complete_list_value(self, *arguments: Any) -> Any:
        return self._completed(super().complete_list_value, *arguments)

    def complete_object_value(self, *arguments: Any) -> Any:
        return self._completed(super().complete_object_value, *arguments)

    def _completed(
        self, complete: Any, return_type: Any, details: Any, info: Any, path: Any, result: Any, position: Any
    ) -> Any:
        if not isinstance(result, StoreValue):
            return complete(return_type, details, info, path, result, position)

        async def ordinary() -> Any:
            kind = get_named_type(return_type)
            made = loaded(kind, orjson.loads(await result.fetch(everything(kind))))
            completed = complete(return_type, details, info, path, made, position)
            return await completed if asyncio.iscoroutine(completed) else completed

        return ordinary()


def executed(site: Site, query: str, executor: type[Any] | None, variables: dict[str, Any]) -> bytes:
    arguments: dict[str, Any] = {} if executor is None else {"executor": executor}
    schema = build_schema(sites.REGISTRY, Role.STAFF, limits=ANY_SIZE, **arguments)
    context = Context(Door(site.directory, site.backend), Caller(OPERATOR, nothing))
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
    elif isinstance(value, str) and MOMENT.fullmatch(value):
        yield datetime.fromisoformat(value)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield "number", value
    else:
        yield type(value), value


def selection(kind: GraphQLObjectType, draw: random.Random) -> str:
    """Some fields in any order, under aliases, in fragments, repeated, skipped and included."""
    parts = ["__typename"] if draw.random() < 0.5 else []
    for field in draw.sample(sorted(kind.fields), draw.randint(1, len(kind.fields))):
        inner = get_named_type(kind.fields[field].type)
        below = f" {selection(inner, draw)}" if isinstance(inner, GraphQLObjectType) else ""
        prefix = draw.choice(["_", "answered", "dt", "cdr", "report", "n", "kind"])
        alias = draw.choice(["", "", f"a_{field}: ", f"{prefix}_{field}: "])
        condition = draw.choice(["", "", " @include(if: true)", " @skip(if: $yes)", " @include(if: $yes)"])
        text = f"{alias}{field}{condition}{below}"
        parts.append(
            draw.choice([text, text, f"... on {kind.name} {{ {text} }}", f"... @include(if: $yes) {{ {text} {text} }}"])
        )
    return f"{{ {' '.join(parts)} }}"


LEVELS = {
    "rows": "(first: 200)",
    "totals": "",
    "subtotals": "(by: [{dimension}], first: 100)",
    "timeline": "(every: WEEK, by: [{dimension}], series: 2)",
    "calls": "(first: 50)",
}
SCHEMA = build_schema(sites.REGISTRY, Role.STAFF)._schema


@pytest.mark.parametrize("type", sorted(REPORTS))
@pytest.mark.parametrize("level", LEVELS)
def test_any_selection(site: Site, type: str, level: str) -> None:
    report, draw = REPORTS[type], random.Random(f"{type} {level}")
    kind = SCHEMA.type_map[f"{report.type_name}Report"]
    assert isinstance(kind, GraphQLObjectType)
    field = kind.fields[level]
    dimension = next(name for name in SCHEMA.type_map[f"{report.type_name}Dimension"].values)  # type: ignore[attr-defined]
    arguments = LEVELS[level].format(dimension=dimension)
    inner = get_named_type(field.type)
    assert isinstance(inner, GraphQLObjectType)
    same(site, asked(type, f"{level}{arguments} {selection(inner, draw)}"))


@pytest.mark.parametrize("type", sorted(REPORTS))
@pytest.mark.parametrize("seed", range(2))
def test_any_selection_of_a_top_and_a_comparison(site: Site, type: str, seed: int) -> None:
    report, draw = REPORTS[type], random.Random(f"{type} {seed}")
    measure = next(name for name in SCHEMA.type_map[f"{report.type_name}Measure"].values)  # type: ignore[attr-defined]
    row, totals, compared, both = (
        selection(SCHEMA.type_map[f"{report.type_name}{name}"], draw)  # type: ignore[arg-type]
        for name in ("Row", "Totals", "ComparisonRow", "ComparisonTotals")
    )
    inner = f"""
      top(n: 3, by: {measure}) {{ rows {row} others {totals} otherRowCount otherCallCount }}
      comparison(with: {{range: {{from: "2025-11-01T00:00:00Z", to: "2025-11-09T00:00:00Z"}}}}) {{
        from rows(first: 100) {compared} rowCount totals {both}
      }}"""
    same(site, asked(type, inner))


def asked(type: str, inner: str) -> str:
    return f"""query ($yes: Boolean = true) {{
      customReport(customer: "5001", type: {type}, {RANGE}) {{
        basis @include(if: $yes)
        ... on {REPORTS[type].type_name}Report {{ {inner} rowCount }}
      }}
    }}"""


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

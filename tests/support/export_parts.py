"""Parts of reports as GraphQL answers them, flat as a file has them; names and types are those of the schema."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from gqlreports.plugins.types import COUNT, FLAG, MOMENT, MONEY, RATIO, TEXT, ColumnType
from tests.support import sites
from tests.support.readers import Rows

SPAN = {"from": "2025-10-20T00:00:00Z", "to": "2025-11-20T00:00:00Z"}
_TYPES = {
    **{"String": TEXT, "Boolean": FLAG, "Int": COUNT, "BigInt": COUNT},
    **{"Float": RATIO, "Decimal": MONEY, "DateTime": MOMENT},
}
"""A reader takes any exact decimal for money."""
_NO_COLUMNS = {"summedAway", "cursor", "history"}
_TYPE = "kind name ofType { kind name ofType { kind name ofType { kind name } } }"
Ask = Callable[[str, Mapping[str, Any]], dict[str, Any]]
"""Sends a document with variables, and returns the data of the answer."""


@dataclass(frozen=True)
class Shown:
    """A column of a file, and the fields of GraphQL that lead to it."""

    path: tuple[str, ...]
    type: ColumnType

    @property
    def graphql_name(self) -> str:
        return "_".join(self.path)


@dataclass(frozen=True)
class Question:
    """A part of a report with the arguments of its fields; `absent` columns have no value under these."""

    type: str
    part: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    parameters: Mapping[str, Any] = field(default_factory=dict)
    customer: str = "5003"
    absent: tuple[str, ...] = ()
    span: Mapping[str, str] = field(default_factory=SPAN.copy)

    @property
    def report(self) -> str:
        return sites.REGISTRY.reports[self.type].type_name

    @property
    def file(self) -> str:
        """The path of the file without its extension."""
        return f"/export/{self.type.lower()}/{self.part}"

    @property
    def address(self) -> dict[str, str]:
        """The arguments in an address."""
        given = {"customer": self.customer, **self.span, **self.arguments}
        if self.parameters:
            given["parameters"] = self.parameters
        return {name: _text(value) for name, value in given.items()}

    def answer(self, ask: Ask, more: str = "") -> tuple[list[Shown], Rows]:
        """The columns and rows of GraphQL's answer; `more` fields are asked for without being columns."""
        schema = _Schema(ask)
        inner = self.part == "comparison"
        row_type = schema.of_list(f"{self.report}Comparison", "rows") if inner else schema.of_list(*self._field)
        columns = [each for each in schema.columns(row_type) if each.path[0] not in self.absent]
        known = schema.arguments(*self._field)
        nested = schema.arguments(f"{self.report}Comparison", "rows") if inner else {}
        most = {} if self.part == "timeline" else {"first": 10_000 if self.part == "calls" else 100_000}
        given = {**most, **self.arguments}
        types = {name: {**known, **nested}[name] for name in given}
        fields = f"{{ {more} {' '.join(_selected(columns))} }}"
        document = f"""query (
          $customer: ID!, $from: DateTime!, $to: DateTime!, $parameters: ReportParameters
          {" ".join(f"${name}: {kind}" for name, kind in types.items())}
        ) {{
          customReport(customer: $customer, type: {self.type}, from: $from, to: $to, parameters: $parameters) {{
            ... on {self.report}Report {{
              {self.part}{_passed(given, known)} {f"{{ rows{_passed(given, nested)} {fields} }}" if inner else fields}
            }}
          }}
        }}"""
        own = {f"{self.report[0].lower()}{self.report[1:]}": self.parameters} if self.parameters else None
        data = ask(document, {"customer": self.customer, **self.span, **given, "parameters": own})
        found = data["customReport"][self.part]
        rows: Rows = found["rows"] if inner else found
        return columns, [
            {**{each.graphql_name: _at(row, each.path) for each in columns}, **_kept(row, more)} for row in rows
        ]

    @property
    def _field(self) -> tuple[str, str]:
        return f"{self.report}Report", self.part


@dataclass(frozen=True)
class _Schema:
    """The schema as its introspection tells it."""

    ask: Ask

    def fields(self, name: str) -> list[dict[str, Any]]:
        fields = f"fields {{ name type {{ {_TYPE} }} args {{ name type {{ {_TYPE} }} }} }}"
        data = self.ask(f"query ($name: String!) {{ __type(name: $name) {{ {fields} }} }}", {"name": name})
        found: list[dict[str, Any]] = data["__type"]["fields"]
        return found

    def field(self, name: str, field: str) -> dict[str, Any]:
        return next(each for each in self.fields(name) if each["name"] == field)

    def of_list(self, name: str, field: str) -> str:
        return _named(self.field(name, field)["type"])[1]

    def arguments(self, name: str, field: str) -> dict[str, str]:
        return {each["name"]: _printed(each["type"]) for each in self.field(name, field)["args"]}

    def columns(self, name: str, path: tuple[str, ...] = ()) -> list[Shown]:
        found = []
        for each in self.fields(name):
            kind, inner = _named(each["type"])
            here = (*path, each["name"])
            if each["name"] in _NO_COLUMNS:
                continue
            found += self.columns(inner, here) if kind == "OBJECT" else [Shown(here, _TYPES[inner])]
        return found


def _named(kind: dict[str, Any]) -> tuple[str, str]:
    return _named(kind["ofType"]) if kind.get("ofType") else (kind["kind"], kind["name"])


def _printed(kind: dict[str, Any]) -> str:
    if kind["kind"] == "NON_NULL":
        return f"{_printed(kind['ofType'])}!"
    return f"[{_printed(kind['ofType'])}]" if kind["kind"] == "LIST" else str(kind["name"])


def _passed(given: Mapping[str, Any], known: Mapping[str, str]) -> str:
    names = [f"{name}: ${name}" for name in given if name in known]
    return f"({', '.join(names)})" if names else ""


def _selected(columns: list[Shown]) -> list[str]:
    return [" { ".join(each.path) + " }" * (len(each.path) - 1) for each in columns]


def _at(row: Any, path: tuple[str, ...]) -> Any:
    return _at(row[path[0]], path[1:]) if path else row


def _kept(row: Mapping[str, Any], more: str) -> dict[str, Any]:
    return {name: row[name] for name in more.split()}


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, list) and all(isinstance(each, str) for each in value):
        return ",".join(value)
    return orjson.dumps(value).decode()

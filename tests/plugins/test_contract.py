"""A report declared here: what follows from its declaration, and its figures over the API."""

from collections import defaultdict
from importlib.metadata import EntryPoint
from typing import Any

import pytest
from pydantic import Field, ValidationError
from sqlalchemy import Select, func
from starlette.testclient import TestClient

from gqlreports.plugins import (
    TEXT,
    CountingBasis,
    Report,
    ReportParameters,
    Scope,
    answered,
    attempts,
    cdr,
    dimension,
    measure,
    provider_charge,
    ratio,
    talk_time,
    whole,
)
from gqlreports.plugins.registry import GROUP, Registry
from gqlreports.schema.plan.grain import total_columns
from gqlreports.web.app import create_app
from tests.support import oracle
from tests.support.sites import Site

_first_account = whole(func.min(cdr.c.account), TEXT, "the first account by name", nullable=True)


class TalkParameters(ReportParameters):
    by_account: bool = Field(default=False, description="One row for each account")
    at_least: int = Field(default=0, ge=0, description="Only calls of that many seconds")
    prefix: str = Field(default="", description="Only this tech prefix; all if empty")


class Talk(Report):
    """How long calls are.

    What follows the first line is for those who read the code.
    """

    title = "Talk & Time"
    Parameters = TalkParameters

    tech_prefix = dimension(cdr.c.tech_prefix, "Routing prefix")
    account = dimension(cdr.c.account, "Account", when="by_account", otherwise=_first_account)
    route = dimension(cdr.c.provider_card_id, "Provider rate card", staff_only=True)
    calls = measure(attempts, "Calls", unit="calls")
    answered_calls = measure(answered, "Answered calls")
    mean_length = ratio(talk_time, answered, "Mean length", unit="s")
    provider_charge = measure(provider_charge.total, "What it cost", unit="USD", staff_only=True)

    def statement(self, scope: Scope) -> Select[Any]:
        parameters: TalkParameters = scope.parameters
        statement = super().statement(scope).where(cdr.c.duration >= parameters.at_least)
        return statement.where(cdr.c.tech_prefix == parameters.prefix) if parameters.prefix else statement


class LongTalk(Talk):
    """Inherits columns, replaces one and adds one."""

    calls = measure(attempts, "All calls")
    direction = dimension(cdr.c.direction, "Direction")


PLUGINS = [EntryPoint("TALK", f"{__name__}:Talk", GROUP), EntryPoint("LONG_TALK", f"{__name__}:LongTalk", GROUP)]
REGISTRY = Registry.load(PLUGINS, strict=True)
TALK = REGISTRY.reports["TALK"]
SPAN = 'from: "2025-01-01T00:00:00Z", to: "2026-01-01T00:00:00Z"'


def names(columns: Any) -> list[str]:
    return [column.graphql_name for column in columns]


def test_name_and_texts() -> None:
    assert (TALK.name, TALK.type_name, TALK.title, TALK.description) == (
        "TALK",
        "Talk",
        "Talk & Time",
        "How long calls are.",
    )
    assert (REGISTRY.reports["LONG_TALK"].type_name, REGISTRY.reports["LONG_TALK"].title) == ("LongTalk", "Talk & Time")


def test_columns_in_order_with_their_titles() -> None:
    assert [(column.graphql_name, column.title) for column in TALK.columns(staff=True)] == [
        ("techPrefix", "Tech prefix"),
        ("account", "Account"),
        ("route", "Route"),
        ("calls", "Calls"),
        ("answeredCalls", "Answered calls"),
        ("meanLength", "Mean length"),
        ("providerCharge", "Provider charge"),
    ]


def test_what_may_be_null() -> None:
    nullable = [column.name for column in TALK.columns(staff=True) if column.nullable]
    assert nullable == ["account", "mean_length", "provider_charge"]


def test_inherited_columns() -> None:
    assert list(LongTalk.columns) == [*Talk.columns, "direction"]
    assert LongTalk.columns["calls"].description == "All calls"
    assert Talk.columns["calls"].description == "Calls"
    assert Report.columns == {}


def test_columns_of_staff_are_not_there_for_partners() -> None:
    assert names(TALK.columns(staff=False)) == ["techPrefix", "account", "calls", "answeredCalls", "meanLength"]
    every = TalkParameters(by_account=True)
    assert names(TALK.dimensions(every, staff=True)) == ["techPrefix", "account", "route"]
    assert names(TALK.dimensions(every, staff=False)) == ["techPrefix", "account"]


def test_a_dimension_for_as_long_as_a_parameter_says() -> None:
    assert names(TALK.dimensions(TalkParameters(), staff=False)) == ["techPrefix"]
    assert names(TALK.dimensions(TalkParameters(by_account=True), staff=False)) == ["techPrefix", "account"]


def test_totals_columns() -> None:
    expected = ["account", "calls", "answeredCalls", "meanLength"]
    assert names(total_columns(TALK.columns(staff=False))) == expected
    assert names(total_columns(TALK.columns(staff=True))) == [*expected, "providerCharge"]


def test_a_key_is_no_column_of_the_totals() -> None:
    scope = Scope((), tuple(Talk.columns.values()), TalkParameters(), CountingBasis.CALL)
    with pytest.raises(ValueError, match="tech_prefix is no column of the totals"):
        Talk().statement(scope)


def test_parameters() -> None:
    assert TalkParameters.model_validate({"byAccount": True, "at_least": 3}) == TalkParameters(
        by_account=True, at_least=3
    )
    for wrong in ({"atLeast": -1}, {"atMost": 1}):
        with pytest.raises(ValidationError):
            TalkParameters.model_validate(wrong)
    with pytest.raises(ValidationError, match="frozen"):
        TalkParameters().prefix = "1"


def ask(site: Site, key: str, query: str) -> dict[str, Any]:
    client = TestClient(create_app(REGISTRY, site.backend, site.directory))
    response = client.post("/graphql", json={"query": query}, headers={"Authorization": f"Bearer {key}"})
    answer: dict[str, Any] = response.json()
    return answer


def talk_query(customer: str, parameters: str, columns: str) -> str:
    return f"""{{
      customReport(customer: "{customer}", type: TALK, {SPAN}, parameters: {{talk: {{{parameters}}}}}) {{
        ... on TalkReport {{
          rows {{ {columns} }}
          rowCount
          totals {{ account calls answeredCalls meanLength }}
        }}
      }}
    }}"""


def figures(cdrs: list[oracle.Cdr]) -> dict[str, Any]:
    talks = [each.duration for each in cdrs if each.answered]
    return {
        "account": min(each.account for each in cdrs),
        "calls": oracle.attempts(cdrs, "CALL"),
        "answeredCalls": len(talks),
        "meanLength": oracle.ratio(oracle.total(talks), len(talks)),
    }


def expected_rows(cdrs: list[oracle.Cdr], **keys: str) -> list[dict[str, Any]]:
    """Rows by their keys: the name of each column, and of its field in a CDR."""
    groups: dict[tuple[str, ...], list[oracle.Cdr]] = defaultdict(list)
    for each in cdrs:
        groups[tuple(getattr(each, field) for field in keys.values())].append(each)
    return [{**figures(group), **dict(zip(keys, key, strict=True))} for key, group in groups.items()]


def in_order(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows to compare, with fractions to 13 digits."""
    means = ({**row, "meanLength": row["meanLength"] and float(f"{row['meanLength']:.13g}")} for row in rows)
    return sorted(means, key=lambda row: sorted(map(str, row.items())))


def test_figures_of_a_partner(site: Site) -> None:
    """The override's WHERE holds for rows, their number and totals; the grain has no column of staff."""
    query = talk_query("5001", "byAccount: true, atLeast: 6", "techPrefix account calls answeredCalls meanLength")
    [answer] = ask(site, site.partner_key("5001"), query)["data"].values()
    cdrs = [each for each in site.world.cdrs if each.customer_id == "5001" and each.duration >= 6]
    expected = expected_rows(cdrs, techPrefix="tech_prefix", account="account")
    assert in_order(answer["rows"]) == in_order(expected)
    assert answer["rowCount"] == len(expected)
    assert in_order([answer["totals"]]) == in_order([figures(cdrs)])


def test_figures_of_staff(site: Site) -> None:
    """By route too; the account is a measure while it is no key."""
    query = talk_query("5001", 'prefix: "0044"', "techPrefix route account calls answeredCalls meanLength")
    [answer] = ask(site, site.staff_key, query)["data"].values()
    cdrs = [each for each in site.world.cdrs if (each.customer_id, each.tech_prefix) == ("5001", "0044")]
    expected = expected_rows(cdrs, techPrefix="tech_prefix", route="provider_card_id")
    assert in_order(answer["rows"]) == in_order(expected)
    assert answer["rowCount"] == len(expected) > 1
    assert in_order([answer["totals"]]) == in_order([figures(cdrs)])


def test_partners_cannot_name_columns_of_staff(site: Site) -> None:
    key = site.partner_key("5001")
    for column in ("route", "providerCharge"):
        [error] = ask(site, key, talk_query("5001", "", column))["errors"]
        assert error["extensions"] == {"code": "GRAPHQL_VALIDATION_FAILED"}
        assert column in error["message"]

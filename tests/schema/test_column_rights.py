"""What a column declares to be for staff is nowhere in a partner's view, whatever kind of column it is."""

import dataclasses
from collections.abc import Iterator
from types import MappingProxyType

import pytest
from pydantic import Field
from sqlalchemy import func
from starlette.testclient import TestClient

from gqlreports.directory.principal import Role
from gqlreports.errors import PluginError
from gqlreports.plugins import (
    Report,
    ReportParameters,
    answered,
    attempts,
    cdr,
    dimension,
    measure,
    provider_charge,
    ratio,
)
from gqlreports.plugins.registry import RegisteredReport, Registry, check_report
from gqlreports.schema.catalogue import describe
from gqlreports.schema.query import build_schema
from gqlreports.web.app import create_app
from tests.support import sites
from tests.support.sites import Site

RANGE = 'from: "2025-10-20T00:00:00Z", to: "2025-11-20T00:00:00Z"'


class SplitParameters(ReportParameters):
    split: bool = Field(default=False, description="Whether to split")


class Mixed(Report):
    """Columns of every kind, for all and for staff."""

    Parameters = SplitParameters

    account = dimension(cdr.c.account, "Account")
    hidden_route = dimension(cdr.c.provider_card_id, "A hidden key", staff_only=True)
    hidden_currency = dimension(
        func.nullIf(func.toString(cdr.c.provider_card_currency), ""),
        "A hidden key at times",
        unit="hidden code",
        staff_only=True,
        when="split",
        otherwise=provider_charge.currency,
    )
    calls = measure(attempts, "Calls", unit="calls")
    hidden_calls = measure(attempts, "Hidden calls", unit="hidden", staff_only=True)
    hidden_share = ratio(answered, attempts, "A hidden ratio", unit="0..1", staff_only=True)
    hidden_charge = measure(provider_charge.total, "A hidden charge", unit="hiddenCurrency", staff_only=True)


class Concealed(Report):
    """A hidden report."""

    staff_only = True
    account = dimension(cdr.c.account, "Account")
    calls = measure(attempts, "Calls", unit="calls")


ADDED = {"MIXED": Mixed, "HIDDEN_ONE": Concealed}
HIDDEN = ["hiddenRoute", "hiddenCurrency", "hiddenCalls", "hiddenShare", "hiddenCharge"]


def registry() -> Registry:
    added = {name: RegisteredReport(name, report(), "tests") for name, report in ADDED.items()}
    for report in ADDED.values():
        check_report(report)
    return Registry(MappingProxyType({**sites.REGISTRY.reports, **added}))


def named(text: str) -> bool:
    return "hidden" in text.lower()


def test_it_is_nowhere_in_the_schema() -> None:
    views = {role: build_schema(registry(), role).as_str() for role in Role}
    assert {role for role, text in views.items() if named(text)} == {Role.ADMIN, Role.STAFF}
    assert "MixedReport" in views[Role.PARTNER]


def test_it_is_nowhere_in_the_catalogue() -> None:
    for name, staff in (("MIXED", True), ("MIXED", False), ("USA_RATE_CENTER", False), ("BREAKOUT", False)):
        described = describe(registry().reports[name], staff)
        text = str(dataclasses.asdict(described))
        assert (named(text) or "rovider" in text) is staff


def test_staff_may_ask_for_it(site: Site) -> None:
    client = TestClient(create_app(registry(), site.backend, site.directory))
    for column in HIDDEN:
        report = f"... on MixedReport {{ rows {{ {column} }} }}"
        query = f'{{ customReport(customer: "5003", type: MIXED, {RANGE}) {{ {report} }} }}'
        headers = {"Authorization": f"Bearer {site.staff_key}"}
        assert client.post("/graphql", json={"query": query}, headers=headers).json()["data"]["customReport"]["rows"]


def selections(column: str) -> Iterator[str]:
    """A column in every place that takes one."""
    constant = {"hiddenRoute": "HIDDEN_ROUTE", "hiddenCalls": "HIDDEN_CALLS"}.get(column, "HIDDEN_SHARE")
    yield f"rows {{ {column} }}"
    yield f"totals {{ {column} }}"
    yield f"rows(orderBy: [{{column: {constant}}}]) {{ calls }}"
    yield f"rows(where: {{{column}: {{gt: 1}}}}) {{ calls }}"
    yield f"rowCount(where: {{not: {{{column}: {{eq: 1}}}}}})"
    yield f"subtotals(by: [{constant}]) {{ calls }}"
    yield f"top(by: {constant}, first: 1) {{ rows {{ calls }} }}"
    yield f"top(by: CALLS, first: 1) {{ others {{ {column} }} }}"
    yield f"timeline(every: DAY) {{ {column} }}"
    yield f"calls(where: {{{column}: {{eq: 1}}}}) {{ callid }}"


def test_asking_for_it_is_answered_as_asking_for_nonsense(site: Site) -> None:
    """In the same words, but for the name that was asked for and the place in the text."""
    client = TestClient(create_app(registry(), site.backend, site.directory))
    headers = {"Authorization": f"Bearer {site.partner_key('5003')}"}

    def errors(selection: str, spelled: str) -> str:
        text = selection.replace("hidden", spelled).replace("HIDDEN", spelled.upper())
        query = f'{{ customReport(customer: "5003", type: MIXED, {RANGE}) {{ ... on MixedReport {{ {text} }} }} }}'
        answer = client.post("/graphql", json={"query": query}, headers=headers).json()
        assert answer.get("data") is None
        return str(answer["errors"]).replace(spelled, "").replace(spelled.upper(), "")

    for column in HIDDEN:
        for selection in selections(column):
            assert errors(selection, "hidden") == errors(selection, "jumble")


def test_a_column_for_all_must_not_name_one_for_staff_as_its_unit() -> None:
    class Careless(Mixed):
        """A total for partners in a currency that is for staff."""

        charge = measure(provider_charge.total, "Charge", unit="hiddenCurrency")

    with pytest.raises(PluginError, match=r"column charge of Careless.*hiddenCurrency.*staff"):
        check_report(Careless)

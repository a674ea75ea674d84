"""Numbers that are masked, in every place where a number can come out; the truth is counted in Python."""

import re
from collections import Counter
from collections.abc import Callable, Iterable
from importlib.metadata import EntryPoint
from types import MappingProxyType
from typing import Any

import pytest
from pydantic import Field
from sqlalchemy import ColumnElement, Select, func, literal_column, select
from starlette.testclient import TestClient

from gqlreports.directory.principal import Masking, Role
from gqlreports.plugins import (
    COUNT,
    FLAG,
    TEXT,
    Report,
    ReportParameters,
    Scope,
    attempts,
    cdr,
    count,
    dimension,
    measure,
    whole,
)
from gqlreports.plugins.registry import Registry
from gqlreports.web.app import create_app
from tests.support import sites
from tests.support.oracle import Cdr, nanp
from tests.support.sites import Site

HIDDEN = 4
CUSTOMER = "5001"
SPAN = 'from: "2025-10-01T00:00:00Z", to: "2025-12-01T00:00:00Z"'
OF_REPORT = f'customer: "{CUSTOMER}", {SPAN}'


class Guess(ReportParameters):
    prefix: str = Field(default="", description="What numbers begin with")
    number: int = Field(default=0, description="A number of the North American plan")


class Guessing(Report):
    """Tells whether numbers begin with what a caller gives."""

    Parameters = Guess
    hit = dimension(
        lambda given: func.toBool(func.startsWith(cdr.c.dest_number, given.prefix)), "Whether it does", type=FLAG
    )
    same = dimension(
        lambda given: func.toBool(cdr.c.dest_nanp == func.toUInt64(given.number)), "Whether it is that one", type=FLAG
    )
    calls = measure(attempts, "Calls")
    hits = measure(lambda given: count(func.startsWith(cdr.c.dest_number, given.prefix), "calls that do"), "Hits")

    def where(self, parameters: Guess) -> ColumnElement[bool]:
        return func.startsWith(cdr.c.dest_number, parameters.prefix)


class Latest(Report):
    """Shows a number as a figure, and in a statement of its own."""

    account = dimension(cdr.c.account, "Account")
    calls = measure(attempts, "Calls")
    number = measure(whole(func.max(cdr.c.dest_number), TEXT, "the greatest number"), "Greatest number")

    def statement(self, scope: Scope) -> Select[Any]:
        return super().statement(scope).where(func.notEmpty(cdr.c.dest_number))


class Greatest(Report):
    """Shows a number as a figure."""

    account = dimension(cdr.c.account, "Account")
    calls = measure(attempts, "Calls")
    number = measure(whole(func.max(cdr.c.dest_number), TEXT, "the greatest number"), "Greatest number")


_BLOCK: ColumnElement[Any] = func.toInt64(func.intDiv(cdr.c.dest_nanp, literal_column("1000")))


class Exchange(Report):
    """Shows a number that is kept as an integer."""

    code = dimension(
        func.toInt64(func.intDiv(cdr.c.dest_nanp, literal_column("1000"))), "First 7 digits", type=COUNT, digits=7
    )
    calls = measure(attempts, "Calls")


class Texted(Report):
    """Names a number in SQL text."""

    number = dimension(literal_column("upper(cdr.dest_number)"), "Number")
    calls = measure(attempts, "Calls")


class Renamed(Report):
    """Reads the table by another name."""

    account = dimension(cdr.c.account, "Account")
    number = measure(whole(func.max(cdr.c.dest_number), TEXT, "the greatest number"), "Greatest number")

    def statement(self, scope: Scope) -> Select[Any]:
        other = cdr.alias("other")
        found = {"account": other.c.account, "number": func.max(other.c.dest_number)}
        statement = select(*(found[each.name].label(each.name) for each in scope.columns)).select_from(other)
        return statement.group_by(other.c.account) if scope.dimensions else statement


class WholeTable(Renamed):
    """Reads all columns of the table."""

    def statement(self, scope: Scope) -> Select[Any]:
        every = select(cdr).subquery("every")
        found = {"account": every.c.account, "number": func.max(every.c.dest_number)}
        statement = select(*(found[each.name].label(each.name) for each in scope.columns)).select_from(every)
        return statement.group_by(every.c.account) if scope.dimensions else statement


PLUGINS = [EntryPoint(each.__name__.upper(), f"{__name__}:{each.__name__}", "gqlreports.reports")
           for each in (Guessing, Latest, Greatest, Exchange, Texted, Renamed, WholeTable)]  # fmt: skip


def masked(number: str, hidden: int = HIDDEN) -> str:
    away = min(hidden, len(number))
    return number[: len(number) - away] + "*" * away


def client_of(site: Site, masking: Masking) -> TestClient:
    own = Registry.load(PLUGINS, strict=True)
    registry = Registry(
        MappingProxyType({**sites.REGISTRY.reports, **own.reports}), dimensions=sites.REGISTRY.dimensions
    )
    return TestClient(create_app(registry, site.backend, site.directory, masking))


@pytest.fixture(scope="module")
def client(site: Site) -> TestClient:
    return client_of(site, Masking(HIDDEN))


@pytest.fixture
def ask(site: Site, client: TestClient) -> Callable[..., Any]:
    """Asks for a report of the one customer as staff, and returns it."""

    def asked(arguments: str, selection: str, of: TestClient = client, key: str = site.staff_key) -> Any:
        query = f"{{ customReport({OF_REPORT}, {arguments}) {selection} }}"
        answer = of.post("/graphql", json={"query": query}, headers={"Authorization": f"Bearer {key}"}).json()
        assert "errors" not in answer, answer
        return answer["data"]["customReport"]

    return asked


@pytest.fixture
def calls(site: Site) -> list[Cdr]:
    return [each for each in site.world.cdrs if each.customer_id == CUSTOMER]


def counted(calls: Iterable[Cdr], name: str = "dest_number") -> list[dict[str, Any]]:
    """The attempts of each number; branches after the first are none."""
    found = Counter[str]()
    for each in calls:
        found[masked(getattr(each, name))] += each.branch_idx == 0
    return [{"number": number, "attempts": found[number]} for number in sorted(found, key=str.encode)]


def test_rows_are_grouped_by_what_is_seen(ask: Callable[..., Any], calls: list[Cdr]) -> None:
    found = ask("type: PER_NUMBER", "{ ... on PerNumberReport { rows { number attempts } rowCount } }")
    assert found["rows"] == counted(calls)
    assert found["rowCount"] == len(found["rows"]) < len({each.dest_number for each in calls})


@pytest.mark.parametrize(("name", "of"), [("dnis", "dest_number"), ("cli", "dest_cli")])
def test_declared_dimensions_are_masked(ask: Callable[..., Any], calls: list[Cdr], name: str, of: str) -> None:
    found = ask(
        f"type: BREAKOUT, groupBy: [{name.upper()}]",
        f"{{ ... on BreakoutGroupedReport {{ rows {{ {name} attempts }} }} }}",
    )
    rows = [{"number": each[name], "attempts": each["attempts"]} for each in found["rows"]]
    assert rows == counted(calls, of)


def test_nothing_is_found_by_more_digits_than_are_seen(ask: Callable[..., Any], calls: list[Cdr]) -> None:
    whole = next(each.dest_number for each in calls if len(each.dest_number) > 8)
    seen = whole[:-HIDDEN]
    for asked, hit in ((seen, True), (whole[: len(seen) + 1], False), (whole, False)):
        where = f'where: {{number: {{startsWith: "{asked}"}}}}'
        parts = f"rows({where}) {{ number }} totals({where}) {{ attempts }} callCount({where})"
        report = f"{{ ... on PerNumberReport {{ {parts} }} }}"
        found = ask("type: PER_NUMBER", report)
        found_calls = [each for each in calls if masked(each.dest_number).startswith(asked)]
        expected = sum(each.branch_idx == 0 for each in found_calls)
        assert found["totals"]["attempts"] == expected
        assert bool(found["rows"]) is bool(found["callCount"]) is hit is bool(expected)
        only = f'filter: {{dnis: {{startsWith: "{asked}"}}}}'
        grouped = ask(
            f"type: BREAKOUT, groupBy: [ACCOUNT], {only}", "{ ... on BreakoutGroupedReport { totals { attempts } } }"
        )
        assert grouped["totals"]["attempts"] == expected
        hits = ask(
            f'type: GUESSING, parameters: {{guessing: {{prefix: "{asked}"}}}}',
            "{ ... on GuessingReport { rows { hit calls hits same } } }",
        )["rows"]
        assert hits == ([{"hit": True, "calls": expected, "hits": len(found_calls), "same": False}] if expected else [])


def test_a_number_cannot_be_guessed(site: Site, ask: Callable[..., Any], calls: list[Cdr]) -> None:
    number = next(found for each in calls if (found := nanp(each.dest_number)) and int(found) < 2**31)
    arguments = f"type: GUESSING, parameters: {{guessing: {{number: {number}}}}}"
    selection = "{ ... on GuessingReport { rows { same } } }"
    assert {each["same"] for each in ask(arguments, selection)["rows"]} == {False}
    assert {each["same"] for each in ask(arguments, selection, client_of(site, Masking()))["rows"]} == {False, True}


def test_figures_and_statements_of_authors_are_masked(ask: Callable[..., Any], calls: list[Cdr]) -> None:
    accounts = sorted({each.account for each in calls}, key=str.encode)
    greatest = [max(masked(one.dest_number) for one in calls if one.account == each) for each in accounts]
    for name in ("Greatest", "Latest"):
        found = ask(f"type: {name.upper()}", f"{{ ... on {name}Report {{ rows {{ account number }} }} }}")["rows"]
        assert [each["account"] for each in found] == accounts
        assert [each["number"] for each in found] == greatest


def test_integers_show_no_more_digits(site: Site, client: TestClient, ask: Callable[..., Any]) -> None:
    def message(of: TestClient, arguments: str) -> str | None:
        query = f"{{ customReport({OF_REPORT}, {arguments}) {{ table {{ rows }} }} }}"
        answer = of.post(
            "/graphql", json={"query": query}, headers={"Authorization": f"Bearer {site.staff_key}"}
        ).json()
        return answer["errors"][0]["message"] if "errors" in answer else None

    assert message(client, "type: BREAKOUT, groupBy: [NPA, NPA_NXX]") is None
    assert message(client, "type: EXCHANGE") == (
        "The last 4 digits of numbers are hidden from you, so EXCHANGE is neither grouped nor filtered by CODE."
    )
    assert message(client, "type: TEXTED") == "Numbers are hidden from you, and this report reads them in SQL text."
    for name in ("RENAMED", "WHOLETABLE"):
        told = message(client, f"type: {name}")
        assert told == "Numbers are hidden from you, and this report would show them whole."
        assert message(client_of(site, Masking()), f"type: {name}") is None
    three = client_of(site, Masking(3))
    assert message(three, "type: EXCHANGE") is None
    six = client_of(site, Masking(6))
    found = ask(
        "type: BREAKOUT, groupBy: [NPA, NPA_NXX]", "{ ... on BreakoutGroupedReport { rows { npa npaNxx } } }", six
    )
    assert {(len(each["npa"]), each["npaNxx"][4:]) for each in found["rows"]} == {(0, ""), (3, "**")}
    same = "type: BREAKOUT, groupBy: [NPA_NXX, RATE_CENTER, IS_DID]"
    selection = "{ ... on BreakoutGroupedReport { rows { npaNxx rateCenter isDid attempts } } }"
    assert ask(same, selection) == ask(same, selection, site.client)


def test_figures_stay(site: Site, ask: Callable[..., Any]) -> None:
    """What is no number is the same for those who see numbers and those who do not."""
    for name in ("UsaRateCenter", "DidAsCli", "UsaCalls", "Dtmf", "Breakout"):
        kind = re.sub("(?<=[a-z])(?=[A-Z])", "_", name).upper()
        measures = site.data(f'{{ __type(name: "{name}Totals") {{ fields {{ name }} }} }}')["__type"]["fields"]
        selection = " ".join(each["name"] for each in measures)
        report = f"{{ ... on {name}Report {{ totals {{ {selection} }} }} }}"
        assert ask(f"type: {kind}", report) == ask(f"type: {kind}", report, site.client)


def test_only_some_roles_see_less(site: Site) -> None:
    client = client_of(site, Masking(HIDDEN, frozenset({Role.PARTNER})))
    query = f"{{ customReport({OF_REPORT}, type: PER_NUMBER) {{ ... on PerNumberReport {{ rows {{ number }} }} }} }}"
    found = []
    # Twice, because the second answer is a repeated one.
    for key in 2 * [site.partner_key(CUSTOMER), site.staff_key, site.directory.create_key("admin", Role.ADMIN)]:
        answer = client.post("/graphql", json={"query": query}, headers={"Authorization": f"Bearer {key}"}).json()
        found.append("****" in str(answer["data"]))
    assert found == 2 * [True, False, False]


PARTS = {
    "rows": "rows { number attempts }",
    "subtotals": "subtotals(by: [NUMBER]) { number attempts }",
    "top": "top(n: 3, by: ATTEMPTS) { rows { number } otherCalls(first: 9) { destNumber destCli } }",
    "timeline": "timeline(every: DAY, by: [NUMBER], series: 3) { start number attempts }",
    "comparison": "comparison(with: {period: PREVIOUS_PERIOD}) { rows { number attempts { current } } }",
    "calls": "calls(first: 1000) { cursor sourceCli destCli sourceDestNumber destNumber lrn dtmf callerName extra "
    "history { destNumber destCli sourceCli } }",
    "table": "table { columns { name } rows }",
}


@pytest.fixture(scope="module")
def numbers(site: Site) -> set[bytes]:
    """The customer's numbers that have more digits than are hidden."""
    calls = [each for each in site.world.cdrs if each.customer_id == CUSTOMER]
    found = {number for each in calls for number in (each.dest_number, each.dest_cli, each.lrn)}
    return {each.encode() for each in found if re.fullmatch("[+]?[0-9]{8,}", each)}


def wholes(body: bytes) -> set[bytes]:
    """What may be a number in a text, unless asterisks follow it."""
    return set(re.findall(rb"(?<![0-9+])[+]?[0-9]{8,}(?![0-9*])", body))


@pytest.mark.parametrize("side", ["DIALED", "CLI"])
@pytest.mark.parametrize("part", PARTS)
def test_no_part_shows_a_number(site: Site, client: TestClient, numbers: set[bytes], part: str, side: str) -> None:
    fields = part if part == "table" else ""
    chosen = f"... on PerNumberReport {{ {PARTS[part]} }}" if not fields else PARTS[part]
    query = (
        f"{{ customReport({OF_REPORT}, type: PER_NUMBER, parameters: {{perNumber: {{side: {side}}}}}) {{ {chosen} }} }}"
    )
    headers = {"Authorization": f"Bearer {site.staff_key}"}
    body = client.post("/graphql", json={"query": query}, headers=headers).content
    assert b'"errors"' not in body, body
    assert b"****" in body
    assert not wholes(body) & numbers
    shown = site.client.post("/graphql", json={"query": query}, headers=headers).content
    assert wholes(shown) & numbers


@pytest.mark.parametrize("form", ["csv", "jsonl"])
@pytest.mark.parametrize(
    ("part", "more"),
    [
        ("rows", {}),
        ("subtotals", {"by": "NUMBER"}),
        ("timeline", {"every": "DAY", "by": "NUMBER", "series": "3"}),
        ("comparison", {"with": '{"period": "PREVIOUS_PERIOD"}'}),
        ("calls", {}),
    ],
)
def test_no_file_shows_a_number(
    site: Site, client: TestClient, numbers: set[bytes], part: str, more: dict[str, str], form: str
) -> None:
    address = {"customer": CUSTOMER, "from": "2025-10-01T00:00:00Z", "to": "2025-12-01T00:00:00Z", **more}
    headers = {"Authorization": f"Bearer {site.staff_key}"}
    answer = client.get(f"/export/per_number/{part}.{form}", params=address, headers=headers)
    assert answer.status_code == 200, answer.text
    assert b"****" in answer.content
    assert not wholes(answer.content) & numbers

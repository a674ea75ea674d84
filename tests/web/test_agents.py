"""What agents are told over MCP: right figures in few words, and never more than their key sees."""

import logging
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import httpx2
import orjson
import pytest
from mcp import Client, MCPError

from gqlreports.agents.arguments import MOST_ROWS
from gqlreports.agents.tables import MOST_BYTES, cell, table
from gqlreports.directory.directory import Directory
from gqlreports.directory.principal import Masking, Role
from gqlreports.schema.scalars import print_moment
from gqlreports.web.errors import HIDDEN
from tests.support import sites
from tests.support.agents import ERAS, OWN, TestAgent, Told, api, cells, post, told
from tests.support.analysis_oracle import Analysis, Order
from tests.support.asking import CASES, OTHER_CASES
from tests.support.awkward import END, START
from tests.support.sites import Site

RANGE = {"start": "2025-10-20", "end": "2025-11-20"}
TOOLS = {"list_reports", "list_customers", "describe_report", "run_report", "list_calls", "explain_figure"}


@pytest.fixture(scope="module")
def url(site: Site) -> Iterator[str]:
    with api(site, Masking(4, frozenset({Role.PARTNER}))) as url:
        yield url


@pytest.fixture
def staff(url: str, site: Site) -> TestAgent:
    return TestAgent(url, site.staff_key)


@pytest.fixture
def partner(url: str, site: Site) -> TestAgent:
    return TestAgent(url, site.partner_key("5003"))


def near(text: str | None, value: Any) -> bool:
    """Whether a cell shows a value: fractions to 4 digits, all else exactly."""
    if value is None or isinstance(value, bool):
        return text == {None: None, True: "true", False: "false"}[value]
    if isinstance(value, float):
        return text is not None and float(text) == pytest.approx(value, rel=1e-3, abs=5e-5)
    return text is not None and (Decimal(text) == value if isinstance(value, Decimal | int) else text == value)


def check_report(found: Told, analysis: Analysis, order: Order = (), where: Any = None, most: int = MOST_ROWS) -> None:
    """The answer has the right rows in their order, the totals of all, and the number of those left out."""
    heading, names, *lines = found.lines
    columns = [column.graphql_name for column in sites.REGISTRY.reports[analysis.type].columns(staff=True)]
    rows, totals = analysis.rows(where, order), analysis.totals(where)
    assert not found.failed
    assert f"{print_moment(analysis.start)} to {print_moment(analysis.end)}, basis {analysis.basis}" in heading
    assert cells(names) == columns
    shown = lines[:-3]
    assert len(shown) <= most
    for line, row in zip(shown, rows, strict=False):
        for name, text in zip(columns, cells(line), strict=True):
            assert near(text, row[name]), (name, text, row)
    assert lines[-3] == f"totals of all {len(rows)} rows:"
    for name, text in zip(columns, cells(lines[-2]), strict=True):
        assert near(text, totals[name]) if name in totals else text == "", (name, text, totals)
    left = len(rows) - len(shown)
    assert lines[-1].startswith(f"{len(shown)} of {len(rows)} rows shown{f', {left} left out: ' if left else ''}")


@pytest.mark.parametrize("era", ERAS)
def test_the_tools_are_listed_in_few_words(url: str, site: Site, era: str) -> None:
    async def listed(client: Client) -> Any:
        assert client.server_info
        assert client.server_info.name == "gqlreports"
        return await client.list_tools()

    tools = TestAgent(url, site.staff_key, era).connected(listed).tools
    assert {tool.name for tool in tools} == TOOLS
    for tool in tools:
        assert tool.input_schema["type"] == "object"
        assert tool.description
        assert tool.annotations.read_only_hint
        assert all("description" in each for each in tool.input_schema.get("properties", {}).values() if each)
    assert len(orjson.dumps([tool.model_dump(by_alias=True, exclude_none=True) for tool in tools])) < 5_500


@pytest.mark.thorough
@pytest.mark.parametrize("basis", ["CALL", "ATTEMPT"])
@pytest.mark.parametrize(("type", "parameters"), [*CASES, *OTHER_CASES])
def test_figures_are_right(staff: TestAgent, site: Site, type: str, parameters: dict[str, Any], basis: Any) -> None:
    analysis = Analysis(site.world, type, "5001", START, END, basis, parameters)
    found = staff.use(
        "run_report", report=type, customer="5001", **RANGE, parameters=parameters, basis=basis, rows=MOST_ROWS
    )
    check_report(found, analysis)


@pytest.mark.parametrize("era", ERAS)
def test_rows_are_chosen_and_those_left_out_are_counted(url: str, site: Site, era: str) -> None:
    analysis = Analysis(site.world, "USA_RATE_CENTER", "5001", START, END)
    found = TestAgent(url, site.staff_key, era).use(
        "run_report",
        report="usa_rate_center",
        customer="5001",
        **RANGE,
        where={"callCount": {"gte": 2}},
        order_by=["callCount:desc", "prefix"],
        rows=3,
    )
    check_report(found, analysis, [("callCount", True), ("prefix", False)], {"callCount": {"gte": 2}}, most=3)
    assert " left out: " in found.text


def test_columns_are_chosen(staff: TestAgent, site: Site) -> None:
    found = staff.use(
        "run_report", report="BREAKOUT", customer="5001", **RANGE, columns=["attempts", "destinationName"], rows=1
    )
    analysis = Analysis(site.world, "BREAKOUT", "5001", START, END)
    first = analysis.rows()[0]
    assert found.lines[1] == "attempts,destinationName"
    assert cells(found.lines[2]) == [str(first["attempts"]), first["destinationName"]]
    assert cells(found.lines[4]) == [str(analysis.totals()["attempts"]), ""]


def test_a_date_begins_in_its_zone(staff: TestAgent) -> None:
    asked = {"report": "DTMF", "customer": "5001", "start": "2025-11-01", "end": "2025-11-03T08:00:00+02:00"}
    found = staff.use("run_report", **asked, time_zone="America/New_York")
    assert "2025-11-01T04:00:00.000Z to 2025-11-03T06:00:00.000Z" in found.lines[0]


@pytest.mark.parametrize(
    ("argument", "value", "words"),
    [
        ("start", "yesterday", ["`from`", "'yesterday'", "2025-10-20T00:00:00Z", "midnight"]),
        ("end", "2025-02-30", ["`to`", "no such date"]),
        ("end", "2025-10-01", ["`from` must be before `to`"]),
        ("end", "2999-10-01", ["`rangeDays`", "3660", "shorter range"]),
        ("time_zone", "Mars", ["'Mars'", "Europe/Madrid"]),
        ("report", "ASR", ["'ASR'", "ASR_PER_ROUTE", "list_reports"]),
        ("customer", "nobody", ["'nobody'", "list_customers"]),
        ("columns", ["asrr"], ["'asrr'", "techPrefix", "asr"]),
        ("order_by", ["total:down"], ["`order_by`", "'total:down'", ":desc"]),
        ("order_by", ["nothing"], ["'nothing'", "techPrefix"]),
        ("where", {"asrr": {"lt": 1}}, ["`where`", "'asrr'", "describe_report"]),
        ("where", {"asr": {"lt": "x" * 5_000}}, ["`where`", "describe_report"]),
        ("where", {"asr": {"lt": None}}, ["asr.lt"]),
        ("where", {"total": {"lt": "many"}}, ["`where`", "total.lt", "BigInt", "64 bits"]),
        ("where", {"or": [{"total": {"eq": 1}}] * 101}, ["`conditions`", "101", "at most 100"]),
        ("parameters", {"side": "CLI"}, ["GROUP_BY_TECH_PREFIX has no `parameters`"]),
        ("rows", 0, ["`rows`", "greater than or equal to 1"]),
        ("rows", MOST_ROWS + 1, ["`rows`", str(MOST_ROWS)]),
        ("limit", 5, ["'limit'", "rows"]),
    ],
    ids=lambda value: str(value)[:20],
)
def test_what_is_wrong_is_told_with_what_to_do(staff: TestAgent, argument: str, value: Any, words: list[str]) -> None:
    asked = {"report": "GROUP_BY_TECH_PREFIX", "customer": "5001", **RANGE, argument: value}
    found = staff.use("run_report", **asked)
    assert found.failed
    assert len(found.text) < 1_200
    for word in words:
        assert word in found.text


def test_all_that_is_missing_is_told_at_once(staff: TestAgent) -> None:
    found = staff.use("run_report", report="DTMF")
    assert found == Told("BAD_USER_INPUT: `customer` is missing. `from` is missing. `to` is missing.", True)


def test_a_wrong_parameter_is_told(staff: TestAgent) -> None:
    asked = {"report": "PER_NUMBER", "customer": "5001", **RANGE}
    for parameters, word in (({"side": "BOTH"}, "'BOTH'"), ({"sides": "CLI"}, "'sides'")):
        found = staff.use("run_report", **asked, parameters=parameters)
        assert found.failed
        assert "`parameters`" in found.text
        assert word in found.text
        assert "describe_report" in found.text


def test_a_tool_that_there_is_not(staff: TestAgent) -> None:
    with pytest.raises(MCPError, match="There is no tool 'drop_table'; there are list_reports, "):
        staff.use("drop_table")


def test_what_fails_inside_stays_inside(
    staff: TestAgent, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = {"report": "FAILING", "customer": "5001", **RANGE}
    failed = staff.use("run_report", **asked)
    assert failed.text.startswith("STORE_FAILED: ")
    assert "the secret of the store" in caplog.text

    def broken(*given: object) -> None:
        raise RuntimeError("the secret of the directory")

    monkeypatch.setattr(Directory, "remembered_customer", broken)
    raised = staff.use("run_report", **asked)
    assert raised.text == f"INTERNAL: {HIDDEN}"
    assert "the secret of the directory" in caplog.text
    for found in (failed, raised):
        assert found.failed
        for word in ("secret", "throwIf", "SELECT", "Traceback"):
            assert word not in found.text


# ---- rights ----


def test_a_partner_is_told_of_its_reports_and_customers_alone(partner: TestAgent, site: Site) -> None:
    visible = {name for name, each in sites.REGISTRY.reports.items() if not each.report.staff_only} | set(OWN)
    assert {line.split(",")[0] for line in partner.use("list_reports").lines[1:]} == visible
    assert [line.split(",")[0] for line in partner.use("list_customers").lines[1:]] == ["5003"]
    described = partner.use("describe_report", report="BREAKOUT")
    columns = [column.graphql_name for column in sites.REGISTRY.reports["BREAKOUT"].columns(staff=False)]
    assert [line.split(",")[0] for line in described.lines[2 : 2 + len(columns)]] == columns
    everything = "".join(
        each.text
        for each in (
            partner.use("list_reports"),
            described,
            partner.use("run_report", report="BREAKOUT", customer="5003", **RANGE),
            partner.use("list_calls", report="BREAKOUT", customer="5003", **RANGE),
            partner.use("explain_figure", figure="asr"),
            partner.use("explain_figure", figure="nothing"),
        )
    )
    for word in ("provider", "Provider", "profit", "margin", "DTMF", "ASR_PER_ROUTE"):
        assert word not in everything


@pytest.mark.parametrize("tool", ["describe_report", "run_report", "list_calls"])
def test_a_report_for_staff_is_none_for_a_partner(partner: TestAgent, tool: str) -> None:
    more = {} if tool == "describe_report" else {"customer": "5003", **RANGE}
    hidden, none = (partner.use(tool, report=name, **more) for name in ("DTMF", "NONE"))
    assert hidden.failed
    assert hidden.text == none.text.replace("NONE", "DTMF")


def test_a_figure_for_staff_is_none_for_a_partner(partner: TestAgent, staff: TestAgent) -> None:
    assert "only staff see it" in staff.use("explain_figure", figure="margin").text
    hidden, none = (partner.use("explain_figure", figure=name) for name in ("margin", "nothing"))
    assert hidden.failed
    assert hidden.text == none.text.replace("nothing", "margin")
    asked = {"report": "BREAKOUT", "customer": "5003", **RANGE}
    for wrong in ({"columns": ["margin"]}, {"order_by": ["margin"]}, {"where": {"margin": {"gt": 0}}}):
        found = partner.use("run_report", **asked, **wrong)
        assert found.failed
        assert "'margin'" in found.text
    assert partner.use("list_calls", **asked, columns=["providerCharge"]).failed


@pytest.mark.parametrize("tool", ["run_report", "list_calls"])
def test_a_customer_of_others_is_none(partner: TestAgent, tool: str) -> None:
    asked = {"report": "DID_AS_CLI", **RANGE}
    assert not partner.use(tool, **asked, customer="5003").failed
    others, none = (partner.use(tool, **asked, customer=customer) for customer in ("5001", "0000"))
    assert others.failed
    assert others.text == none.text.replace("0000", "5001")


def test_a_key_that_is_limited_to_reports(url: str, site: Site) -> None:
    agent = TestAgent(url, site.directory.create_key("one", Role.STAFF, reports=["DTMF"]))
    assert [line.split(",")[0] for line in agent.use("list_reports").lines[1:]] == ["DTMF"]
    found = agent.use("run_report", report="BREAKOUT", customer="5001", **RANGE)
    assert found.failed
    assert "there are DTMF." in found.text


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize("key", [None, "wrong", "gqlr_0123456789ab_" + "0" * 72])
def test_without_a_key_that_holds_there_is_nothing(url: str, key: str | None, era: str) -> None:
    with pytest.raises(MCPError, match="key"):
        TestAgent(url, key, era).use("list_reports")


def test_a_loader_reads_nothing(url: str, site: Site) -> None:
    with pytest.raises(MCPError, match="may load CDRs and do nothing else"):
        TestAgent(url, site.directory.create_key("switch", Role.LOADER)).use("list_reports")


def test_a_refusal_has_its_status_and_the_form_of_the_protocol(url: str, site: Site) -> None:
    refused = post(url, "wrong")
    assert (refused.status_code, refused.headers["www-authenticate"]) == (401, 'Bearer error="invalid_token"')
    assert refused.json()["error"]["data"] == {"code": "UNAUTHENTICATED"}
    opened = httpx2.get(f"{url}/mcp", headers={"Authorization": f"Bearer {site.staff_key}"})
    assert (opened.status_code, opened.headers["allow"]) == (405, "POST")
    assert opened.json()["jsonrpc"] == "2.0"


HALVES = '"report":"DTMF","customer":"5001","from":"2025-10-20","to":"2025-11-20","where":{"route":{"eq":"\\ud800"}}'


@pytest.mark.parametrize("argument", [HALVES, '"rows":NaN', f'"where":{"[" * 2000}{"]" * 2000}', '"report"'])
@pytest.mark.parametrize("version", ["2025-06-18", "2026-07-28"])
def test_a_body_that_is_no_json_is_refused(url: str, site: Site, argument: str, version: str) -> None:
    """Also where the SDK would read it."""
    body = (
        f'{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":"run_report","arguments":{{{argument}}}}}}}'
    )
    refused = post(url, site.staff_key, body.encode(), **{"MCP-Protocol-Version": version})
    assert (refused.status_code, refused.json()["error"]["message"]) == (400, "The body cannot be read as JSON.")


# ---- calls ----


def test_calls_are_listed_by_time_and_their_numbers_are_masked(url: str, site: Site) -> None:
    partner = TestAgent(url, site.partner_key("5001"))
    calls = Analysis(site.world, "GROUP_BY_TECH_PREFIX", "5001", START, END).calls()
    columns = ["callid", "branchIdx", "destCli", "destNumber", "lrn", "dtmf", "duration", "customerCharge"]
    asked = {"report": "GROUP_BY_TECH_PREFIX", "customer": "5001", **RANGE}
    found = partner.use("list_calls", **asked, columns=columns, rows=MOST_ROWS)
    _, names, *lines, end = found.lines
    assert names.split(",") == columns
    assert lines
    assert any(call.dest_number for call in calls[: len(lines)])
    for line, call in zip(lines, calls, strict=False):
        hidden = [masked(each) for each in (call.dest_cli, call.dest_number, call.lrn, call.dtmf)]
        *texts, duration, charge = cells(line)
        assert texts == [call.callid, str(call.branch_idx), *hidden]
        assert (Decimal(duration or ""), Decimal(charge or "")) == (call.duration, call.customer_charge)
    left = len(calls) - len(lines)
    assert end.startswith(f"{len(lines)} of {len(calls)} calls shown, {left} left out: ")


def test_rows_are_by_what_is_seen_of_a_number(url: str, site: Site) -> None:
    partner = TestAgent(url, site.partner_key("5001"))
    _, _, *lines = partner.use("run_report", report="PER_NUMBER", customer="5001", **RANGE).lines
    seen = {masked(call.dest_number) for call in Analysis(site.world, "PER_NUMBER", "5001", START, END).calls()}
    shown = [cells(line)[0] for line in lines if "*" in line]
    assert len(shown) > 1
    assert len(shown) == len(set(shown))
    assert set(shown) <= seen


def masked(number: str) -> str:
    shown = number[: max(0, len(number) - 4)] + "*" * min(4, len(number))
    return shown if len(shown) <= 200 else f"{shown[:200]}... ({len(shown)} characters)"


def test_calls_of_rows_that_match(staff: TestAgent, site: Site) -> None:
    where = {"techPrefix": {"eq": ""}}
    analysis = Analysis(site.world, "GROUP_BY_TECH_PREFIX", "5003", START, END)
    found = staff.use("list_calls", report=analysis.type, customer="5003", **RANGE, where=where, rows=1)
    count = len(analysis.calls(where))
    assert count > 1
    assert f"\n1 of {count} calls shown, {count - 1} left out: " in found.text


def test_calls_have_no_other_columns(staff: TestAgent) -> None:
    asked = {"report": "GROUP_BY_TECH_PREFIX", "customer": "5001", **RANGE}
    for name in ("history", "cursor", "nothing"):
        found = staff.use("list_calls", **asked, columns=[name])
        assert found.failed
        assert f"'{name}'" in found.text
        assert "destNumber" in found.text


# ---- few tokens ----


def test_an_answer_is_bounded_and_what_has_no_room_is_counted(staff: TestAgent) -> None:
    found = staff.use("run_report", report="WIDE", customer="5001", **RANGE, rows=MOST_ROWS)
    count = int(found.lines[-3].split()[3])
    shown = len(found.lines) - 5
    assert 0 < shown < MOST_ROWS < count
    assert len(found.text.encode()) < MOST_BYTES + 1_000
    assert found.lines[-1].startswith(f"{shown} of {count} rows shown, {count - shown} left out: ")
    assert "... (20" in found.lines[2]


def test_every_report_is_described_and_explained_in_few_words(staff: TestAgent) -> None:
    async def everything(client: Client) -> dict[str, list[Told]]:
        found = {}
        for name, report in sites.REGISTRY.reports.items():
            figures = [column.graphql_name for column in report.columns(staff=True)]
            calls = [("describe_report", {"report": name})]
            calls += [("explain_figure", {"report": name, "figure": figure}) for figure in figures]
            found[name] = [told(await client.call_tool(*call)) for call in calls]
        return found

    for name, (described, *explained) in staff.connected(everything).items():
        report = sites.REGISTRY.reports[name]
        assert described.text.startswith(f"{name}: {report.description}")
        assert len(described.text) < 4_000
        for column, text in zip(report.columns(staff=True), explained, strict=True):
            assert text.lines[0] == f"{column.graphql_name} of {name}"
            assert f"definition: {column.description}" in text.text
            assert len(text.text) < 800


def test_a_ratio_is_explained_by_its_parts(staff: TestAgent) -> None:
    found = staff.use("explain_figure", figure="ASR", report="group_by_tech_prefix")
    assert found.lines == [
        "asr of GROUP_BY_TECH_PREFIX",
        "definition: Answer seizure ratio: answered calls per attempt (ITU-T E.411)",
        "formula: numerator / denominator",
        "numerator: answered calls",
        "denominator: calls (basis CALL) or route attempts (basis ATTEMPT)",
        "unit: 0..1",
        "caveats: null where the denominator is 0; never add or average the rows' values: the totals are computed anew "
        "from the calls",
    ]


def test_a_figure_of_several_reports_is_explained_once(staff: TestAgent) -> None:
    found = staff.use("explain_figure", figure="asr").text.split("\n\n")
    reports = [set(part.splitlines()[0].removeprefix("asr of ").split(", ")) for part in found]
    having = {name for name, each in sites.REGISTRY.reports.items() if "asr" in each.report.columns}
    assert set().union(*reports) == having
    assert sum(map(len, reports)) == len(having) > len(found)


@pytest.mark.parametrize(
    ("value", "printed"),
    [
        (None, "null"),
        ("null", '"null"'),
        ("", '""'),
        (True, "true"),
        ("true", '"true"'),
        (3, "3"),
        (2**63 - 1, "9223372036854775807"),
        (0.0, "0"),
        (85.08333333333333, "85.0833"),
        (1234567.25, "1234567.25"),
        (0.000012345678, "1.235e-05"),
        (-0.5, "-0.5"),
        ("0.10500000", "0.10500000"),
        ("0044", "0044"),
        ("New York", "New York"),
        (" x", '" x"'),
        ('a,"b"', '"a,\\"b\\""'),
        ("one\ntwo: all 9 rows", '"one\\ntwo: all 9 rows"'),
        ("\x1b[2J", '"\\u001b[2J"'),
        ("x" * 201, f"{'x' * 200}... (201 characters)"),
        ({"a": "b"}, '"{\\"a\\":\\"b\\"}"'),
    ],
)
def test_cells(value: Any, printed: str) -> None:
    assert cell(value) == printed
    if isinstance(value, str) and len(value) <= 200:
        assert cells(printed) == [value]


def test_a_table_ends_at_a_whole_row() -> None:
    rows = [("é" * 10,)] * 10
    text, shown = table(("name",), rows, most=21 * 3)
    assert (text.splitlines(), shown) == (["name", *["é" * 10] * 3], 3)
    assert table(("name",), rows, most=0) == ("name", 0)


# ---- what the operator sees ----


def test_a_run_is_in_the_audit_and_in_the_log(url: str, site: Site, caplog: pytest.LogCaptureFixture) -> None:
    key = site.directory.create_key("auditor", Role.PARTNER, ["5003"])
    agent = TestAgent(url, key)
    asked = {"report": "DID_AS_CLI", **RANGE}
    with caplog.at_level(logging.INFO, "gqlreports"):
        agent.use("run_report", **asked, customer="5003")
        agent.use("run_report", **asked, customer="5001")
        agent.use("run_report", **asked)
    lines = [each.__dict__ for each in caplog.records if each.getMessage() == "request"]
    ran = [(each["key_id"], each["code"], each["reports"]) for each in lines if each["operation"] == "run_report"]
    assert [(key_id, code) for key_id, code, _ in ran] == [
        (key.split("_")[1], code) for code in ("OK", "NOT_FOUND", "BAD_USER_INPUT")
    ]
    [[report], *others] = [reports for *_, reports in ran]
    assert (report["type"], report["customer"], report["code"]) == ("DID_AS_CLI", "5003", "OK")
    assert report["statements"] > 0
    assert not any(others)

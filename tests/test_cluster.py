"""A cluster of two servers: every answer is the embedded store's, calls stay where they are, and half is no answer."""

import asyncio
import csv
import io
import secrets
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
import orjson
import pytest

from gqlreports.backends.base import Customers, Statement
from gqlreports.plugins import CountingBasis
from gqlreports.schema.explanation import TableRead, readings
from gqlreports.schema.plan import rows
from gqlreports.schema.request import ReportRequest, Selection
from gqlreports.schema.scalars import print_moment
from gqlreports.store.load_cdrs import load_cdrs
from tests.clickhouse.server import ClickHouse, start_cluster
from tests.support.analysis_oracle import Analysis, Where, constant
from tests.support.asking import BUCKET, CASES, COLUMNS, OTHER_CASES, TOTALS, document, names, order_by, scope
from tests.support.awkward import write_files
from tests.support.drawing import END, START
from tests.support.sites import REGISTRY, Engine, Site, make_site, nothing, served_site
from tests.support.stores import ClusterStore, command, new_cluster_database
from tests.support.waiting import PATIENCE
from tests.test_analysis import MIDDLE, WHERE, ZONE
from tests.test_calls import CALL
from tests.test_comparison import between, compared

pytestmark = pytest.mark.processes

BIG = "5003"
EVERY = [case for case in CASES[1:] + OTHER_CASES if "didsOnly" not in case[1]]
"""Each report once, and USA_RATE_CENTER by the called and by the calling number."""

UNTOUCHED = {"DID_AS_CLI", "DTMF", "ASR_PER_ROUTE", "RELEASE_REASONS"}
"""Reports with no column of what `correction` changes."""


@dataclass(frozen=True)
class Twins:
    """The same files, loaded and then corrected, in both stores; `between` is a moment after the load."""

    embedded: Site
    cluster: Site
    store: ClusterStore
    between: datetime


@pytest.fixture(scope="module")
def twins(engine: Engine, cluster: list[ClickHouse], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Twins]:
    home, store = tmp_path_factory.mktemp("twins"), new_cluster_database(cluster)
    write_files(home)
    embedded, backend = make_site(home, home, engine), store.backend()
    corrected = correction(home / "cdrs.csv", home / "corrected.csv")
    with served_site(tmp_path_factory.mktemp("directory"), home, engine, backend) as made:
        store.reload_dictionaries()
        time.sleep(0.01)
        moment = datetime.now(UTC)
        time.sleep(0.01)
        assert made.served is not None
        assert made.served.portal is not None
        made.served.portal.call(load_cdrs, backend, str(corrected), nothing, True)
        asyncio.run(load_cdrs(embedded.backend, str(corrected), nothing, True))
        yield Twins(embedded, made, store, moment)
    embedded.directory.close()


def correction(source: Path, path: Path) -> Path:
    """Every seventh row with another price, another prefix and another number."""
    with source.open(newline="") as file:
        cells = list(csv.DictReader(file))[::7]
    for place, row in enumerate(cells):
        row |= {"customer_charge": f"{place}.125", "tech_prefix": "77", "dest_number": f"1978555{place:04}"}
    out = io.StringIO()
    writer = csv.DictWriter(out, list(cells[0]))
    writer.writeheader()
    writer.writerows(cells)
    path.write_text(out.getvalue())
    return path


def everything(analysis: Analysis) -> dict[str, str]:
    """All that can be asked about a report, by the words of its fields."""
    type, keys = analysis.type, analysis.keys
    by = keys[-1:]
    measure = next(name for name in COLUMNS[type].split() if name not in keys)
    order = [(by[0], True), (measure, True)]
    return {
        "rows": f"rows(where: $where, {order_by(order)}, first: 100000) {{ {COLUMNS[type]} }}",
        "count": "rowCount(where: $where)",
        "totals": f"totals(where: $where) {{ {TOTALS[type]} }}",
        "subtotals": f"subtotals(by: {names(by)}, where: $where, {order_by(order)}, first: 100000) {{ "
        f"{COLUMNS[type]} summedAway }}",
        "top": f"top(n: 3, by: {constant(measure)}, where: $where) {{ rows {{ {COLUMNS[type]} }} "
        f"others {{ {TOTALS[type]} }} otherRowCount otherCallCount }}",
        "timeline": f'timeline(every: DAY, timeZone: "{ZONE}", where: $where, by: {names(by)}, series: 2) {{ '
        f"{BUCKET} {COLUMNS[type]} }}",
        "comparison": f"comparison(with: {between(START, MIDDLE)}, where: $where) {{ "
        f"rows(first: 100000) {{ {compared(COLUMNS[type], keys)} }} rowCount "
        f"totals {{ {compared(TOTALS[type], ())} }} }}",
        "calls": f"calls(where: $where, first: 50) {{ cursor {CALL} history {{ customerCharge destNumber }} }} "
        "callCount(where: $where)",
    }


@pytest.mark.parametrize(("type", "parameters"), EVERY)
def test_every_answer_is_the_embedded_stores(twins: Twins, type: str, parameters: dict[str, Any]) -> None:
    """Byte by byte: all fields with a filter by attempt, and rows and totals by call, and as of before the correction.

    Without a filter all fields are asked of two reports, of which one has a rollup.
    """
    whole = Analysis(twins.embedded.world, type, BIG, START, END, "CALL", parameters)
    late = START + timedelta(days=3, hours=7, milliseconds=1)
    cut = Analysis(twins.embedded.world, type, BIG, late, END, "ATTEMPT", parameters)
    fields = everything(whole)
    selection = " ".join(fields.values())
    then = f"{fields['rows']} {fields['totals']}"
    plain = selection if type in ("BREAKOUT", "DTMF") else then
    as_of = f'basis: $basis, asOf: "{print_moment(twins.between)}"'
    questions: list[tuple[Analysis, str, Where | None]] = [
        (whole, document(whole, plain, {"where": 1}), None),
        (cut, document(cut, selection, {"where": 1}), WHERE[type]),
        (whole, document(whole, then, {"where": 1}).replace("basis: $basis", as_of), None),
    ]
    answers = [[ask(site, *each) for each in questions] for site in (twins.embedded, twins.cluster)]
    assert answers[0] == answers[1]
    now, _, before = answers[0]
    assert type in UNTOUCHED or rows_and_totals(now) != rows_and_totals(before)


def rows_and_totals(answer: bytes) -> tuple[Any, Any]:
    report = orjson.loads(answer + b"}")["data"]["customReport"]
    return report["rows"], report["totals"]


def ask(site: Site, analysis: Analysis, query: str, where: Where | None, request_id: str = "twins") -> bytes:
    """The data of an answer as it is printed."""
    body = {"query": query, "variables": {**scope(analysis), "where": where}}
    headers = {"Authorization": f"Bearer {site.staff_key}", "X-Request-Id": request_id}
    response = site.client.post("/graphql", json=body, headers=headers)
    assert "errors" not in response.json(), response.json()["errors"]
    data: bytes = response.content.partition(b',"extensions":')[0]
    return data


@pytest.mark.parametrize(("type", "form"), [*((type, "csv") for type in COLUMNS), ("BREAKOUT", "jsonl")])
def test_every_export_is_the_embedded_stores(twins: Twins, type: str, form: str) -> None:
    def file(site: Site) -> bytes:
        span = {"from": print_moment(START), "to": print_moment(END)}
        headers = {"Authorization": f"Bearer {site.staff_key}"}
        response = site.client.get(f"/export/{type}.{form}", params={"customer": BIG, **span}, headers=headers)
        assert response.status_code == 200
        content: bytes = response.content
        return content

    assert file(twins.cluster) == file(twins.embedded)
    assert file(twins.cluster).count(b"\n") > 3


@pytest.mark.parametrize(("type", "parameters"), EVERY)
def test_groups_cross_and_no_calls(twins: Twins, type: str, parameters: dict[str, Any]) -> None:
    """What the other shard sends is as much as that shard would answer by itself, and of a page no more than it.

    Its own log tells how many rows it sent for each field; where grouping is not spread, all calls of the customer.
    """
    analysis = Analysis(twins.embedded.world, type, BIG, START, END, "CALL", parameters)
    other, asker = twins.store.servers[1], secrets.token_hex(4)
    fields = everything(analysis)
    asked = {name: fields[name] for name in ("rows", "count", "totals", "subtotals")}
    asked["page"] = "calls(where: $where, first: 3) { callid destNumber }"
    for name, selection in asked.items():
        ask(twins.cluster, analysis, document(analysis, selection, {"where": 1}), None, f"{asker}-{name}")
    log(other, "SYSTEM FLUSH LOGS")
    sent = {name: sent_by(other, f"{asker}-{name}-", twins.store.database) for name in asked}
    shard = f"SELECT count() AS n FROM {twins.store.database}.cdr_local WHERE customer_id = '{BIG}'"
    [calls], [few] = log(other, shard), log(other, f"{shard} AND sign < 0")
    back = few["n"]
    assert calls["n"] > 140
    assert back > 10
    # Besides the page: the calls that were taken back, looked for twice, and both versions of each.
    page = sorted(sent.pop("page"))
    assert page == [3, back, back, 2 * back] or parameters.get("didsOnly") or type == "USA_CALLS"
    assert page[0] == 3
    groups = {name: max(rows) for name, rows in sent.items()}
    assert groups.pop("totals") <= 6
    assert all(1 <= each < calls["n"] * 0.7 for each in groups.values()), (groups, calls)


def sent_by(server: ClickHouse, request_id: str, database: str) -> list[int]:
    """How many rows a server sent for each of the statements of a request."""
    rows = log(
        server,
        "SELECT result_rows AS rows FROM system.query_log WHERE type = 'QueryFinish' AND NOT is_initial_query "
        f"AND startsWith(initial_query_id, '{request_id}') AND has(databases, '{database}')",
    )
    return [int(row["rows"]) for row in rows]


def log(server: ClickHouse, sql: str) -> list[dict[str, Any]]:
    """The rows of a query by the server's own interface."""
    body = f"{sql} FORMAT JSONEachRow" if sql.startswith("SELECT") else sql
    response = httpx2.post(f"http://127.0.0.1:{server.port}/", content=body.encode(), timeout=PATIENCE)
    assert response.status_code == 200, response.text
    return [orjson.loads(line) for line in response.text.splitlines()]


def test_explain_tells_what_each_shard_does(cluster: list[ClickHouse]) -> None:
    """Days are read from the rollup of each shard, which sends sums; calls that nothing groups are sent as they are."""
    store = new_cluster_database(cluster)
    command(
        cluster[0].url(store.database),
        "INSERT INTO cdr (callid, sign, customer_id, dt, tech_prefix) SELECT toString(number), 1, '1001', "
        "toDateTime64('2025-11-01 00:00:00', 3, 'UTC') + toIntervalHour(number % 240), toString(number % 7) "
        "FROM numbers(200000) SETTINGS distributed_foreground_insert = 1",
    )
    report, start = REGISTRY.reports["GROUP_BY_TECH_PREFIX"], datetime(2025, 11, 3, tzinfo=UTC)
    days = ReportRequest(
        report,
        Customers.of("1001"),
        start,
        start + timedelta(days=5),
        report.report.Parameters(),
        CountingBasis.CALL,
        staff=True,
    )
    sums = explained(store, rows.rows(days, Selection.all(days.columns)))
    assert [(each.is_rollup, each.shard, each.grouped) for each in sums] == [(True, 0, True), (True, 1, True)]
    assert all(0 < each.granules < 4 for each in sums)
    calls = explained(store, Statement("SELECT callid FROM cdr WHERE sign > 0"))
    assert [(each.name, each.shard, each.grouped) for each in calls] == [
        ("cdr_local", 0, True),
        ("cdr_local", 1, False),
    ]


def explained(store: ClusterStore, statement: Statement) -> list[TableRead]:
    return store.run(lambda backend: readings(backend, statement))


def test_half_of_the_calls_is_no_answer(engine: Engine, tmp_path: Path) -> None:
    """With a shard down every report fails with words; the shard back, all answer as before."""
    servers = start_cluster(tmp_path / "servers")
    store = new_cluster_database(servers)
    home = tmp_path / "files"
    write_files(home, calls=200)
    analysis = Analysis(None, "GROUP_BY_TECH_PREFIX", BIG, START, END, "CALL", {})  # type: ignore[arg-type]
    query = document(analysis, "rows { techPrefix total } totals { total }", {})
    try:
        with served_site(home, home, engine, store.backend()) as site:
            whole = ask(site, analysis, query, None)
            servers[1].stop()
            [error] = site.ask(query, **scope(analysis))["errors"]
            assert error["extensions"]["code"] == "STORE_UNAVAILABLE"
            span = {"from": print_moment(START), "to": print_moment(END)}
            headers = {"Authorization": f"Bearer {site.staff_key}"}
            export = site.client.get(
                "/export/GROUP_BY_TECH_PREFIX.csv", params={"customer": BIG, **span}, headers=headers
            )
            assert export.status_code == 503
            servers[1].start()
            assert ask(site, analysis, query, None) == whole
    finally:
        for each in servers:
            each.stop()

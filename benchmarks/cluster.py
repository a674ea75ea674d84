"""A cluster of two servers beside one that holds all calls, each on one core: times, and the bytes that cross.

The bytes are those that the shard which was not asked sent to the one that was, by its own log.  Beside them stands
what the same shard answers to the report by itself, in ClickHouse's own format and compressed by LZ4, as servers do.
"""

import asyncio
import statistics
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx2
import orjson

from benchmarks.calls import LARGE
from benchmarks.results import Section, Table
from benchmarks.statements import day
from benchmarks.store import Home
from gqlreports.backends.base import Customers, Statement
from gqlreports.backends.request import REQUEST_ID
from gqlreports.plugins import CountingBasis
from gqlreports.plugins.registry import Registry
from gqlreports.schema.plan import rows
from gqlreports.schema.plan.calls import calls
from gqlreports.schema.request import ReportRequest, Selected, Selection
from tests.clickhouse.library import bring
from tests.clickhouse.server import ClickHouse, start_cluster
from tests.support.stores import ClusterStore, ServedStore, command, new_cluster_database

RUNS = 15
REPORTS = ("USA_RATE_CENTER", "BREAKOUT", "USA_CALLS", "PER_NUMBER", "GROUP_BY_TECH_PREFIX")
PAGE = "first 100 calls"
_HEADINGS = ["a month of", "one server, ms", "two, ms", "two / one", "bytes that cross", "of the shard's own groups"]


def measured(home: Home, runs: int = RUNS) -> Section:
    bring()
    figures: dict[str, float] = {}
    cells = []
    with TemporaryDirectory() as folder:
        one = ClickHouse(Path(folder) / "one", data=home.linked(), core=0)
        one.start()
        alone = ServedStore(one.url("").rstrip("/"), "default")
        pair = start_cluster(Path(folder) / "two", cores=(0, 1))
        try:
            both = new_cluster_database(pair)
            _spread(one, alone, both)
            for name, statement in _questions().items():
                ratio, times = asyncio.run(_timed(name, statement, alone, both, runs))
                crossed, own = _crossed(name, statement, both), _own(statement, both)
                figures |= {f"{name} one": times[0], f"{name} two": times[1], f"{name} two / one": ratio}
                figures |= {f"{name} crossed": crossed, f"{name} own": own}
                shown = [f"{times[0]:.1f}", f"{times[1]:.1f}", f"{ratio:.2f}", f"{crossed:,}", f"{crossed / own:.2f}"]
                cells.append([name, *shown])
        finally:
            for server in (one, *pair):
                server.stop()
    return Section(figures, [Table("Two servers beside one", _HEADINGS, cells)])


def _questions() -> dict[str, Statement]:
    registry = Registry.load(strict=True).reports
    found = {}
    for name in REPORTS:
        report = registry[name]
        month = ReportRequest(
            report, Customers.of(LARGE), day(150), day(180), report.report.Parameters(), CountingBasis.CALL, staff=True
        )
        found[name] = rows.rows(month, Selection.all(month.columns))
    columns = Selection(
        "Call", tuple(Selected(each, each) for each in ("dt", "callid", "destNumber", "customerCharge"))
    )
    return {**found, PAGE: calls(month, columns, 100)}


def _spread(one: ClickHouse, alone: ServedStore, both: ClusterStore) -> None:
    """The same rows on two servers, each call on its shard."""
    for place, server in enumerate(both.servers):
        source = f"remote('127.0.0.1:{one.native_port}', {alone.database}, cdr)"
        shard = f"cityHash64(switch, callid) % {len(both.servers)} = {place}"
        settings = "SETTINGS max_partitions_per_insert_block = 0"
        command(server.url(both.database), f"INSERT INTO cdr_local SELECT * FROM {source} WHERE {shard} {settings}")
        command(server.url(both.database), "OPTIMIZE TABLE cdr_local FINAL")
    source = f"remote('127.0.0.1:{one.native_port}', {alone.database}, numbering)"
    command(both.servers[0].url(both.database), f"INSERT INTO numbering SELECT * FROM {source}")
    both.reload_dictionaries()


async def _timed(
    name: str, statement: Statement, alone: ServedStore, both: ClusterStore, runs: int
) -> tuple[float, list[float]]:
    """The median ratio of pairs, and the median of each, in milliseconds; the answers must be the same."""
    backends = [alone.backend(), both.backend()]
    taken: list[list[float]] = [[], []]
    answers = [(await each.fetch_json(statement)).json for each in backends]
    if answers[0] != answers[1]:
        raise SystemExit(f"{name}: the cluster answers something else")
    for run in range(runs):
        print(f"\r{name}: {run + 1}", end="", file=sys.stderr, flush=True)
        for place in (0, 1) if run % 2 else (1, 0):
            start = time.perf_counter()
            await backends[place].fetch_json(statement)
            taken[place].append((time.perf_counter() - start) * 1000)
    for each in backends:
        await each.close()
    ratio = statistics.median(two / one for one, two in zip(*taken, strict=True))
    return ratio, [statistics.median(each) for each in taken]


def _crossed(name: str, statement: Statement, both: ClusterStore) -> int:
    request_id = f"crossed-{name.replace(' ', '-')}"

    async def asked() -> None:
        REQUEST_ID.set(request_id)
        backend = both.backend()
        await backend.fetch_json(statement)
        await backend.close()

    asyncio.run(asked())
    other = both.servers[1]
    command(other.url(""), "SYSTEM FLUSH LOGS")
    sent = (
        "SELECT sum(ProfileEvents['NetworkSendBytes']) AS sent FROM system.query_log WHERE type = 'QueryFinish' "
        f"AND NOT is_initial_query AND startsWith(initial_query_id, '{request_id}-') FORMAT JSONEachRow"
    )
    return int(orjson.loads(httpx2.post(f"http://127.0.0.1:{other.port}/", content=sent).text)["sent"])


def _own(statement: Statement, both: ClusterStore) -> int:
    """The compressed bytes of what the other shard answers by itself."""
    sql = statement.sql.replace("{database:Identifier}.`cdr`", "{database:Identifier}.`cdr_local`")
    values = {f"param_{name}": str(value) for name, value in statement.values(both.database).items()}
    settings = {"enable_http_compression": "1", "default_format": "Native", "database": both.database}
    other = both.servers[1]
    response = httpx2.stream(
        "POST",
        f"http://127.0.0.1:{other.port}/",
        params=values | settings,
        content=sql.encode(),
        headers={"Accept-Encoding": "lz4"},
    )
    with response as answer:
        if answer.status_code != 200:
            raise SystemExit(answer.read().decode())
        return sum(len(piece) for piece in answer.iter_raw())

"""The server that `benchmarks.reports` measures: the real one, and two routes besides.

All three run in this one process, on one engine and the same data, so that caches, threads and memory are the same
for each.  `/engine/NAME` runs the statement of a workload on a raw chDB connection and tells, in a header, the time
until its bytes were there, without any HTTP.  `/ordinary` is the same endpoint with resolvers as they come.
"""

import asyncio
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import chdb
import orjson
import uvicorn
from graphql import GraphQLObjectType, get_named_type
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from gqlreports.backends.base import Backend, Statement
from gqlreports.backends.embedded import EmbeddedBackend
from gqlreports.backends.settings import READING
from gqlreports.directory.directory import Directory
from gqlreports.directory.models import Customer
from gqlreports.directory.principal import Role
from gqlreports.limits import RequestLimits
from gqlreports.plugins import CountingBasis
from gqlreports.plugins.registry import Registry
from gqlreports.schema.admission import Admission
from gqlreports.schema.allowance import Allowance
from gqlreports.schema.plan import rows
from gqlreports.schema.plan.rows import Page
from gqlreports.schema.query import build_schema
from gqlreports.schema.rawjson import SplicingExecutor
from gqlreports.schema.request import ReportRequest
from gqlreports.schema.selection import Selected, Selection
from gqlreports.schema.spliced import Spliced
from gqlreports.store.definition import definition
from gqlreports.web.app import create_app
from gqlreports.web.audit import AuditTrail
from gqlreports.web.authentication import Authentication
from gqlreports.web.documents import Documents
from gqlreports.web.gate import Gate
from gqlreports.web.graphql import GraphQLEndpoint
from gqlreports.web.options import HttpOptions
from gqlreports.web.rates import Rates
from gqlreports.web.view import Shared

CUSTOMER = "1001"
MILLISECONDS = "x-milliseconds"
connect: Callable[[str], Any] = chdb.connect
_FIRST_DAY = datetime(2025, 10, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Workload:
    """A report of exactly `rows` rows over a day of its own."""

    report: str
    type_name: str
    fields: tuple[str, ...]
    rows: int
    day: int

    @property
    def start(self) -> datetime:
        return _FIRST_DAY + timedelta(days=self.day)

    @property
    def end(self) -> datetime:
        return self.start + timedelta(days=1)

    @property
    def query(self) -> str:
        arguments = f'type: {self.report}, customer: "{CUSTOMER}", from: "{_text(self.start)}", to: "{_text(self.end)}"'
        rows = f"rows(first: {self.rows}) {{ {' '.join(self.fields)} }}"
        return f"{{ customReport({arguments}) {{ ... on {self.type_name} {{ {rows} }} }} }}"


_TECH_PREFIX = ("GROUP_BY_TECH_PREFIX", "GroupByTechPrefixReport", ("techPrefix", "asr", "acd", "answeredCalls"))
_RATE_CENTER = ("USA_RATE_CENTER", "UsaRateCenterReport", ("prefix", "rc", "totalCustomerCharge", "callCount"))
WORKLOADS = (
    Workload(*_TECH_PREFIX, rows=30, day=0),
    Workload(*_RATE_CENTER, rows=1_000, day=1),
    Workload(*_RATE_CENTER, rows=20_000, day=2),
    Workload(*_RATE_CENTER, rows=100_000, day=3),
)

# Calls go round the NPA-NXXs and the tech prefixes in turn, so that each of them has some.
_CALLS = """
INSERT INTO cdr (dt, callid, switch, customer_id, tech_prefix, dest_number, answered, duration, customer_charge,
    customer_card_currency, customer_card_dest_code, provider_charge, provider_card_currency, sign, loaded_at)
WITH
    number % {rows:UInt64} AS group,
    (200 + intDiv(group, 800)) * 1000 + 200 + group % 800 AS code,
    cityHash64(number) AS hash
SELECT
    fromUnixTimestamp64Milli({start:Int64} + intDiv(number * 86400000, {calls:UInt64}), 'UTC'),
    concat(lower(hex(hash)), '@sw1'),
    'sw1',
    {customer:String},
    leftPad(toString(100 + number % 30), 4, '0'),
    concat('1', toString(code), leftPad(toString(hash % 10000), 4, '0')),
    hash % 100 < 60,
    toDecimal64(if(hash % 100 < 60, hash % 600000 / 1000, 0), 3),
    toDecimal64(if(hash % 100 < 60, hash % 10000 / 100000, 0), 8),
    'USD',
    '1',
    toDecimal64(if(hash % 100 < 60, hash % 7000 / 100000, 0), 8),
    'USD',
    1,
    now64(3, 'UTC')
FROM numbers({calls:UInt64})
"""
_NUMBERING = """
INSERT INTO numbering (prefix, rate_center, state, loaded_at)
SELECT toString((200 + intDiv(number, 800)) * 1000 + 200 + number % 800), concat('CENTER', toString(number % 5000)),
    'NY', now64(6, 'UTC')
FROM numbers(100000)
"""


class OrdinaryExecutor(SplicingExecutor):
    """Rows as objects, each field completed by the executor, as any Strawberry resolver that returns a list."""

    def complete_list_value(
        self,
        return_type: Any,
        field_details_list: Any,
        info: Any,
        path: Any,
        result: Any,
        position_context: Any,
    ) -> Any:
        if not isinstance(result, Spliced):
            return super().complete_list_value(return_type, field_details_list, info, path, result, position_context)
        names = _attributes(return_type)
        fields = {each.field for each in self.selected(return_type, field_details_list)}
        selected = Selection("", tuple(Selected(names[field], field) for field in sorted(fields)))

        async def completed() -> Any:
            rows = [_Row(**row) for row in orjson.loads(await result.fetch(selected))]
            done = super(OrdinaryExecutor, self).complete_list_value(
                return_type, field_details_list, info, path, rows, position_context
            )
            return await done if self.is_awaitable(done) else done

        return completed()


class _Row:
    def __init__(self, **values: object) -> None:
        self.__dict__ = values


def _attributes(return_type: Any) -> dict[str, str]:
    """The Python names of a type's fields by their GraphQL names."""
    row_type = get_named_type(return_type)
    assert isinstance(row_type, GraphQLObjectType)
    declared = row_type.extensions["strawberry-definition"].fields
    return {field.graphql_name: field.python_name for field in declared}


def serve(listener: socket.socket, directory_path: Path, calls: int, key: Connection) -> None:
    """Fill a new store, send a key for it to `key`, and serve until killed.

    Each workload has `calls` calls, or as many as it has rows if those are more.
    """
    store = directory_path / "store"
    asyncio.run(fill(EmbeddedBackend(store, definition()), calls))
    directory = Directory(f"sqlite:///{directory_path / 'directory.db'}")
    directory.save_customers([Customer(id=CUSTOMER, name="Alder Voice", currency="USD")])
    key.send(directory.create_key("benchmark", Role.STAFF))

    registry = Registry.load(strict=True)
    backend = EmbeddedBackend(store, definition())
    http = HttpOptions(RequestLimits(requests_per_minute=1_000_000), answers_bytes=0)
    app = create_app(registry, backend, directory, http=http)
    schemas = {role: build_schema(registry, role, OrdinaryExecutor) for role in Role}
    gate = Gate(Authentication(directory), Rates(http.limits.requests_per_minute), http.draining)
    allowance, admission = Allowance(http.limits), Admission()
    audit = AuditTrail(directory)
    shared = Shared(backend, directory, 0, allowance, admission, Documents(None), http.draining, audit)
    ordinary = GraphQLEndpoint(schemas, gate, shared)
    app.router.routes.append(Route("/ordinary", ordinary, methods=["POST"]))
    app.router.routes.append(Route("/engine/{place:int}", _Engine(store, registry).answer))
    uvicorn.Server(uvicorn.Config(app, log_level="warning")).run([listener])


class _Engine:
    """A chDB connection with the settings of the product's, and nothing around it."""

    def __init__(self, store: Path, registry: Registry) -> None:
        self._address = f"{store.resolve()}?{urlencode(READING | {'max_execution_time': '60'})}"
        self._connection: Any = None
        self._statements = [statement_of(registry, workload) for workload in WORKLOADS]

    async def answer(self, request: Request) -> Response:
        data, seconds = await run_in_threadpool(self._timed, self._statements[request.path_params["place"]])
        return Response(data, headers={MILLISECONDS: str(seconds * 1000)})

    def _timed(self, statement: Statement) -> tuple[bytes, float]:
        if self._connection is None:
            self._connection = connect(self._address)
        start = time.perf_counter()
        data: bytes = self._connection.query(statement.sql, "JSONEachRow", params=statement.values("default")).bytes()
        return data, time.perf_counter() - start


def statement_of(registry: Registry, workload: Workload) -> Statement:
    """What the API asks of the store for a workload."""
    report = registry.reports[workload.report]
    parameters = report.report.Parameters()
    request = ReportRequest(report, CUSTOMER, workload.start, workload.end, parameters, CountingBasis.CALL, staff=True)
    selection = Selection("", tuple(Selected(field, field) for field in workload.fields))
    return rows.rows(request, selection, Page((), workload.rows))


async def fill(backend: Backend, calls: int) -> None:
    """Fill an empty store, and close it."""
    async with backend.session() as session:
        await session.command(Statement(_NUMBERING))
        await session.command(Statement("SYSTEM RELOAD DICTIONARY rate_center"))
        for each in WORKLOADS:
            start = int(each.start.timestamp() * 1000)
            parameters = {"rows": each.rows, "start": start, "calls": max(calls, each.rows), "customer": CUSTOMER}
            await session.command(Statement(_CALLS, parameters))
        await session.command(Statement("OPTIMIZE TABLE cdr FINAL"))
    await backend.close()


def _text(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")

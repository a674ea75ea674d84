"""Assembles the web application from its parts, with the options that an operator can set."""

import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, nullcontext
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from gqlreports.backends.answer_cache import AnswerCache
from gqlreports.backends.base import Backend
from gqlreports.config import ANSWERS_BYTES
from gqlreports.directory.directory import Directory
from gqlreports.directory.principal import NOT_MASKED, Masking
from gqlreports.errors import StoreError
from gqlreports.limits import USUAL, RequestLimits
from gqlreports.plugins.registry import Registry
from gqlreports.schema.door import Door, RunningReports
from gqlreports.schema.plan.batch import FieldBatcher
from gqlreports.schema.schemas import Schemas
from gqlreports.schema.stored_rows import StoredRows
from gqlreports.telemetry.metrics import Metrics
from gqlreports.telemetry.tracing import BackendObserver
from gqlreports.web.audit import AuditTrail
from gqlreports.web.authentication import Authentication, Gate
from gqlreports.web.cors import OtherOrigins
from gqlreports.web.documents import Documents
from gqlreports.web.errors import http_error, unexpected_error
from gqlreports.web.export import ExportEndpoint
from gqlreports.web.gathering import Loads
from gqlreports.web.graphql import GraphQLEndpoint, Shared
from gqlreports.web.lifecycle import Readiness, Shutdown
from gqlreports.web.limits import HeaderLimit, RateHeaders, Rates
from gqlreports.web.loading import LoadEndpoint
from gqlreports.web.observation import ObservationMiddleware, RequestIdMiddleware
from gqlreports.web.panel import BUILT, Panel
from gqlreports.web.session import SessionEndpoint


@dataclass(frozen=True)
class HttpOptions:
    """The options of the web application.

    `documents` are the only documents that partners may run, by id; None lets them run any.  `reports_at_once` limits
    the reports that run or wait for the store.  `shutdown` signals the end of the process.  Cached answers take at most
    `answers_bytes`; with 0 none is cached.  Pages of the `origins` may call the API from a browser.  With
    `federation`, the API is a subgraph.
    """

    limits: RequestLimits = USUAL
    reports_at_once: int = 400
    documents: Mapping[str, str] | None = None
    shutdown: Shutdown = field(default_factory=Shutdown)
    answers_bytes: int = ANSWERS_BYTES
    origins: tuple[str, ...] = ()
    federation: bool = False


if TYPE_CHECKING:
    from gqlreports.directory.tokens import Tokens
    from gqlreports.web.agents import AgentEndpoint

logger = logging.getLogger(__name__)


def create_app(
    registry: Registry,
    backend: Backend,
    directory: Directory,
    masking: Masking = NOT_MASKED,
    metrics: Metrics | None = None,
    tokens: "Tokens | None" = None,
    http: HttpOptions | None = None,
    panel: Path = BUILT,
) -> Starlette:
    """Create the ASGI application.

    It serves GraphQL at /graphql, exports at /export, loads at /load, log-in at /session, liveness at /healthz,
    readiness at /readyz, agents at /mcp if their packages are installed, and the panel elsewhere.

    The application opens the backend when it starts, and closes it and the directory when it stops.  It also starts
    without a store; each report then fails with an error that says so, until there is one.  `masking` says
    from whom numbers are hidden.  The application counts in `metrics`.  With `tokens`, it accepts an
    identity provider's tokens in addition to keys.  The built panel is in the folder `panel`.
    """
    options, metrics = http or HttpOptions(), metrics or Metrics()
    # Created before the backend is wrapped: queries for the limits do not count towards a report's cost.
    stored = StoredRows(backend)
    if options.answers_bytes:
        backend = answered = AnswerCache(backend, options.answers_bytes)
        metrics.watch(answered.counts)
    backend = BackendObserver(backend)

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        try:
            await backend.open()
        except StoreError as error:
            logger.error("There is no store yet. %s", error)
        audit.start()
        async with agents.running() if agents else nullcontext():
            yield
        await loads.end()
        await backend.close()
        await run_in_threadpool(audit.end)
        directory.close()

    audit = AuditTrail(directory)
    gate = Gate(Authentication(directory, tokens), Rates(options.limits.requests_per_minute), options.shutdown)
    schemas = Schemas(registry, options.limits, options.federation)
    running = RunningReports(options.reports_at_once, options.limits.concurrent_reports)
    door = Door(directory, backend, options.limits, stored, running, FieldBatcher(backend), masking)
    shared = Shared(door, Documents(options.documents), options.shutdown, audit)
    loads = Loads(backend, directory)
    exports = ExportEndpoint(registry, schemas, gate, shared)
    agents = _agents(registry, schemas, gate, shared)
    app = Starlette(
        routes=[
            *([Route("/mcp", agents)] if agents else []),
            Route("/export/{file}", exports.respond),
            Route("/export/{report}/{file}", exports.respond),
            Route("/graphql", GraphQLEndpoint(schemas, gate, shared)),
            Route("/load/cdrs", LoadEndpoint(gate, loads, options.shutdown).respond, methods=["POST"]),
            Route("/session", SessionEndpoint(directory.sessions, options.limits, options.shutdown)),
            Route("/healthz", _health),
            Route("/readyz", Readiness(backend, directory, options.shutdown).answer),
        ],
        lifespan=lifespan,
        middleware=[
            Middleware(RequestIdMiddleware),
            Middleware(ObservationMiddleware, metrics),
            Middleware(HeaderLimit, options.limits),
            Middleware(RateHeaders),
        ],
        exception_handlers={HTTPException: http_error, Exception: unexpected_error},
    )
    app.router.default = Panel(panel)
    if options.origins:
        # Around the handler of unexpected errors too, so that a browser shows those to its application.
        app.middleware_stack = OtherOrigins(app.build_middleware_stack(), options.origins)
    return app


def _agents(registry: Registry, schemas: Schemas, gate: Gate, shared: Shared) -> "AgentEndpoint | None":
    """The endpoint for AI agents; None if the packages that it needs are not installed."""
    if find_spec("mcp") is None:
        return None
    # Its packages take more than a second to import, which commands that do not serve are spared.
    from gqlreports.web.agents import AgentEndpoint

    return AgentEndpoint(registry, schemas, gate, shared)


async def _health(request: Request) -> Response:
    return PlainTextResponse("ok\n")

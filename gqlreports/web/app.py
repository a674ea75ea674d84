"""The web application, put together from its parts."""

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from gqlreports.backends.base import Backend
from gqlreports.directory.directory import Directory
from gqlreports.directory.principal import Role
from gqlreports.directory.tokens import Tokens
from gqlreports.errors import StoreUnavailable
from gqlreports.plugins.registry import Registry
from gqlreports.schema.query import build_schema
from gqlreports.telemetry.backend import SeenBackend
from gqlreports.telemetry.metrics import Metrics
from gqlreports.web.audit import AuditTrail
from gqlreports.web.authentication import Authentication
from gqlreports.web.export import ExportEndpoint
from gqlreports.web.graphql import GraphQLEndpoint
from gqlreports.web.observation import ObservationMiddleware
from gqlreports.web.request_id import RequestIdMiddleware

logger = logging.getLogger(__name__)

LARGEST_BODY = 128 * 1024
"""Bytes of a request; a document is kept parsed, at many times its size."""


def create_app(
    registry: Registry,
    backend: Backend,
    directory: Directory,
    masked: int = 0,
    metrics: Metrics | None = None,
    tokens: Tokens | None = None,
) -> Starlette:
    """The ASGI application: GraphQL at /graphql, exports at /export, a health check at /healthz.

    It opens the backend when it starts and closes it and the directory when it stops.  Without a store it runs all
    the same, and each report says so, until there is one.  Of the numbers in CDRs the last `masked` characters are
    not shown.  What it counts is in `metrics`.  With `tokens` it takes those of an identity provider beside keys.
    """
    backend = SeenBackend(backend)

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        try:
            await backend.open()
        except StoreUnavailable as error:
            logger.error("There is no store yet. %s", error)
        audit.start()
        yield
        await backend.close()
        await run_in_threadpool(audit.end)
        directory.close()

    audit, authentication = AuditTrail(directory), Authentication(directory, tokens)
    schemas = {role: build_schema(registry, role) for role in Role}
    endpoint = GraphQLEndpoint(schemas, backend, directory, authentication, audit, masked)
    exports = ExportEndpoint(registry, schemas, backend, directory, authentication, audit)
    routes = [
        Route("/export/{file}", exports.respond),
        Route("/graphql", endpoint, methods=["GET", "POST"], max_body_size=LARGEST_BODY),
        Route("/healthz", _health),
    ]
    middleware = [Middleware(RequestIdMiddleware), Middleware(ObservationMiddleware, metrics or Metrics())]
    return Starlette(routes=routes, lifespan=lifespan, middleware=middleware)


async def _health(request: Request) -> Response:
    return PlainTextResponse("ok\n")

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
from gqlreports.web.audit import AuditTrail
from gqlreports.web.graphql import GraphQLEndpoint
from gqlreports.web.request_id import RequestIdMiddleware

logger = logging.getLogger(__name__)

LARGEST_BODY = 128 * 1024
"""Bytes of a request; a document is kept parsed, at many times its size."""


def create_app(
    registry: Registry, backend: Backend, directory: Directory, masked: int = 0, *, tokens: Tokens | None = None
) -> Starlette:
    """The ASGI application: GraphQL at /graphql, a health check at /healthz.

    It opens the backend when it starts and closes it and the directory when it stops.  Without a store it runs all
    the same, and each report says so, until there is one.  Of the numbers in CDRs the last `masked` characters are
    not shown.  With `tokens` it takes those of an identity provider beside keys.
    """

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

    audit = AuditTrail(directory)
    schemas = {role: build_schema(registry, role) for role in Role}
    endpoint = GraphQLEndpoint(schemas, backend, directory, audit, masked, tokens)
    routes = [
        Route("/graphql", endpoint, methods=["GET", "POST"], max_body_size=LARGEST_BODY),
        Route("/healthz", _health),
    ]
    return Starlette(routes=routes, lifespan=lifespan, middleware=[Middleware(RequestIdMiddleware)])


async def _health(request: Request) -> Response:
    return PlainTextResponse("ok\n")

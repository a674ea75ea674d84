"""The web application, put together from its parts."""

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from gqlreports.backends.base import Backend
from gqlreports.directory.directory import Directory
from gqlreports.directory.principal import Role
from gqlreports.errors import StoreUnavailable
from gqlreports.plugins.registry import Registry
from gqlreports.schema.query import build_schema
from gqlreports.web.body import HeaderLimit
from gqlreports.web.errors import http_error, unexpected_error
from gqlreports.web.graphql import GraphQLEndpoint
from gqlreports.web.options import HttpOptions
from gqlreports.web.readiness import Readiness
from gqlreports.web.request_id import RequestIdMiddleware

logger = logging.getLogger(__name__)


def create_app(
    registry: Registry, backend: Backend, directory: Directory, masked: int = 0, http: HttpOptions | None = None
) -> Starlette:
    """The ASGI application: GraphQL at /graphql, whether it runs at /healthz and whether it can answer at /readyz.

    It opens the backend when it starts and closes it and the directory when it stops.  Without a store it runs all
    the same, and each report says so, until there is one.  Of the numbers in CDRs the last `masked` characters are
    not shown.
    """

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        try:
            await backend.open()
        except StoreUnavailable as error:
            logger.error("There is no store yet. %s", error)
        yield
        await backend.close()
        directory.close()

    options = http or HttpOptions()
    schemas = {role: build_schema(registry, staff=role is Role.STAFF, limits=options.limits) for role in Role}
    return Starlette(
        routes=[
            Route("/graphql", GraphQLEndpoint(schemas, backend, directory, masked, options)),
            Route("/healthz", _health),
            Route("/readyz", Readiness(backend, directory, options.draining).answer),
        ],
        lifespan=lifespan,
        middleware=[Middleware(RequestIdMiddleware), Middleware(HeaderLimit, options.limits)],
        exception_handlers={HTTPException: http_error, Exception: unexpected_error},
    )


async def _health(request: Request) -> Response:
    return PlainTextResponse("ok\n")

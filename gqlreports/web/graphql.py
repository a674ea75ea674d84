"""The GraphQL endpoint: who asks is settled first, then Strawberry answers."""

import logging
from collections.abc import Mapping
from functools import partial
from typing import Any

import orjson
from cross_web import HTTPException
from graphql import GraphQLError, GraphQLSyntaxError
from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, Response
from starlette.types import Receive, Scope, Send
from strawberry.asgi import GraphQL
from strawberry.http import GraphQLHTTPResponse
from strawberry.types.execution import ExecutionResult

from gqlreports.backends.base import Backend
from gqlreports.backends.query_id import REQUEST_ID
from gqlreports.directory.directory import Directory
from gqlreports.directory.principal import Principal, Role
from gqlreports.errors import DirectoryUnavailable, ProviderUnavailable, ReportsError, Unauthenticated
from gqlreports.schema.context import Context
from gqlreports.schema.query import ReportsSchema
from gqlreports.web.audit import AuditTrail
from gqlreports.web.authentication import Authentication, challenge, source_of
from gqlreports.web.caller import CallerLeft, while_connected

logger = logging.getLogger(__name__)

_HEADERS = '{"Authorization": "Bearer "}'
HIDDEN = "Something went wrong here; the operator's log has the details."


class GraphQLEndpoint:
    """An ASGI application that asks for a key, and answers with the schema of its role.

    The GraphiQL page itself holds no data and is given to any browser; its requests need a key like all others.
    """

    def __init__(
        self,
        schemas: Mapping[Role, ReportsSchema],
        backend: Backend,
        directory: Directory,
        authentication: Authentication,
        audit: AuditTrail,
        masked: int = 0,
    ) -> None:
        self._authentication = authentication
        self._views = {role: _View(schema, backend, directory, audit, masked) for role, schema in schemas.items()}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        view = self._views[Role.STAFF]
        if view.wants_graphiql(request):
            await HTMLResponse(view.graphiql)(scope, receive, send)
            return
        try:
            principal = await self._authentication.principal(request)
        except Unauthenticated as error:
            headers = {"WWW-Authenticate": challenge(request)}
            await error_response(str(error), error.code, 401, headers)(scope, receive, send)
            return
        except (DirectoryUnavailable, ProviderUnavailable) as error:
            await error_response(str(error), error.code, 503)(scope, receive, send)
            return
        await self._views[principal.role](scope, receive, send)


class _View(GraphQL[Context, None]):
    def __init__(
        self, schema: ReportsSchema, backend: Backend, directory: Directory, audit: AuditTrail, masked: int
    ) -> None:
        super().__init__(schema, subscription_protocols=())
        self._backend = backend
        self._directory = directory
        self._audit = audit
        self._masked = masked
        self.graphiql = self.graphql_ide_html.replace("parameters.headers", f"parameters.headers || '{_HEADERS}'")

    def wants_graphiql(self, request: Request) -> bool:
        return self.should_render_graphql_ide(self.request_adapter_class(request))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        try:
            await request.body()
            response = await while_connected(self.run(request), receive)
        except (ClientDisconnect, CallerLeft):
            logger.info("The caller of request %s left before its answer.", REQUEST_ID.get())
            return
        except HTTPException as error:
            response = error_response(error.reason, "BAD_REQUEST", error.status_code)
        await response(scope, receive, send)

    async def get_context(self, request: Any, response: Any) -> Context:
        principal: Principal = request.state.principal
        audit = partial(self._audit.add, principal, source_of(request))
        return Context(principal, self._directory, self._backend, self._masked, audit=audit)

    def decode_json(self, data: str | bytes) -> object:
        value = orjson.loads(data)
        if not isinstance(value, dict):
            raise HTTPException(400, "The request must be a JSON object with a `query`.")
        return value

    def encode_json(self, data: object) -> bytes:
        return orjson.dumps(data)

    async def process_result(self, request: Request, result: ExecutionResult) -> GraphQLHTTPResponse:
        response: GraphQLHTTPResponse = {"data": result.data}
        if result.errors:
            response["errors"] = [_shown(error) for error in result.errors]
        if result.extensions:
            response["extensions"] = result.extensions
        return response


def error_response(message: str, code: str, status: int, headers: Mapping[str, str] | None = None) -> Response:
    """An error outside of any GraphQL execution, in the shape of those inside."""
    shown = {"message": message, "extensions": {"code": code}}
    return Response(orjson.dumps({"errors": [shown]}), status, headers, "application/json")


def _shown(error: GraphQLError) -> Any:
    """An error as the caller sees it: with a code, and with nothing of the inside."""
    shown: dict[str, Any] = dict(error.formatted)
    cause = _cause(error)
    if isinstance(cause, ReportsError):
        shown["extensions"] = cause.extensions
    elif cause is not None:
        shown |= {"message": HIDDEN, "extensions": {"code": "INTERNAL"}}
    elif isinstance(error, GraphQLSyntaxError):
        shown["extensions"] = {"code": "GRAPHQL_PARSE_FAILED"}
    else:
        shown["extensions"] = {"code": "GRAPHQL_VALIDATION_FAILED"}
    return shown


def _cause(error: GraphQLError) -> Exception | None:
    """What was raised, behind all of GraphQL's own errors around it."""
    cause = error.original_error
    return _cause(cause) if isinstance(cause, GraphQLError) else cause

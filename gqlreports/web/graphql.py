"""The GraphQL endpoint: Strawberry's view, made to conform to the GraphQL over HTTP specification."""

from dataclasses import dataclass
from functools import partial
from typing import Any

import orjson
from graphql import GraphQLError
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.types import Receive, Scope, Send
from strawberry.asgi import GraphQL
from strawberry.exceptions import MissingQueryError
from strawberry.http import GraphQLHTTPResponse, GraphQLRequestData
from strawberry.schema.exceptions import CannotGetOperationTypeError, InvalidOperationTypeError
from strawberry.types.execution import ExecutionResult
from strawberry.types.graphql import OperationType

from gqlreports.directory.principal import Role
from gqlreports.errors import ReportsError
from gqlreports.schema.context import Context
from gqlreports.schema.door import Caller, Door
from gqlreports.schema.query import ReportsSchema
from gqlreports.schema.response_cache import ResponseCache, operation_key
from gqlreports.schema.schemas import Schemas
from gqlreports.web.answering import answered
from gqlreports.web.audit import AuditTrail
from gqlreports.web.authentication import Gate, source_of
from gqlreports.web.documents import Documents
from gqlreports.web.errors import Refused, cause, format_error, headers_of, status_of
from gqlreports.web.http import (
    GRAPHQL,
    NOT_STORED,
    REVALIDATED,
    entity_tag,
    from_address,
    from_body,
    negotiate,
    revalidate,
)
from gqlreports.web.lifecycle import Shutdown
from gqlreports.web.limits import BoundedRequest

REQUEST_ERROR = 400
"""The status of a request with an invalid document, operation or variables, if the caller accepts the newer type."""
_ALLOWED = {"GET": {OperationType.QUERY}, "POST": {OperationType.QUERY, OperationType.MUTATION}}


@dataclass(frozen=True)
class Shared:
    """What the views of all roles share."""

    door: Door
    documents: Documents
    shutdown: Shutdown
    audit: AuditTrail

    def caller(self, request: Request) -> Caller:
        """The caller of a request that the gate has admitted."""
        principal = request.state.principal
        return Caller(principal, partial(self.audit.add, principal, source_of(request)))


class ReportsView(GraphQL[Context, None]):
    """Serves the schema of one role over HTTP, to an authenticated principal."""

    def __init__(self, schema: ReportsSchema, shared: Shared) -> None:
        super().__init__(schema, subscription_protocols=())
        self._shared = shared
        self._responses = ResponseCache()

    def should_render_graphql_ide(self, request: Any) -> bool:
        """Always False: GraphiQL is a page of the panel."""
        return False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        limits = self._shared.door.limits
        request = BoundedRequest(scope, receive, limits)
        try:
            response = await answered(request, limits, self._shared.shutdown, lambda: self.run(request))
        except Refused as refused:
            response = refused.response
        if response is not None:
            await revalidate(request, response)(scope, receive, send)

    async def get_context(self, request: Any, response: Any) -> Context:
        return Context(self._shared.door, self._shared.caller(request))

    async def get_sub_response(self, request: Any) -> Response:
        """The response, with the status and the headers that are known before anything runs."""
        media_type = negotiate(request.headers.get("accept", ""))
        if media_type is None:
            raise Refused(406, f"The answer is {GRAPHQL} or application/json; `Accept` takes neither.")
        keeping = REVALIDATED if request.method == "GET" else NOT_STORED
        return Response(headers={"Content-Type": f"{media_type}; charset=utf-8", **keeping})

    async def parse_http_body(self, request: Any) -> GraphQLRequestData:
        if request.method == "GET":
            return from_address(request.query_params)
        return from_body(request.headers, await request.get_body())

    async def execute_operation(
        self,
        request: Any,
        request_adapter: Any,
        request_data: Any,
        context: Context,
        root_value: None,
        sub_response: Response,
    ) -> ExecutionResult:
        try:
            result = await self._executed(request_adapter.method, request_data, context)
        except (ReportsError, CannotGetOperationTypeError) as error:
            result = _failed(error)
        if _executed(result):
            self._shared.documents.keep(request_data.query, request_data.extensions or {})
        else:
            self._refuse(result, sub_response)
        return result

    async def _executed(self, method: str, asked: GraphQLRequestData, context: Context) -> ExecutionResult:
        extensions = asked.extensions or {}
        asked.query = self._shared.documents.found(asked.query, extensions, context.caller.principal)
        name = operation_key(asked.query, asked.operation_name, asked.variables)
        if (repeatable := self._responses.get(name)) is not None:
            try:
                return await repeatable.run(context)
            except ReportsError:
                # The executor reports what is wrong.
                self._responses.forget(name)
                context = context.again()
        result = await self._execute(method, asked, context)
        self._responses.keep(name, result, context)
        return result

    async def _execute(self, method: str, asked: GraphQLRequestData, context: Context) -> ExecutionResult:
        try:
            return await self.schema.execute(
                asked.query,
                variable_values=asked.variables,
                context_value=context,
                operation_name=asked.operation_name,
                allowed_operation_types=_ALLOWED[method],
                operation_extensions=asked.extensions or {},
            )
        except MissingQueryError:
            raise Refused(400, "The request has no `query`.") from None
        except InvalidOperationTypeError as error:
            if error.operation_type is OperationType.MUTATION:
                raise Refused(405, "A mutation needs POST.", headers={"Allow": "POST"}) from None
            raise Refused(400, "Subscriptions are not served.") from None

    def _refuse(self, result: ExecutionResult, sub_response: Response) -> None:
        """Set the status of a request that failed before anything ran, as far as the media type allows."""
        newer = sub_response.headers["content-type"].startswith(GRAPHQL)
        sub_response.status_code = REQUEST_ERROR if newer else 200
        for error in result.errors or ():
            found = cause(error)
            if isinstance(found, ReportsError):
                sub_response.status_code = status_of(found) or sub_response.status_code
                sub_response.headers.update(headers_of(found))

    def encode_json(self, data: object) -> bytes:
        return orjson.dumps(data)

    async def process_result(self, request: Request, result: ExecutionResult) -> GraphQLHTTPResponse:
        response: GraphQLHTTPResponse = {"data": result.data} if _executed(result) else {}
        if result.errors:
            response["errors"] = [format_error(error) for error in result.errors]
        if result.extensions:
            response["extensions"] = result.extensions
        return response

    def create_response(self, response_data: Any, sub_response: Response) -> Response:
        extensions = response_data.pop("extensions", None)
        body, headers = self.encode_json(response_data), dict(sub_response.headers)
        del headers["content-length"]
        if headers["cache-control"] == NOT_STORED["Cache-Control"] or "errors" in response_data:
            headers["cache-control"] = NOT_STORED["Cache-Control"]
        else:
            headers["etag"] = entity_tag(body, headers["content-type"], weak=extensions is not None)
        more = b',"extensions":' + self.encode_json(extensions) + b"}" if extensions else b"}"
        return Response(body[:-1] + more, sub_response.status_code, headers)


def _executed(result: ExecutionResult) -> bool:
    """Whether anything ran; False if the request as a whole was invalid."""
    return result.data is not None or any(error.path for error in result.errors or ())


def _failed(error: Exception) -> ExecutionResult:
    if isinstance(error, ReportsError):
        return ExecutionResult(None, [GraphQLError(str(error), original_error=error)])
    return ExecutionResult(None, [GraphQLError("The document has no operation of that name.")])


METHODS = ("GET", "POST")
GRAPHIQL = "/graphiql"
"""The panel's page to which the endpoint redirects a browser that opens it."""
_ASKING = frozenset({"query", "extensions", "documentId"})


class GraphQLEndpoint:
    """An ASGI application that authenticates the caller, and serves the schema of the caller's role."""

    def __init__(self, schemas: Schemas, gate: Gate, shared: Shared) -> None:
        self._schemas, self._gate, self._shared = schemas, gate, shared
        self._views: dict[Role, ReportsView] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        try:
            if request.method not in METHODS:
                raise Refused(405, "GraphQL needs GET or POST.", headers={"Allow": ", ".join(METHODS)})
            if _opened_by_a_browser(request):
                return await RedirectResponse(GRAPHIQL, 303)(scope, receive, send)
            principal = await self._gate.principal(request)
        except Refused as refused:
            return await refused.response(scope, receive, send)
        if (view := self._views.get(principal.role)) is None:
            schema = await self._schemas.of(principal.role)
            view = self._views.setdefault(principal.role, ReportsView(schema, self._shared))
        return await view(scope, receive, send)


def _opened_by_a_browser(request: Request) -> bool:
    """Whether a browser asks for a page, and the request holds no operation."""
    asks = not _ASKING.isdisjoint(request.query_params)
    return request.method == "GET" and "text/html" in request.headers.get("accept", "") and not asks

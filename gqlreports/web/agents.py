"""The endpoint for AI agents: tools by the Model Context Protocol (MCP), over streamable HTTP without sessions.

Every request brings its key, and nothing is kept between two.  So a page that has another site's name point here can
do nothing: it has no key.
"""

import asyncio
import logging
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import orjson
from graphql import GraphQLError
from mcp.server.context import ServerRequestContext
from mcp.server.lowlevel import Server
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from mcp.shared.exceptions import MCPError
from mcp_types import (
    INVALID_PARAMS,
    INVALID_REQUEST,
    CallToolRequestParams,
    CallToolResult,
    ListToolsResult,
    PaginatedRequestParams,
    TextContent,
    Tool,
    ToolAnnotations,
)
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from gqlreports import __version__
from gqlreports.agents.agent import Agent, Ask
from gqlreports.agents.tools import INSTRUCTIONS, TOOLS
from gqlreports.errors import InvalidInput, ReportsError
from gqlreports.plugins.registry import Registry
from gqlreports.schema.context import Context
from gqlreports.schema.door import Caller
from gqlreports.schema.query import ReportsSchema
from gqlreports.schema.schemas import Schemas
from gqlreports.telemetry.record import current
from gqlreports.web.answering import answered
from gqlreports.web.authentication import Gate
from gqlreports.web.errors import HIDDEN, Refused, cause, format_error, public_message
from gqlreports.web.graphql import Shared
from gqlreports.web.limits import BoundedRequest

logger = logging.getLogger(__name__)

MOST_CHARACTERS = 1_000
"""Characters of an error's message, which may quote what was given."""
_VARIABLE = re.compile(r"^Variable '\$(\w+)'")
_NEXT = {
    "NOT_FOUND": "list_customers and list_reports tell what this key sees.",
    "GRAPHQL_VALIDATION_FAILED": "describe_report tells the names and types of columns and parameters.",
}
"""What to do next after an error, by its code, where the error's own words do not tell."""


class AgentEndpoint:
    """An ASGI application that lets a caller's agent use the tools, with the rights of the caller."""

    def __init__(self, registry: Registry, schemas: Schemas, gate: Gate, shared: Shared) -> None:
        self._registry = registry
        self._schemas = schemas
        self._gate = gate
        self._shared = shared
        self._server: Server[Any] = Server(
            "gqlreports",
            version=__version__,
            instructions=INSTRUCTIONS,
            get_tool_input_schema=lambda name: TOOLS[name].schema if name in TOOLS else None,
            on_list_tools=_list_tools,
            on_call_tool=self._call_tool,
        )
        self._manager: StreamableHTTPSessionManager | None = None

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Answer requests while the context is open."""
        limit = self._shared.door.limits.body_bytes
        manager = StreamableHTTPSessionManager(
            self._server, json_response=True, stateless=True, max_request_body_size=limit
        )
        async with manager.run():
            self._manager = manager
            yield

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        limits = self._shared.door.limits
        request = BoundedRequest(scope, receive, limits)
        try:
            if request.method != "POST":
                raise Refused(405, "Agents send POST; there are no sessions to open or end.", headers={"Allow": "POST"})
            await self._gate.principal(request)
            response = await answered(request, limits, self._shared.shutdown, lambda: self._respond(request))
        except Refused as refused:
            response = _refusal(refused)
        if response is not None:
            await response(scope, receive, send)

    async def _respond(self, request: BoundedRequest) -> Response:
        assert self._manager is not None
        kept, body = _Kept(), await request.body()
        try:
            # The SDK's own readers take NaN, or halves of characters, which no store takes.
            orjson.loads(body)
        except orjson.JSONDecodeError:
            raise Refused(400, "The body cannot be read as JSON.") from None
        await self._manager.handle_request(request.scope, _replayed(body), kept.keep)
        return kept.response

    async def _call_tool(
        self, context: ServerRequestContext[Any, Request], asked: CallToolRequestParams
    ) -> CallToolResult:
        tool, record = TOOLS.get(asked.name), current()
        if tool is None:
            raise MCPError(INVALID_PARAMS, f"There is no tool {asked.name[:64]!r}; there are {', '.join(TOOLS)}.")
        assert context.request is not None
        record.operation = tool.name
        try:
            return _result(await tool.answer(await self._agent(context.request), asked.arguments or {}))
        except ReportsError as error:
            record.code = error.code
            message = public_message(error)[:MOST_CHARACTERS].rstrip(".")
            advice = _NEXT.get(error.code)
            return _result(f"{error.code}: {message}.{f' {advice}' if advice else ''}", failed=True)
        except Exception as error:
            record.code = ReportsError.code
            logger.error("A tool failed.", exc_info=error)
            return _result(f"{ReportsError.code}: {HIDDEN}", failed=True)

    async def _agent(self, request: Request) -> Agent:
        caller = self._shared.caller(request)
        schema = await self._schemas.of(caller.principal.role)
        return Agent(caller, self._registry, schema, self._ask(caller, schema))

    def _ask(self, caller: Caller, schema: ReportsSchema) -> Ask:
        async def ask(document: str, variables: Mapping[str, Any]) -> dict[str, Any]:
            self._shared.documents.found(document, {}, caller.principal)
            context = Context(self._shared.door, caller)
            result = await schema.execute(document, variable_values=dict(variables), context_value=context)
            for error in result.errors or ():
                raise _raised(error)
            # What the store printed is among the data as bytes.
            data: dict[str, Any] = orjson.loads(orjson.dumps(result.data))
            return data

        return ask


class _WrongDocument(InvalidInput):
    """An argument that does not fit the schema."""

    code = "GRAPHQL_VALIDATION_FAILED"


def _raised(error: GraphQLError) -> Exception:
    found = cause(error)
    if found is None:
        return _WrongDocument(_VARIABLE.sub(r"`\1`", format_error(error)["message"]))
    # Where a scalar cannot be read, GraphQL's message tells in which argument it is.
    if isinstance(found, InvalidInput) and _VARIABLE.match(error.message):
        return _WrongDocument(_VARIABLE.sub(r"`\1`", error.message))
    return found


async def _list_tools(context: ServerRequestContext[Any, Any], asked: PaginatedRequestParams | None) -> ListToolsResult:
    only_reads = ToolAnnotations(read_only_hint=True, open_world_hint=False)
    tools = [
        Tool(name=each.name, description=each.description, input_schema=each.schema, annotations=only_reads)
        for each in TOOLS.values()
    ]
    return ListToolsResult(tools=tools)


def _result(text: str, failed: bool = False) -> CallToolResult:
    return CallToolResult(content=[TextContent(text=text)], is_error=failed)


def _refusal(refused: Refused) -> Response:
    """A refusal in the protocol's own form, whose message clients show to their agent."""
    error = {"code": INVALID_REQUEST, "message": refused.message, "data": refused.extensions}
    body = orjson.dumps({"jsonrpc": "2.0", "id": None, "error": error})
    return Response(body, refused.status, refused.headers, "application/json")


class _Kept:
    """Keeps a response that is sent, so that it is on its way only when all that made it has ended."""

    def __init__(self) -> None:
        self._status = 500
        self._headers: list[tuple[bytes, bytes]] = []
        self._body = bytearray()

    async def keep(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._status, self._headers = message["status"], list(message.get("headers", ()))
        else:
            self._body += message.get("body", b"")

    @property
    def response(self) -> Response:
        response = Response(bytes(self._body), self._status)
        response.raw_headers = [*self._headers, (b"cache-control", b"no-store")]
        return response


def _replayed(body: bytes) -> Receive:
    """A request whose body was read already; whether its caller leaves is watched elsewhere."""
    messages: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive() -> Message:
        return messages.pop() if messages else await asyncio.Future()

    return receive

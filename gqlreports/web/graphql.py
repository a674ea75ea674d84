"""The GraphQL endpoint: who asks is settled first, then the view of the role answers."""

from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import RedirectResponse
from starlette.types import Receive, Scope, Send

from gqlreports.directory.principal import Role
from gqlreports.schema.query import ReportsSchema
from gqlreports.web.errors import Refused
from gqlreports.web.gate import Gate
from gqlreports.web.view import ReportsView, Shared

METHODS = ("GET", "POST")
GRAPHIQL = "/graphiql"
"""The page of the panel to which a browser is sent that opens the endpoint."""
_ASKING = frozenset({"query", "extensions", "documentId"})


class GraphQLEndpoint:
    """An ASGI application that asks who it is, and answers with the schema of the role."""

    def __init__(self, schemas: Mapping[Role, ReportsSchema], gate: Gate, shared: Shared) -> None:
        self._gate = gate
        self._views = {role: ReportsView(schema, shared) for role, schema in schemas.items()}

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
        return await self._views[principal.role](scope, receive, send)


def _opened_by_a_browser(request: Request) -> bool:
    """Whether it asks for a page, and nothing of the API."""
    asks = not _ASKING.isdisjoint(request.query_params)
    return request.method == "GET" and "text/html" in request.headers.get("accept", "") and not asks

"""The GraphQL endpoint: who asks is settled first, then the view of the role answers."""

from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import HTMLResponse
from starlette.types import Receive, Scope, Send

from gqlreports.directory.principal import Role
from gqlreports.schema.query import ReportsSchema
from gqlreports.web.errors import Refused
from gqlreports.web.gate import Gate
from gqlreports.web.view import ReportsView, Shared

METHODS = ("GET", "POST")


class GraphQLEndpoint:
    """An ASGI application that asks for a key, and answers with the schema of its role.

    The GraphiQL page itself holds no data and is given to any browser; its requests need a key like all others.
    """

    def __init__(self, schemas: Mapping[Role, ReportsSchema], gate: Gate, shared: Shared) -> None:
        self._gate = gate
        self._views = {role: ReportsView(schema, shared) for role, schema in schemas.items()}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        view = self._views[Role.STAFF]
        try:
            if request.method not in METHODS:
                raise Refused(405, "GraphQL needs GET or POST.", headers={"Allow": ", ".join(METHODS)})
            if view.should_render_graphql_ide(request):
                return await HTMLResponse(view.graphiql)(scope, receive, send)
            principal = await self._gate.principal(request)
        except Refused as refused:
            return await refused.response(scope, receive, send)
        return await self._views[principal.role](scope, receive, send)

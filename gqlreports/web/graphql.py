"""The GraphQL endpoint: who asks is settled first, then the view of the role answers."""

from collections.abc import Mapping

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse
from starlette.types import Receive, Scope, Send

from gqlreports.backends.base import Backend
from gqlreports.directory.directory import Directory
from gqlreports.directory.principal import Principal, Role
from gqlreports.errors import ReportsError, Unauthenticated
from gqlreports.schema.admission import Admission
from gqlreports.schema.allowance import Allowance
from gqlreports.schema.query import ReportsSchema
from gqlreports.schema.stored_calls import StoredCalls
from gqlreports.web.csrf import check_meant
from gqlreports.web.documents import Documents
from gqlreports.web.errors import Refused
from gqlreports.web.options import HttpOptions
from gqlreports.web.rates import Rates
from gqlreports.web.view import ReportsView, Shared

METHODS = ("GET", "POST")


class GraphQLEndpoint:
    """An ASGI application that asks for a key, and answers with the schema of its role.

    The GraphiQL page itself holds no data and is given to any browser; its requests need a key like all others.
    """

    def __init__(
        self,
        schemas: Mapping[Role, ReportsSchema],
        backend: Backend,
        directory: Directory,
        masked: int = 0,
        options: HttpOptions | None = None,
    ) -> None:
        options = options or HttpOptions()
        self._directory = directory
        self._draining = options.draining
        self._rates = Rates(options.limits.requests_per_minute)
        shared = Shared(
            backend,
            directory,
            masked,
            Allowance(options.limits, StoredCalls(backend)),
            Admission(options.reports_at_once, options.limits.concurrent_reports),
            Documents(options.documents),
            options.draining,
        )
        self._views = {role: ReportsView(schema, shared) for role, schema in schemas.items()}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        view = self._views[Role.STAFF]
        try:
            if request.method not in METHODS:
                raise Refused(405, "GraphQL needs GET or POST.", headers={"Allow": ", ".join(METHODS)})
            if view.should_render_graphql_ide(request):
                return await HTMLResponse(view.graphiql)(scope, receive, send)
            self._draining.check()
            check_meant(request)
            principal = await self._authenticated(request)
            self._rates.count(principal.key_id)
        except Refused as refused:
            return await refused.response(scope, receive, send)
        except ReportsError as error:
            return await Refused.by(error).response(scope, receive, send)
        scope.setdefault("state", {})["principal"] = principal
        return await self._views[principal.role](scope, receive, send)

    async def _authenticated(self, request: Request) -> Principal:
        scheme, _, key = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not key.strip():
            raise Unauthenticated("Send your key in the header `Authorization: Bearer <key>`.")
        return await run_in_threadpool(self._directory.authenticate, key.strip())

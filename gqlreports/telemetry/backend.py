"""A store whose statements are seen: in the record of their request, and as a span each."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, AbstractContextManager, asynccontextmanager

from opentelemetry import trace
from opentelemetry.trace import SpanKind

from gqlreports.backends.base import Backend, Fetched, Session, Statement
from gqlreports.telemetry.record import current

_TRACER = trace.get_tracer("gqlreports")
_ATTRIBUTES = {"db.system.name": "clickhouse"}


class SeenBackend:
    """The same as `backend`, but for what is noted of its reads."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self.open = backend.open
        self.check = backend.check
        self.close = backend.close
        self.version = backend.version

    async def fetch_json(self, statement: Statement) -> Fetched:
        record = current()
        with record.store.running(), _span("fetch") as span:
            fetched = await self._backend.fetch_json(statement)
            span.set_attribute("db.response.returned_rows", fetched.rows)
        record.rows += fetched.rows
        record.rows_read += fetched.rows_read
        record.bytes_read += fetched.bytes_read
        return fetched

    @asynccontextmanager
    async def stream(self, statement: Statement, form: str) -> AsyncIterator[AsyncIterator[bytes]]:
        with current().store.running(), _span("stream"):
            async with self._backend.stream(statement, form) as pieces:
                yield pieces

    def session(self) -> AbstractAsyncContextManager[Session]:
        return self._backend.session()


def _span(name: str) -> AbstractContextManager[trace.Span]:
    return _TRACER.start_as_current_span(name, kind=SpanKind.CLIENT, attributes=_ATTRIBUTES, record_exception=False)

"""Creates a span for each statement of the store, and exports traces with OpenTelemetry.

The environment variable `OTEL_EXPORTER_OTLP_ENDPOINT` sets their destination.
"""

import os
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, AbstractContextManager, asynccontextmanager

from opentelemetry import trace
from opentelemetry.trace import SpanKind

from gqlreports.backends.base import Backend, Fetched, OnRead, Session, Statement
from gqlreports.extras import needed
from gqlreports.telemetry.record import current

_TRACER = trace.get_tracer("gqlreports")
_ATTRIBUTES = {"db.system.name": "clickhouse"}


class BackendObserver:
    """Wraps a `backend`, and records its reads in spans and in the request's record."""

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
    async def stream(
        self, statement: Statement, form: str, on_read: OnRead | None = None
    ) -> AsyncIterator[AsyncIterator[bytes]]:
        record = current()

        def noted(rows: int, size: int, milliseconds: float) -> None:
            record.rows_read += rows
            record.bytes_read += size
            if on_read:
                on_read(rows, size, milliseconds)

        with record.store.running(), _span("stream"):
            async with self._backend.stream(statement, form, noted) as pieces:
                yield pieces

    def session(self) -> AbstractAsyncContextManager[Session]:
        return self._backend.session()


def _span(name: str) -> AbstractContextManager[trace.Span]:
    return _TRACER.start_as_current_span(name, kind=SpanKind.CLIENT, attributes=_ATTRIBUTES, record_exception=False)


_ENDPOINTS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")


def start_tracing() -> None:
    """Export spans as OpenTelemetry's environment variables say.  Without an endpoint, nothing is sent.

    Raises NotInstalled if the packages for it are missing.
    """
    if os.environ.get("OTEL_SDK_DISABLED", "").lower() == "true" or not any(map(os.environ.get, _ENDPOINTS)):
        return
    with needed("opentelemetry", "Traces need"):
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    name = os.environ.get("OTEL_SERVICE_NAME", "gqlreports")
    provider = TracerProvider(resource=Resource.create({"service.name": name}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    trace.set_tracer_provider(provider)

"""The id, the log line, the span and the metrics of each request."""

import logging
import re
import secrets

from opentelemetry import propagate, trace
from opentelemetry.trace import SpanKind, Status, StatusCode
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gqlreports.backends.request import REQUEST_ID
from gqlreports.telemetry.metrics import Metrics
from gqlreports.telemetry.record import LEFT, OK, RECORD, Record
from gqlreports.web.panel import ASSETS

logger = logging.getLogger(__name__)

REQUEST_ID_HEADER = "X-Request-Id"
_REQUEST_ID = re.compile("[A-Za-z0-9._-]{1,64}")


class RequestIdMiddleware:
    """Gives each request an id, and returns it in the header `X-Request-Id`.

    The caller's own `X-Request-Id` is used if it consists of 1 to 64 characters of `A-Za-z0-9._-`.  Otherwise a new id
    is generated.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        given = Headers(scope=scope).get(REQUEST_ID_HEADER, "")
        request_id = given if _REQUEST_ID.fullmatch(given) else secrets.token_hex(8)
        REQUEST_ID.set(request_id)

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message)[REQUEST_ID_HEADER] = request_id
            await send(message)

        return await self._app(scope, receive, answer)


_TRACER = trace.get_tracer("gqlreports")
_UNSEEN = ("/healthz", "/readyz", ASSETS)


class ObservationMiddleware:
    """Continues the caller's trace (W3C `traceparent`), and creates a record for each request."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"].startswith(_UNSEEN):
            return await self._app(scope, receive, send)
        record = Record()
        RECORD.set(record)

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                record.status = message["status"]
            await send(message)

        with _TRACER.start_as_current_span(
            f"{scope['method']} request", propagate.extract(_headers(scope)), SpanKind.SERVER, record_exception=False
        ) as span:
            try:
                with self._metrics.running.track_inprogress(), record.whole.running():
                    await self._app(scope, receive, answer)
            finally:
                _conclude(record)
                _describe(span, record, scope)
                self._metrics.count(record)
                logger.info("request", extra=_line(record, scope))
        return None


def _headers(scope: Scope) -> dict[str, str]:
    """The headers, the first of each name, in a form that is fast to look up."""
    return {name.decode("latin-1"): value.decode("latin-1") for name, value in reversed(scope["headers"])}


def _conclude(record: Record) -> None:
    if record.status is None:
        record.status, record.code = 499, LEFT
    elif record.code == OK and record.status >= 400:
        record.code = f"HTTP_{record.status}"


def _describe(span: trace.Span, record: Record, scope: Scope) -> None:
    span.set_attributes(
        {
            "http.request.method": scope["method"],
            "http.response.status_code": record.status or 0,
            "gqlreports.code": record.code,
            "gqlreports.reports": [report.type for report in record.reports],
        }
    )
    if record.operation:
        span.set_attribute("graphql.operation.name", record.operation)
    if record.code == "INTERNAL" or (record.status or 0) >= 500:
        span.set_status(Status(StatusCode.ERROR))


def _line(record: Record, scope: Scope) -> dict[str, object]:
    principal = scope.get("state", {}).get("principal")
    return {"key_id": principal.key_id if principal else None, "method": scope["method"], **record.printed()}

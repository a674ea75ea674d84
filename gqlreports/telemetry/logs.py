"""Log lines: JSON, or human-readable text if standard error is a terminal.

All loggers are handled in this way, including uvicorn's and Strawberry's.  A line contains no key and no part of a
GraphQL document.
"""

import json
import logging
import sys
from collections.abc import MutableMapping
from typing import Any, TextIO

import structlog
from opentelemetry import trace

from gqlreports.backends.request import NO_REQUEST, REQUEST_ID


def configure_logs(stream: TextIO | None = None) -> logging.Handler:
    """Send all of Python's log records and warnings to a stream, by default standard error, one line for each.

    gqlreports logs from level INFO on, all others from WARNING on.  Returns the only handler.
    """
    stream = stream or sys.stderr
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[
                structlog.stdlib.add_log_level,
                structlog.stdlib.add_logger_name,
                structlog.stdlib.PositionalArgumentsFormatter(),
                structlog.stdlib.ExtraAdder(),
                structlog.processors.TimeStamper(fmt="iso", utc=True),
                _of_request,
            ],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *_rendered(stream)],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(logging.WARNING)
    logging.getLogger("gqlreports").setLevel(logging.INFO)
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access", "strawberry"):
        other = logging.getLogger(name)
        other.handlers, other.propagate = [], True
        other.setLevel(logging.NOTSET)
    logging.captureWarnings(True)
    return handler


def _rendered(stream: TextIO) -> list[Any]:
    if stream.isatty():
        return [_without_line_breaks, structlog.dev.ConsoleRenderer()]
    return [structlog.processors.format_exc_info, structlog.processors.JSONRenderer(json.dumps, default=str)]


def _of_request(logger: object, method: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Add the ids of the current request and its trace to a line."""
    if REQUEST_ID.get() != NO_REQUEST:
        line["request_id"] = REQUEST_ID.get()
    context = trace.get_current_span().get_span_context()
    if context.is_valid:
        line["trace_id"] = trace.format_trace_id(context.trace_id)
    return line


def _without_line_breaks(logger: object, method: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Escape unprintable characters, so that a terminal shows no line breaks and colours but our own."""
    line["event"] = "".join(each if each.isprintable() else repr(each)[1:-1] for each in str(line["event"]))
    return line

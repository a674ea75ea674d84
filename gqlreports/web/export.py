"""The export endpoint: whole parts of reports as files, streamed as the store prints them."""

import asyncio
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import aclosing, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import PurePosixPath

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.types import Message, Receive, Scope, Send

from gqlreports.errors import ReportsError
from gqlreports.export.arguments import export_of
from gqlreports.export.export import Export
from gqlreports.export.formats import ExportFormat, format_of
from gqlreports.plugins.registry import Registry
from gqlreports.schema.answer import ReportAnswer
from gqlreports.schema.door import Caller
from gqlreports.schema.extensions import report_record
from gqlreports.schema.schemas import Schemas
from gqlreports.telemetry.record import LEFT, OK, current
from gqlreports.web.authentication import Gate
from gqlreports.web.errors import HIDDEN, Refused
from gqlreports.web.graphql import Shared

logger = logging.getLogger(__name__)


PATIENCE = 60
"""Seconds that a caller may take to receive a piece.  A slower caller is cut off, since its query blocks the store."""


@dataclass(frozen=True)
class ExportEndpoint:
    """Answers `GET /export/{report}.{format}` with the rows, and `GET /export/{report}/{part}.{format}`.

    `HEAD` checks the arguments without querying the store.
    """

    registry: Registry
    schemas: Schemas
    gate: Gate
    shared: Shared

    async def respond(self, request: Request) -> Response:
        try:
            await self.gate.principal(request)
            caller = self.shared.caller(request)
            form, export = await self._asked(request, caller)
            await self.shared.door.check(caller, export.request)
        except Refused as refused:
            return refused.response
        except ReportsError as error:
            return refusal(error)
        pieces = _nothing() if request.method == "HEAD" else self._pieces(caller, form, export)
        return _ExportResponse(pieces, form, export)

    async def _asked(self, request: Request, caller: Caller) -> tuple[ExportFormat, Export]:
        file = PurePosixPath(request.path_params["file"])
        of_rows = "report" not in request.path_params
        name = file.name.partition(".")[0] if of_rows else request.path_params["report"]
        report = caller.report(self.registry, name)
        stem, form = await run_in_threadpool(format_of, file)
        given = request.query_params.multi_items()
        role = caller.principal.role
        masked = self.shared.door.masking.of(role)
        part = "rows" if of_rows else stem
        chosen = partial(self.shared.door.customers_of, caller)
        arguments = report, part, await self.schemas.of(role), role.staff, masked, given, chosen
        return form, await run_in_threadpool(export_of, *arguments)

    async def _pieces(self, caller: Caller, form: ExportFormat, export: Export) -> AsyncGenerator[bytes, None]:
        """The pieces of the file.  The export counts as a running report."""
        task = asyncio.current_task()
        assert task
        with self.shared.door.room(caller, 1), self.shared.shutdown.running(task):
            answer = await self.shared.door.open(caller, export.request)
            for range in export.part.ranges():
                await self.shared.door.open_range(caller, range)
            with _recorded(answer):
                async with aclosing(form.write(export, answer, _count)) as pieces:
                    async for piece in pieces:
                        yield piece


@contextmanager
def _recorded(answer: ReportAnswer) -> Iterator[None]:
    """Put the export into the request's record, however it ends."""
    record, code = current(), OK
    try:
        yield
    except ReportsError as error:
        code = record.code = error.code
        raise
    except Exception:
        code = record.code = ReportsError.code
        raise
    except BaseException:
        # The caller left, or the server ends.
        code = record.code = LEFT
        raise
    finally:
        record.reports = [report_record(answer, code)]


def _count(rows: int) -> None:
    current().rows += rows


class _ExportResponse(StreamingResponse):
    """A response that sends nothing before its first piece is available.

    So a failure before that point gets a normal error response.  A later failure is raised: the response then ends
    without its last chunk, and the caller can tell that it is incomplete.
    """

    def __init__(self, pieces: AsyncGenerator[bytes, None], form: ExportFormat, export: Export) -> None:
        headers = {
            "Content-Disposition": f'attachment; filename="{export.stem}.{form.extension}"',
            "Cache-Control": "no-store",
        }
        super().__init__(pieces, headers=headers, media_type=form.media_type)
        self._pieces = pieces

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._scope, self._receive = scope, receive
        async with aclosing(self._pieces):
            await super().__call__(scope, receive, partial(_in_time, send))

    async def stream_response(self, send: Send) -> None:
        try:
            first = await anext(self._pieces)
        except Exception as error:
            await refusal(error)(self._scope, self._receive, send)
        else:
            self.body_iterator = _prepend(first, self._pieces)
            await super().stream_response(send)


def refusal(error: Exception) -> Response:
    """The response to a request that failed before any of its response was sent."""
    if not isinstance(error, ReportsError):
        logger.error("An export failed.", exc_info=error)
        return Refused(500, HIDDEN, {"code": ReportsError.code}).response
    return Refused.by(error).response


async def _in_time(send: Send, message: Message) -> None:
    async with asyncio.timeout(PATIENCE):
        await send(message)


async def _prepend(first: bytes, pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield first
    async for piece in pieces:
        yield piece


async def _nothing() -> AsyncGenerator[bytes, None]:
    yield b""

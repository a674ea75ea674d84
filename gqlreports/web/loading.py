"""The endpoint that takes CDRs from switches."""

import asyncio
import io
import logging
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from functools import partial
from typing import cast

import orjson
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from gqlreports.errors import LimitExceeded, LoadError, ReportsError, ShuttingDown
from gqlreports.store.bodies import BODY, BodyLoad, stream_of
from gqlreports.store.files import reading
from gqlreports.store.loads import printed_id
from gqlreports.web.arrival import CLOSE, FIELD, FORM, ArrivingBody, field_of, in_time, unpacked
from gqlreports.web.authentication import Gate
from gqlreports.web.errors import HIDDEN, Refused
from gqlreports.web.gathering import Loads
from gqlreports.web.lifecycle import Shutdown
from gqlreports.web.load_options import LoadOptions, load_options, with_parameters

logger = logging.getLogger(__name__)

SMALL = 64 * 1024
"""Bytes of a body that is gathered with others."""
MOST_OF_A_FORM = 8 * 1024**2
"""Bytes of a form, which is not decoded piece by piece."""
MOST_UNKNOWN = 1_000
"""Customers that are told."""
_ENCODINGS = ("", "identity", "gzip", "x-gzip", "zstd")


@dataclass(frozen=True)
class LoadEndpoint:
    """Answers `POST /load/cdrs` when the rows are in the store."""

    gate: Gate
    loads: Loads
    shutdown: Shutdown

    async def respond(self, request: Request) -> Response:
        try:
            return await self._respond(request)
        except ClientDisconnect:
            return Response(status_code=400)
        except Refused as refused:
            return refused.response
        except ReportsError as error:
            return refusal(error).response
        except Exception as error:
            logger.error("A load failed.", exc_info=error)
            return Refused(500, HIDDEN, {"code": ReportsError.code}, CLOSE).response

    async def _respond(self, request: Request) -> Response:
        principal = await self.gate.loader(request)
        options = load_options(request.scope["query_string"])
        encoding = request.headers.get("content-encoding", "").strip().lower()
        if encoding not in _ENCODINGS:
            headers = {"Accept-Encoding": "gzip, zstd", **CLOSE}
            raise Refused(415, "The body may be compressed by gzip or zstd, once.", headers=headers)
        load = await self._load(request, options, bool(encoding), principal.name)
        return Response(orjson.dumps(_printed(load)), 200, {"Cache-Control": "no-store"}, "application/json")

    async def _load(self, request: Request, options: LoadOptions, encoded: bool, user: str) -> BodyLoad:
        media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        pieces = in_time(request.stream())
        start, whole = await _start(pieces, SMALL)
        if not whole and media_type.startswith(FORM) and start.startswith(FIELD):
            more, whole = await _start(pieces, MOST_OF_A_FORM)
            start += more
            if not whole:
                error = LimitExceeded("formBytes", len(start), MOST_OF_A_FORM, "post the CDRs without a form")
                raise Refused(413, str(error), error.extensions, CLOSE)
        if not whole:
            return await self._arriving(ArrivingBody(start, pieces), options, encoded, user)
        start = field_of(start, media_type)
        with reading(BODY):
            content = unpacked(stream_of(start), encoded).read(SMALL + 1)
        if len(content) <= SMALL:
            return await self._awaited(self.loads.small(field_of(content, media_type), options, user))
        opened = partial(_opened, start, encoded)
        return await self._awaited(asyncio.shield(self.loads.large(opened, options, user)))

    async def _arriving(self, body: ArrivingBody, options: LoadOptions, encoded: bool, user: str) -> BodyLoad:
        def opened() -> io.BufferedReader:
            return unpacked(io.BufferedReader(cast("io.RawIOBase", body), 1 << 20), encoded)

        try:
            # A load is never cancelled: its insert would go on, and nothing would keep others from coming between.
            return await self._awaited(asyncio.shield(self.loads.large(opened, options, user)))
        except ReportsError as error:
            refused = refusal(error)
            raise Refused(
                refused.status, refused.message, refused.extensions, {**(refused.headers or {}), **CLOSE}
            ) from error
        finally:
            body.end()

    async def _awaited(self, work: asyncio.Future[BodyLoad]) -> BodyLoad:
        try:
            with self.shutdown.running(work):
                return await work
        except asyncio.CancelledError:
            if self.shutdown.begun:
                raise ShuttingDown("This server went down before the rows were loaded; post them again.") from None
            raise


def _opened(body: bytes, encoded: bool) -> io.BufferedReader:
    return unpacked(stream_of(body), encoded)


async def _start(pieces: AsyncGenerator[bytes, None], most: int) -> tuple[bytes, bool]:
    """The first pieces of a body until they exceed a size, and whether they are all of it."""
    start = bytearray()
    async for piece in pieces:
        start += piece
        if len(start) > most:
            return bytes(start), False
    return bytes(start), True


def refusal(error: ReportsError) -> Refused:
    """The refusal of a load, in the words of its parameters."""
    refused = Refused.by(error)
    if isinstance(error, LoadError):
        refused.message = with_parameters(refused.message)
    return refused


def _printed(load: BodyLoad) -> dict[str, object]:
    counts, rejects, unknown = load.counts, load.rejects, load.unknown
    return {
        "load": printed_id(counts.load),
        "loaded": counts.added,
        "corrected": counts.corrected,
        "thereBefore": counts.there_before,
        "repeated": counts.repeated,
        "leftOut": counts.left_out,
        "rejected": counts.rejected,
        "rejects": [{"line": line, "reason": with_parameters(reason)} for line, reason in sorted(rejects.held)],
        "rejectsCut": rejects.count > len(rejects.held),
        "unknownCustomers": unknown and dict(list(unknown.items())[:MOST_UNKNOWN]),
        "unknownCustomersCut": len(unknown or ()) > MOST_UNKNOWN,
    }

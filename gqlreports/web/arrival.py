"""Bodies of any size, as they arrive: bounded in the time that they take, and read in threads like files."""

import asyncio
import base64
import binascii
import concurrent.futures
import io
import time
from collections.abc import AsyncGenerator, AsyncIterator
from urllib.parse import unquote_to_bytes

from gqlreports.errors import LoadError, ShuttingDown
from gqlreports.store.files import decompressed
from gqlreports.web.errors import Refused

SILENCE = 30.0
"""Seconds within which some more of a body must arrive."""
SLOWEST = 1024
"""Bytes a second that a body must have on average, beyond that time."""
CLOSE = {"Connection": "close"}
"""The rest of a refused body is not read, so the connection cannot be reused."""


async def in_time(pieces: AsyncIterator[bytes]) -> AsyncGenerator[bytes, None]:
    """The pieces of a body.  Only the time that is spent waiting for them counts.

    Raises Refused if they take too long, and what the pieces raise.
    """
    waited, size = 0.0, 0
    while True:
        began = time.monotonic()
        try:
            async with asyncio.timeout(min(SILENCE, SILENCE + size / SLOWEST - waited)):
                piece = await anext(pieces, None)
        except TimeoutError:
            message = "The body stopped arriving, or arrives too slowly; what it held so far may be loaded."
            raise Refused(408, message, {"code": "BAD_REQUEST"}, CLOSE) from None
        if piece is None:
            return
        waited += time.monotonic() - began
        size += len(piece)
        yield piece


class ArrivingBody(io.RawIOBase):
    """A body as a file for threads.  Each read waits until some more has arrived at the event loop.

    Nothing arrives unless it is read, so a body takes no more memory than what was read.
    """

    def __init__(self, start: bytes, pieces: AsyncIterator[bytes]) -> None:
        self._rest, self._pieces = start, pieces
        self._loop = asyncio.get_running_loop()
        self._coming: concurrent.futures.Future[bytes] | None = None
        self._ended = False

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "memoryview | bytearray") -> int:  # type: ignore[override]
        if not self._rest:
            self._rest = self._next()
        size = min(len(buffer), len(self._rest))
        buffer[:size], self._rest = self._rest[:size], self._rest[size:]
        return size

    def end(self) -> None:
        """Let all reads fail, as the process is shutting down."""
        self._ended = True
        if self._coming is not None:
            self._coming.cancel()

    def _next(self) -> bytes:
        try:
            if self._ended:
                raise concurrent.futures.CancelledError
            self._coming = asyncio.run_coroutine_threadsafe(self._arrived(), self._loop)
            return self._coming.result()
        except concurrent.futures.CancelledError:
            raise ShuttingDown("This server went down before the body was there; post it again.") from None

    async def _arrived(self) -> bytes:
        async for piece in self._pieces:
            if piece:
                return piece
        return b""


def unpacked(stream: io.BufferedReader, encoded: bool) -> io.BufferedReader:
    """The content of a body.  If it is `encoded` by its header, that content may be a compressed file itself."""
    stream = decompressed(stream)
    return decompressed(stream) if encoded else stream


FIELD = b"cdr="
FORM = "application/x-www-form-"
"""What the media types begin with by which switches post a form."""


def field_of(body: bytes, media_type: str) -> bytes:
    """The field `cdr` of a form.  Any other body is as it is, even if its client says that it is a form.

    Raises LoadError for a field that cannot be decoded.
    """
    if not media_type.startswith(FORM) or not body.startswith(FIELD):
        return body
    value = body.removeprefix(FIELD)
    if media_type.endswith("urlencoded"):
        return unquote_to_bytes(value.partition(b"&")[0].replace(b"+", b" "))
    if "base64" not in media_type:
        return value
    try:
        return base64.b64decode(unquote_to_bytes(value), validate=False)
    except binascii.Error:
        raise LoadError("The field `cdr` is no base64; nothing was loaded.") from None

"""Zip archives of a file and its checksum, written while the file is.

A checksum of a file can only be known at its end, and HTTP/1.1 servers of ASGI cannot send trailers.  So the archive
has a second member behind the file, which `sha256sum --check` reads.  The directory of an archive is at its end: tools
refuse an archive that was cut off.
"""

import hashlib
from collections.abc import AsyncGenerator
from contextlib import aclosing, closing
from datetime import UTC, datetime
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from starlette.concurrency import run_in_threadpool

_FASTEST = 1
"""The level of compression: half as fast as the store prints CSV, and a few percent larger than the usual level."""


class _Sink:
    """Keeps what is written until it is taken.  It cannot seek, so sizes follow each member."""

    def __init__(self) -> None:
        self._held = bytearray()

    def write(self, data: bytes) -> int:
        self._held += data
        return len(data)

    def flush(self) -> None:
        """Do nothing: what is written is there."""

    def close(self) -> None:
        """Do nothing: what is written stays."""

    def taken(self) -> bytes:
        """Take what was written since the last call."""
        held, self._held = bytes(self._held), bytearray()
        return held


class Archive:
    """An archive of the one file `name`; its comment tells how many rows the file has."""

    def __init__(self, name: str) -> None:
        self._name = name
        self.rows = 0

    def count(self, rows: int) -> None:
        self.rows += rows

    async def pieces(self, file: AsyncGenerator[bytes, None]) -> AsyncGenerator[bytes, None]:
        """Yield the archive piece by piece, given the pieces of the file."""
        sink, checksum = _Sink(), hashlib.sha256()

        def add(piece: bytes) -> bytes:
            checksum.update(piece)
            member.write(piece)
            return sink.taken()

        def end() -> bytes:
            member.close()
            archive.writestr(_member(f"{self._name}.sha256"), f"{checksum.hexdigest()}  {self._name}\n")
            archive.comment = b"%d rows" % self.rows
            archive.close()
            return sink.taken()

        with (
            closing(ZipFile(sink, "w", compresslevel=_FASTEST)) as archive,
            closing(archive.open(_member(self._name), "w", force_zip64=True)) as member,
        ):
            async with aclosing(file):
                async for piece in file:
                    if written := await run_in_threadpool(add, piece):
                        yield written
            yield await run_in_threadpool(end)


def _member(name: str) -> ZipInfo:
    member = ZipInfo(name, datetime.now(UTC).timetuple()[:6])
    member.compress_type = ZIP_DEFLATED
    return member

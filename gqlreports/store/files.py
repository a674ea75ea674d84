"""Opens files and standard input, plain or compressed, and tells how far they were read."""

import csv
import gzip
import io
import sys
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import BinaryIO, TypeAlias, cast

from gqlreports.errors import LoadError

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

OnRead: TypeAlias = Callable[[int], None]
_UNREADABLE = (OSError, EOFError, UnicodeError, zlib.error, csv.Error, zstd.ZstdError)
BOM = b"\xef\xbb\xbf"


@contextmanager
def opened(path: str, on_read: OnRead) -> Iterator[io.BufferedReader]:
    """A file, or standard input for `-`, decompressed where its first bytes say gzip or zstd.

    `on_read` is told how many bytes of the file were read.  Raises LoadError for a file that cannot be read, also
    where that shows later.
    """
    with ExitStack() as stack:
        try:
            raw = cast("BinaryIO", sys.stdin.buffer) if path == "-" else stack.enter_context(Path(path).open("rb"))
            yield _decompressed(io.BufferedReader(_Counted(raw, on_read), 1 << 20))
        except _UNREADABLE as error:
            raise LoadError(f"{path} cannot be read: {error}") from error


class _Counted(io.RawIOBase):
    """Passes reads on and says how many bytes they were."""

    def __init__(self, raw: BinaryIO, on_read: Callable[[int], None]) -> None:
        self._raw = raw
        self._on_read = on_read

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "memoryview | bytearray") -> int:  # type: ignore[override]
        data = self._raw.read(len(buffer))
        buffer[: len(data)] = data
        self._on_read(len(data))
        return len(data)


def _decompressed(stream: io.BufferedReader) -> io.BufferedReader:
    start = stream.peek(4)[:4]
    if start.startswith(b"\x1f\x8b"):
        return io.BufferedReader(cast("io.RawIOBase", gzip.GzipFile(fileobj=stream)), 1 << 20)
    if start == b"\x28\xb5\x2f\xfd":
        return io.BufferedReader(cast("io.RawIOBase", zstd.ZstdFile(stream)), 1 << 20)
    return stream

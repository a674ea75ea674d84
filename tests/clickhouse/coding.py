"""Compression of bodies, as ClickHouse and its client name it."""

import sys
import zlib
from collections.abc import Callable
from typing import Protocol

import lz4.frame

from tests.clickhouse.request import Problem

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd


class Compressor(Protocol):
    def compress(self, data: bytes, /) -> bytes: ...

    def flush(self) -> bytes: ...


class Plain:
    """No compression."""

    def compress(self, data: bytes, /) -> bytes:
        return data

    def flush(self) -> bytes:
        return b""


class Lz4:
    """lz4.frame's compressor, with the frame's head before its first bytes."""

    def __init__(self) -> None:
        self._frame = lz4.frame.LZ4FrameCompressor()
        self._head: bytes = self._frame.begin()

    def compress(self, data: bytes, /) -> bytes:
        head, self._head = self._head, b""
        return head + bytes(self._frame.compress(data))

    def flush(self) -> bytes:
        return self._head + bytes(self._frame.flush())


def _deflate() -> Compressor:
    return zlib.compressobj(3)


def _gzip() -> Compressor:
    return zlib.compressobj(3, wbits=31)


def _zstd() -> Compressor:
    return zstd.ZstdCompressor(level=1)


_COMPRESSORS: dict[str, Callable[[], Compressor]] = {"lz4": Lz4, "zstd": _zstd, "gzip": _gzip, "deflate": _deflate}


def compressor(accept: str) -> tuple[str | None, Compressor]:
    """The first coding of `accept` that is known here: its name, and who compresses by it."""
    for name in (each.split(";")[0].strip() for each in accept.split(",")):
        if name in _COMPRESSORS:
            return name, _COMPRESSORS[name]()
    return None, Plain()


def decompressor(name: str | None) -> Callable[[bytes], bytes]:
    if name in (None, "", "identity"):
        return lambda data: data
    if name == "lz4":
        whole: Callable[[bytes], bytes] = lz4.frame.LZ4FrameDecompressor().decompress
        return whole
    if name == "zstd":
        return zstd.ZstdDecompressor().decompress
    if name in ("gzip", "deflate"):
        return zlib.decompressobj(47).decompress
    raise Problem(f"Unknown compression method: {name}", 89)

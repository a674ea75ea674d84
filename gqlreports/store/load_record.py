"""What is recorded of a load, in the table `cdr_load`, once it is complete."""

import hashlib
import io
import secrets
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from gqlreports.backends.base import Backend, Statement

if TYPE_CHECKING:
    from gqlreports.store.load_counts import LoadCounts


class LoadRecord:
    """What is recorded of a load besides its counts: a new id, the file, the user, a hash of what was read."""

    def __init__(self, file: str, user: str) -> None:
        self.load, self.file, self.user = secrets.randbits(48) or 1, file, user
        self.started_at = datetime.now(UTC)
        self._hash = hashlib.sha256()

    def hashed(self, stream: io.BufferedReader) -> io.BufferedReader:
        return io.BufferedReader(_Hashed(stream, self._hash), 1 << 20)

    def update(self, data: bytes) -> None:
        self._hash.update(data)

    async def write(self, backend: Backend, loaded: "LoadCounts") -> None:
        """Record that the load is complete."""
        if loaded.last_call is None:
            return
        values = {
            **{name: getattr(loaded, name) for name in ("added", "corrected", "there_before", "rejected")},
            **{name: getattr(loaded, name) for name in ("first_call", "last_call")},
            "id": self.load,
            "file": self.file,
            "hash": self._hash.hexdigest(),
            "user": self.user,
            "started_at": int(self.started_at.timestamp() * 1000),
        }
        of_customers = {name: values[name] for name in ("last_call", "id")} | {"customers": list(loaded.customers)}
        async with backend.session() as session:
            await session.command(Statement(_RECORD, values))
            # They come last: data is complete for a customer only if the load is.
            await session.command(Statement(_RECORD_CUSTOMERS, of_customers))


class _Hashed(io.RawIOBase):
    def __init__(self, stream: io.BufferedReader, hash: "hashlib._Hash") -> None:
        self._stream, self._hash = stream, hash

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "memoryview | bytearray") -> int:  # type: ignore[override]
        size = self._stream.readinto1(buffer)
        self._hash.update(memoryview(buffer)[:size])
        return size


_RECORD = """
INSERT INTO cdr_load
    (finished_at, first_dt, last_dt, added, corrected, there_before, rejected, id, file, hash, user, started_at)
SELECT now64(3, 'UTC'), fromUnixTimestamp64Milli({first_call:Int64}, 'UTC'),
    fromUnixTimestamp64Milli({last_call:Int64}, 'UTC'), {added:UInt64}, {corrected:UInt64}, {there_before:UInt64},
    {rejected:UInt64}, {id:UInt64}, {file:String}, {hash:String}, {user:String},
    fromUnixTimestamp64Milli({started_at:Int64}, 'UTC')
"""
_RECORD_CUSTOMERS = """
INSERT INTO cdr_load_customer (customer_id, last_dt, id)
SELECT arrayJoin({customers:Array(String)}), fromUnixTimestamp64Milli({last_call:Int64}, 'UTC'), {id:UInt64}
"""

"""A proxy between client and server, which delays, cuts off, speaks TLS, and keeps what it saw."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field


@dataclass
class Proxy:
    """`delay` is in seconds, before each piece of an answer; `cuts` is how many answers break off after `after` bytes.

    One that `swallows` passes the next request on and ends the connection in place of its answer.
    """

    delay: float = 0
    cuts: int = 0
    after: int = 0
    swallows: bool = False
    port: int = 0
    seen: bytearray = field(default_factory=bytearray)

    async def serve(self, to: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            answers, requests = await asyncio.open_connection("127.0.0.1", to)
        except OSError:
            writer.close()
            return
        ways = [
            asyncio.ensure_future(self._ask(reader, requests)),
            asyncio.ensure_future(self._answer(answers, writer)),
        ]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for end in (writer, requests):
                end.transport.abort()
            for each in ways:
                each.cancel()
            await asyncio.gather(*ways, return_exceptions=True)

    async def _ask(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(1 << 16):
            self.seen += data
            writer.write(data)
            await writer.drain()
            if self.swallows:
                await asyncio.sleep(0.3)
                return

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        passed = 0
        while data := await reader.read(1 << 16):
            await asyncio.sleep(self.delay)
            passed += len(data)
            if self.swallows:
                self.swallows = False
                return
            if self.cuts and passed > self.after > 0:
                self.cuts -= 1
                return
            writer.write(data)
            await writer.drain()


@asynccontextmanager
async def proxied(proxy: Proxy, to: int, tls: ssl.SSLContext | None = None) -> AsyncIterator[Proxy]:
    """A proxy on a free port, its `port`, before the port `to`, in the event loop that runs."""
    tasks: set[asyncio.Task[None]] = set()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        await proxy.serve(to, reader, writer)

    server = await asyncio.start_server(connected, "127.0.0.1", 0, ssl=tls)
    proxy.port = server.sockets[0].getsockname()[1]
    try:
        yield proxy
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        # An aborted transport closes its socket in the loop's next round.
        await asyncio.sleep(0.05)

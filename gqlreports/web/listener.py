"""The addresses that a server listens on."""

import errno
import socket
from collections.abc import Iterator
from contextlib import contextmanager

from gqlreports.errors import InvalidInput

_WAITING = 2048
"""How many connections may wait to be accepted."""
_ADVICE = {
    errno.EADDRINUSE: "stop what listens there, or choose another --port",
    errno.EACCES: "choose a --port from 1024 on",
    errno.EADDRNOTAVAIL: "choose a --host that is an address of this machine",
}


class Listener:
    """Takes a port at once, so that one that is in use is told before anything else is done.

    Connections are taken from `listen` on.  Both raise InvalidInput if the address cannot be used.
    """

    def __init__(self, host: str, port: int) -> None:
        self.host, self.port = host, port
        self.sockets: list[socket.socket] = []
        try:
            with self._refusal():
                self._bind()
        except BaseException:
            self.close()
            raise

    @property
    def url(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}"

    def listen(self) -> None:
        with self._refusal():
            for each in self.sockets:
                each.listen(_WAITING)

    def close(self) -> None:
        for each in self.sockets:
            each.close()

    def _bind(self) -> None:
        """Bind a socket to each address of the host.  Port 0 becomes a free port, the same for all."""
        found = socket.getaddrinfo(self.host, self.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        addresses = dict.fromkeys((family, address) for family, _, _, _, address in found)
        for place, (family, address) in enumerate(addresses, 1):
            made = socket.socket(family, socket.SOCK_STREAM)
            self.sockets.append(made)
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            try:
                made.bind((address[0], self.port, *address[2:]))
            except OSError as error:
                # A name may have an address of a family that this machine does not use.
                if error.errno != errno.EADDRNOTAVAIL or (place == len(addresses) and len(self.sockets) == 1):
                    raise
                self.sockets.pop().close()
            else:
                self.port = made.getsockname()[1]

    @contextmanager
    def _refusal(self) -> Iterator[None]:
        try:
            yield
        except (OSError, UnicodeError) as error:
            number = error.errno if isinstance(error, OSError) else None
            reason = error.strerror if isinstance(error, OSError) else "this is no name of a host"
            advice = _ADVICE.get(number or 0, "choose another --host or --port")
            raise InvalidInput(f"{self.host} cannot be listened on at port {self.port}: {reason}; {advice}.") from error

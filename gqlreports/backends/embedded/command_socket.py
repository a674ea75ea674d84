"""The socket in a store's folder, where commands meet the server that has the store open.

Whoever may write to the store may connect, and nobody else: the socket lies in a folder that only its owner can enter.
"""

import os
import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

FOLDER = "commands"
NAME = "socket"
_LONGEST = 103
"""How many bytes the address of a socket may have on every system; Linux allows 107."""
_WAITING = 128
"""How many commands may wait to be let in."""
_SECONDS = 5.0
"""How long a command waits to be let in."""
_ROOT = 0


@dataclass(frozen=True)
class Peer:
    """The process at the other end of a connection, and its user; None where the system does not tell."""

    process: int | None
    user: int | None

    @property
    def trusted(self) -> bool:
        """Whether it has this process's user, or is root, who may do anything anyhow."""
        return self.user in (None, _ROOT, os.getuid())


def listening(path: Path) -> socket.socket:
    """The socket of the process that has the store at `path` open.  One that a killed server left is replaced."""
    folder = path / FOLDER
    folder.mkdir(mode=0o700, exist_ok=True)
    folder.chmod(0o700)
    (folder / NAME).unlink(missing_ok=True)
    made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        with _address(path) as address:
            made.bind(address)
        (folder / NAME).chmod(0o600)
        made.listen(_WAITING)
    except OSError:
        made.close()
        raise
    made.setblocking(False)
    return made


def stop_listening(path: Path) -> None:
    (path / FOLDER / NAME).unlink(missing_ok=True)


def connected(path: Path) -> socket.socket:
    """A connection to the server that has the store at `path` open.  Raises OSError if there is none."""
    made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    made.settimeout(_SECONDS)
    try:
        with _address(path) as address:
            made.connect(address)
    except OSError:
        made.close()
        raise
    made.setblocking(False)
    return made


def is_hosted(path: Path) -> bool:
    """Whether a server has the store at `path` open, and lets commands in."""
    try:
        connected(path).close()
    except OSError:
        return False
    return True


def peer_of(connection: socket.socket) -> Peer:
    if not hasattr(socket, "SO_PEERCRED"):
        return Peer(None, None)
    found = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    process, user, _ = struct.unpack("3i", found)
    # A process in another container has no number here.
    return Peer(process or None, user)


@contextmanager
def _address(path: Path) -> Iterator[str]:
    """The socket's address.  A path that is too long for one is replaced by that of the open folder in /proc."""
    direct = os.fspath(path / FOLDER / NAME)
    if len(os.fsencode(direct)) <= _LONGEST:
        yield direct
        return
    folder = os.open(path / FOLDER, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{folder}/{NAME}"
    finally:
        os.close(folder)

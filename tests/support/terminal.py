"""Commands as a user sees them on a terminal: a real one of the system, of some width."""

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.support.commands import Done

_GQLREPORTS = str(Path(sys.executable).with_name("gqlreports"))
_CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


def shown(words: Sequence[str], folder: Path, variables: Mapping[str, str], width: int = 80) -> Done:
    """What a terminal gets from `gqlreports` with some words, without colours; standard error is a pipe."""
    process, terminal = _started(words, folder, variables, width, subprocess.PIPE)
    printed = "".join(_lines(terminal))
    assert process.stderr is not None
    told = process.stderr.read().decode()
    process.stderr.close()
    return Done(printed, told, process.wait())


@contextmanager
def started_on_terminal(
    words: Sequence[str], folder: Path, variables: Mapping[str, str], width: int = 80
) -> Iterator[Iterator[str]]:
    """The lines that a terminal gets from a command, which is killed at the end."""
    process, terminal = _started(words, folder, variables, width, None)
    try:
        yield _lines(terminal)
    finally:
        process.kill()
        process.wait()


def _started(
    words: Sequence[str], folder: Path, variables: Mapping[str, str], width: int, stderr: int | None
) -> "tuple[subprocess.Popen[bytes], int]":
    others = {name: value for name, value in os.environ.items() if not name.startswith("GQLREPORTS_")}
    others.pop("COLUMNS", None)
    reader, terminal = pty.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, width, 0, 0))
    process = subprocess.Popen(
        [_GQLREPORTS, *words],
        cwd=folder,
        env={**others, "TERM": "xterm", **variables},
        stdin=terminal,
        stdout=terminal,
        stderr=terminal if stderr is None else stderr,
    )
    os.close(terminal)
    return process, reader


def _lines(terminal: int) -> Iterator[str]:
    """What arrives until the process has closed the terminal."""
    with suppress(OSError), os.fdopen(terminal, encoding="utf-8", newline="") as file:
        for line in file:
            yield _CONTROL.sub("", line.replace("\r\n", "\n"))

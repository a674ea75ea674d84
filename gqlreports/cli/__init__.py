"""The command `gqlreports`.  Little is imported here, so that Ctrl-C is heeded while the rest still is."""

import os
import signal
from types import FrameType

INTERRUPTED = 130
"""The exit code of a command that Ctrl-C ended, as shells have it."""


def app() -> None:
    """Run the command line.  Ctrl-C ends it at any moment with one line and the exit code 130."""
    # A shell lets what runs in its background ignore Ctrl-C.
    heeds = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    if heeds:
        # While modules are imported, and after a command has ended, there is nothing to close.
        signal.signal(signal.SIGINT, _leave)
    from gqlreports.cli.commands import app as commands

    try:
        if heeds:
            signal.signal(signal.SIGINT, signal.default_int_handler)
        commands()
    finally:
        if heeds:
            signal.signal(signal.SIGINT, _leave)


def _leave(number: int, frame: FrameType | None) -> None:
    os.write(2, b"interrupted\n")
    os._exit(INTERRUPTED)

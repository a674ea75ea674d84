"""A load that is killed at a moment which is seen to have come: in the store's folder, or by what it prints."""

import re
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

_PART = re.compile(r"[0-9]{6}_([0-9]+)_\1_0")


def killed(
    command: Sequence[str], store: Path, lines: int, parts: int, environment: Mapping[str, str] | None = None
) -> list[str]:
    """Kill it once it has printed so many lines and then stored so many months of a piece of a file; what it printed.

    Fails where it ends before.
    """
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        printed = [process.stdout.readline() for _ in range(lines)]
        before = stored_parts(store)
        while len(stored_parts(store) - before) < parts:
            assert process.poll() is None, "nothing is under way any more"
            time.sleep(0.001)
        process.send_signal(signal.SIGKILL)
        printed += process.stdout.readlines()
    assert process.returncode == -signal.SIGKILL
    return printed


def stored_parts(store: Path) -> set[str]:
    """The parts that inserts have left in an embedded store: each holds rows of one month, whole."""
    return {str(each) for each in store.glob("store/*/*/*") if _PART.fullmatch(each.name)}

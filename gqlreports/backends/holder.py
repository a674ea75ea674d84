"""Who has an embedded store open."""

import fcntl
from pathlib import Path


def holder(path: Path) -> str | None:
    """The process that has the engine's directory open, by the lock that the engine keeps on its status file."""
    status = path / "status"
    if not status.exists():
        return None
    with status.open("r+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return file.readline().removeprefix("PID:").strip() or "unknown"
    return None

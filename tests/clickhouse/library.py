"""The library that holds ClickHouse, which npm brings into the user's cache.

    python -m tests.clickhouse.library

brings it where it is missing, 570 MB, and says in one line what is skipped where it cannot.
"""

import fcntl
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

_PINNED = Path(__file__).parent
_CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "gqlreports" / "clickhouse"
_LIBRARY = "node_modules/@chdb/lib-linux-x64-gnu/libchdb.so"


def library() -> Path | None:
    """The library of the pinned version; None where nobody has brought it."""
    path = _folder() / _LIBRARY
    return path if path.exists() else None


def bring() -> Path:
    """The library, from npm where it is missing.  Raises OSError or CalledProcessError where that fails."""
    folder = _folder()
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        # Several test processes may want it at once.
        fcntl.flock(lock, fcntl.LOCK_EX)
        if (found := library()) is not None:
            return found
        for name in ("package.json", "package-lock.json"):
            shutil.copy(_PINNED / name, folder)
        command = ["npm", "ci", "--no-audit", "--no-fund"]
        subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True, timeout=600)
    found = library()
    if found is None:
        raise OSError("npm did not bring it")
    return found


def _folder() -> Path:
    """One for each version that was ever pinned."""
    version: str
    [version] = json.loads((_PINNED / "package.json").read_text())["dependencies"].values()
    return _CACHE / version


def main() -> int:
    try:
        bring()
    except (OSError, subprocess.SubprocessError) as error:
        sys.stderr.write(f"npm cannot bring ClickHouse ({error}): the tests on a server and a cluster are skipped.\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

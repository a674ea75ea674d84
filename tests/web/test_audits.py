"""Every audit of npm's graphql-http, MUST, SHOULD and MAY, against the real server."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from gqlreports.web.app import create_app
from tests.support import sites
from tests.support.serving import served
from tests.support.sites import Site

pytestmark = pytest.mark.processes

AUDITS = Path(__file__).parent / "audits"


@pytest.fixture(scope="module")
def audits(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which the audits are installed."""
    npm = shutil.which("npm")
    if npm is None or shutil.which("node") is None:
        pytest.skip("the audits of GraphQL over HTTP need node and npm")
    folder = tmp_path_factory.mktemp("audits") / "installed"
    shutil.copytree(AUDITS, folder)
    subprocess.run([npm, "ci", "--no-audit", "--no-fund"], cwd=folder, check=True, capture_output=True, timeout=300)
    return folder


def test_all_pass(site: Site, audits: Path) -> None:
    with served(create_app(sites.REGISTRY, site.backend, site.directory)) as url:
        command = ["node", "run.js", f"{url}/graphql", site.staff_key]
        done = subprocess.run(command, cwd=audits, check=True, capture_output=True, text=True, timeout=120)
    outcomes: list[dict[str, Any]] = json.loads(done.stdout)
    assert [each for each in outcomes if each["status"] != "ok"] == []
    by_word = [sum(each["name"].startswith(f"{word} ") for each in outcomes) for word in ("MUST", "SHOULD", "MAY")]
    assert by_word == [13, 23, 25]
    # The application closed the store with its own end.
    site.engine.close()

"""The README's commands for one's own calls, typed in a shell beside the demo, as its reader does."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.test_demo import demo
from tests.support.waiting import PATIENCE

pytestmark = pytest.mark.processes

ROOT = Path(__file__).parent.parent.parent


def test_own_calls_beside_the_demo(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "docs" / "example", tmp_path / "docs" / "example")
    section = (ROOT / "README.md").read_text().partition("## Your own calls")[2]
    [block] = re.findall(r"^```console\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)[:1]
    script = "\n".join(re.findall(r"^\$ ((?:.*\\\n)*.*)$", block, re.MULTILINE))
    expected = re.sub(r"^\$ (?:.*\\\n)*.*\n", "", block, flags=re.MULTILINE)
    others = {name: value for name, value in os.environ.items() if not name.startswith("GQLREPORTS_")}
    path = f"{Path(sys.executable).parent}{os.pathsep}{others['PATH']}"
    with demo(tmp_path / "gqlreports-data"):
        done = subprocess.run(
            ["sh", "-e", "-c", script],
            cwd=tmp_path,
            env={**others, "PATH": path},
            capture_output=True,
            text=True,
            timeout=2 * PATIENCE,
        )
    assert (done.stderr, done.returncode) == ("", 0)
    assert done.stdout == expected
    assert (tmp_path / "my-data" / "store").is_dir()

"""The file for public runners, which calls the one script that every change must pass."""

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

pytestmark = pytest.mark.processes

ROOT = Path(__file__).parent.parent
FILE = ROOT / ".github" / "workflows" / "ci.yml"
JOB: dict[str, Any] = yaml.safe_load(FILE.read_text())["jobs"]["all"]


def test_it_follows_its_schema() -> None:
    command = ["-m", "check_jsonschema", "--builtin-schema", "vendor.github-workflows", str(FILE)]
    checked = subprocess.run([sys.executable, *command], capture_output=True, text=True)
    assert checked.returncode == 0, checked.stdout


def test_it_runs_the_script() -> None:
    [script] = [step["run"] for step in JOB["steps"] if "run" in step]
    assert os.access(ROOT / script, os.X_OK)


def test_it_has_every_python_that_the_package_says() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    supported = re.findall(r"Python :: (3\.\d+)", " ".join(project["classifiers"]))
    assert JOB["strategy"]["matrix"]["python"] == supported
    assert project["requires-python"] == f">={supported[0]}"

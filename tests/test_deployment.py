"""The files of a deployment, as far as they can be checked without Docker."""

import re
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import Any

import pytest
import yaml
from sqlalchemy import make_url
from typer.main import get_command

from gqlreports.backends.base import Limits
from gqlreports.backends.server.http import parse_address
from gqlreports.cli.commands import app
from gqlreports.config import Settings
from gqlreports.web.lifecycle import LAST, NOTICE
from tests.support.lacking import lacking

pytestmark = pytest.mark.processes

ROOT = Path(__file__).parent.parent
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text())
SERVICES: dict[str, Any] = COMPOSE["services"]
UNITS = sorted((ROOT / "deploy" / "systemd").iterdir())


def test_compose_follows_its_specification() -> None:
    command = ["-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", str(ROOT / "compose.yaml")]
    checked = subprocess.run([sys.executable, *command], capture_output=True, text=True)
    assert checked.returncode == 0, checked.stdout


def test_compose_runs_commands_and_settings_that_exist() -> None:
    commands = get_command(app).commands  # type: ignore[attr-defined]
    for name in ("api", "migrate"):
        assert SERVICES[name]["command"][0] in commands
        for setting in SERVICES[name]["environment"].keys() - {"FORWARDED_ALLOW_IPS"}:
            assert setting.removeprefix("GQLREPORTS_").lower() in Settings.model_fields


def test_compose_has_addresses_that_can_be_read() -> None:
    for name in ("api", "migrate"):
        environment = {
            key: re.sub(r"\$\{\w+:\?\}", "secret", value) for key, value in SERVICES[name]["environment"].items()
        }
        address = parse_address(environment["GQLREPORTS_STORE"])
        assert (address.host in SERVICES, address.database) == (
            True,
            SERVICES["clickhouse"]["environment"]["CLICKHOUSE_DB"],
        )
        assert make_url(environment["GQLREPORTS_DIRECTORY"]).host in SERVICES
        users = ElementTree.parse(ROOT / "deploy" / "clickhouse" / "users.xml")
        assert users.find(f"./users/{address.user}") is not None


def test_the_api_believes_the_proxy_which_sets_what_it_says() -> None:
    assert "ports" not in SERVICES["api"]
    assert SERVICES["api"]["environment"]["FORWARDED_ALLOW_IPS"] == "*"
    proxy = (ROOT / "deploy" / "nginx.conf").read_text()
    for header in ("X-Forwarded-For $remote_addr;", "X-Forwarded-Proto $scheme;", "Host $http_host;"):
        assert f"proxy_set_header {header}" in proxy


def test_no_password_has_a_default() -> None:
    for name in re.findall(r"\$\{(\w*(?:PASSWORD|SECRET)\w*)([^}]*)\}", (ROOT / "compose.yaml").read_text()):
        assert name[1] == ":?", name


def test_every_file_that_compose_mounts_is_there() -> None:
    for service in SERVICES.values():
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            if source.startswith("./deploy"):
                assert (ROOT / source).is_file()
            elif not source.startswith("."):
                assert source in COMPOSE["volumes"]


@pytest.mark.parametrize("path", sorted((ROOT / "deploy").rglob("*.xml")), ids=lambda path: path.name)
def test_clickhouse_is_given_xml(path: Path) -> None:
    assert ElementTree.parse(path).getroot().tag == "clickhouse"


def test_the_readers_profile_allows_what_the_api_asks_for() -> None:
    users = ElementTree.parse(ROOT / "deploy" / "clickhouse" / "users.xml")
    profile = users.find("./profiles/gqlreports_reader")
    assert profile is not None
    assert profile.find("readonly") is None
    for name, value in Limits().settings.items():
        most = profile.findtext(f"constraints/{name}/max")
        assert most is None or float(value) <= float(most)


def test_the_image_is_run_by_nobody_in_particular() -> None:
    dockerfile = (ROOT / "Dockerfile").read_text()
    assert re.search(r"^USER 10001$", dockerfile, re.MULTILINE)
    assert "HEALTHCHECK" in dockerfile
    assert SERVICES["api"]["read_only"] is True


def options(unit: Path) -> dict[str, str]:
    """The options of a unit, whatever their section."""
    lines = [line.partition("=") for line in unit.read_text().splitlines() if line[:1].isalpha()]
    return {name: value for name, _, value in lines}


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.stem)
def test_systemd_takes_a_unit(unit: Path, tmp_path: Path) -> None:
    """With a command that is there; the other units that it names are next to it."""
    analyze = shutil.which("systemd-analyze") or lacking("no systemd-analyze: apt-get install systemd")
    command = str(Path(sys.executable).with_name("gqlreports"))
    for each in UNITS:
        (tmp_path / each.name).write_text(each.read_text().replace("/opt/gqlreports/bin/gqlreports", command))
    copy = str(tmp_path / unit.name)
    verified = subprocess.run([analyze, "verify", "--man=no", copy], capture_output=True, text=True)
    assert (verified.returncode, verified.stderr) == (0, "")
    rated = [analyze, "security", "--offline=true", "--threshold=20", copy]
    assert subprocess.run(rated, capture_output=True).returncode == 0


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.stem)
def test_a_unit_runs_a_command_with_settings_that_exist(unit: Path) -> None:
    given = options(unit)
    command, *words = given["ExecStart"].split()
    assert command == "/opt/gqlreports/bin/gqlreports"
    known = get_command(app).commands[words[0]]  # type: ignore[attr-defined]
    with known.make_context(words[0], [*words[1:-1], "."] if words[0] == "watch" else words[1:]):
        pass
    variable, _, value = given["Environment"].partition("=")
    assert (variable, value) == ("GQLREPORTS_SETTINGS", "/etc/gqlreports/settings.toml")
    page = (ROOT / "docs" / "deploying.md").read_text()
    for each in (value, unit.name, f'home = "/var/lib/{given["StateDirectory"]}"', f"--system {given['User']}"):
        assert each in page, each


def test_systemd_gives_the_server_the_time_that_it_needs_to_end() -> None:
    [unit] = [unit for unit in UNITS if unit.stem == "gqlreports"]
    assert int(options(unit)["TimeoutStopSec"]) > Settings().shutdown_seconds + NOTICE + LAST

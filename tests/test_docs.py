"""Every page is run: commands, queries with their answers, and Python.

Blocks of a page run in their order, in a folder that holds `docs/example`.  A `console` block has commands behind `$ `
and what they print; a `graphql` block that is followed by a `json` block must give that answer; a `python` block is
run; a `json` block with the call of an agent's tool that is followed by a `text` block must give that text; others are
only shown.  A command may have variables before it, and `export` sets them for those that follow;
SERVER is an empty database of a server.
"""

import asyncio
import re
import secrets
import shlex
import shutil
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import orjson
import pytest
from pydantic import BaseModel, SecretStr
from pydantic.alias_generators import to_camel
from pydantic.fields import FieldInfo
from typer.main import get_command

from gqlreports import __version__, errors, plugins
from gqlreports.cli.commands import app
from gqlreports.config import Settings
from gqlreports.directory.directory import Directory
from gqlreports.directory.principal import Role
from gqlreports.errors import ReportsError
from gqlreports.limits import RequestLimits
from gqlreports.plugins.types import TYPES
from gqlreports.store.load_counts import LoadCounts
from gqlreports.tables import metadata
from gqlreports.web.app import create_app
from tests.support import commands, sites, stores
from tests.support.agents import TestAgent
from tests.support.oracle import World
from tests.support.serving import served
from tests.support.sites import Engine, Site
from tests.support.stores import ServedStore

pytestmark = pytest.mark.processes

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
SERVER = "clickhouse://clickhouse.example/gqlreports"
TEXT = {page: page.read_text() for page in PAGES}


@dataclass
class Reader:
    """Someone who does what a page says."""

    folder: Path
    engine: Engine
    server: str
    exported: dict[str, str] = field(default_factory=dict)

    @property
    def home(self) -> Path:
        return self.folder / self.exported.get("GQLREPORTS_HOME", "gqlreports-data")

    def type(self, command: str) -> str:
        """Type a command, and see what it prints."""
        self.engine.close()
        words = shlex.split(command.replace(SERVER, self.server))
        if words[0] == "export":
            self.exported |= dict(each.split("=", 1) for each in words[1:])
            return ""
        variables = dict(self.exported)
        while "=" in words[0]:
            name, _, value = words.pop(0).partition("=")
            variables[name] = value
        assert words[0] == "gqlreports", command
        done = commands.typed(words[1:], self.folder, variables)
        return done.stdout + done.stderr

    def ask(self, query: str) -> dict[str, Any]:
        """Send a query with a staff key; what it cost differs from run to run."""
        directory = Directory(f"sqlite:///{self.home}/directory.db")
        key = directory.create_key("reader", Role.STAFF)
        return Site(self.home, self.engine, World([], None, []), directory, key, LoadCounts()).ask(query)  # type: ignore[arg-type]

    def call(self, tool: str, arguments: dict[str, Any]) -> str:
        """Have an agent with a partner's key call a tool."""
        directory = Directory(f"sqlite:///{self.home}/directory.db")
        key = directory.create_key("agent", Role.PARTNER, ["1001"])
        with served(create_app(sites.REGISTRY, self.engine.open(self.home / "store"), directory)) as url:
            told = asyncio.run(TestAgent(url, key).ask(tool, arguments))
        self.engine.close()
        return told.text


def blocks(page: Path) -> Iterator[tuple[str, str]]:
    for found in BLOCK.finditer(TEXT[page]):
        yield found[1], found[2]


@pytest.fixture
def reader(engine: Engine, tmp_path: Path, served_store: ServedStore) -> Iterator[Reader]:
    shutil.copytree(ROOT / "docs" / "example", tmp_path / "docs" / "example")
    empty = replace(served_store, database=f"test_{secrets.token_hex(6)}")
    stores.command(empty.url, f"CREATE DATABASE {empty.database}")
    yield Reader(tmp_path, engine, f"{empty.url}/{empty.database}")
    stores.drop(empty)


@pytest.fixture
def own_tables() -> Iterator[None]:
    """The tables that a page declares are no tables of other tests."""
    before = set(metadata.tables)
    yield
    for name in set(metadata.tables) - before:
        metadata.remove(metadata.tables[name])


@pytest.mark.usefixtures("own_tables")
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_page_is_true(reader: Reader, page: Path) -> None:
    query, call, names = "", "", {"__name__": "page"}
    for language, text in blocks(page):
        if language == "console":
            check_console(reader, text)
        elif language == "json" and query:
            answer = reader.ask(query)
            answer.pop("extensions", None)
            assert answer == orjson.loads(text)
        elif language == "python":
            reader.engine.close()
            exec(compile(text, page.name, "exec"), names)
        elif language == "text" and call:
            asked = orjson.loads(call)
            check(text, reader.call(asked["name"], asked["arguments"]), call)
        query = text if language == "graphql" else ""
        call = text if language == "json" else ""


def check_console(reader: Reader, text: str) -> None:
    for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
        command, _, expected = re.sub(r"\\\n\s*", "", part).partition("\n")
        check(expected, reader.type(command), f"$ {command}")


def check(expected: str, found: str, asked: str) -> None:
    """`...` stands for anything within a line."""
    pattern = re.escape(expected.strip()).replace(r"\.\.\.", ".*")
    printed = "\n".join(line.rstrip() for line in found.splitlines()).strip()
    assert re.fullmatch(pattern, printed), f"{asked}\n{printed}"


def test_every_command_is_on_a_page() -> None:
    commands = get_command(app).commands  # type: ignore[attr-defined]
    for name, command in commands.items():
        for each in [f"{name} {sub}" for sub in getattr(command, "commands", {})] or [name]:
            assert any(f"gqlreports {each}" in text for text in TEXT.values()), each


def test_every_setting_is_on_a_page() -> None:
    names = [*Settings.model_fields, *(f"limits_{name}" for name in RequestLimits.model_fields)]
    for name in names:
        assert any(f"GQLREPORTS_{name.upper()}" in text for text in TEXT.values()), name


def test_every_setting_is_in_the_table_of_settings() -> None:
    page = TEXT[ROOT / "docs" / "settings.md"]
    settings, limits = (re.findall(r"^\| `.*$", part, re.MULTILINE) for part in page.split("## Limits"))
    assert settings == [settings_row(*each) for each in Settings.model_fields.items()]
    assert limits == [settings_row(*each) for each in RequestLimits.model_fields.items()]


def test_the_settings_file_of_the_page_can_be_read(tmp_path: Path) -> None:
    [text] = [text for language, text in blocks(ROOT / "docs" / "settings.md") if language == "toml"]
    (tmp_path / "settings.toml").write_text(text)
    settings = Settings(settings=tmp_path / "settings.toml")
    assert (settings.query_timeout, settings.oidc_roles, settings.limits.depth) == (30, {"noc": "staff"}, 12)


def settings_row(name: str, field: FieldInfo) -> str:
    """The row of a setting: its name, its type in TOML, its default as TOML writes it, and its description."""
    kinds: dict[type, str] = {
        bool: "boolean",
        int: "integer",
        float: "number",
        Path: "path",
        str: "text",
        SecretStr: "text",
        tuple: "list",
    }
    kind = next((each for each in kinds if field.annotation in (each, each | None)), dict)
    default = field.default
    if isinstance(default, dict):
        default = "{" + ", ".join(f'{key} = "{value}"' for key, value in default.items()) + "}"
    elif isinstance(default, bool):
        default = str(default).lower()
    elif isinstance(default, (str, Path)):
        default = f'"{default}"'
    elif isinstance(default, tuple):
        kind, default = tuple, list(default)
    written = "" if default is None or isinstance(default, BaseModel) else f"`{default}`"
    return f"| `{name}` | {kinds.get(kind, 'table')} | {written} | {field.description} |"


def test_every_limit_is_in_the_http_page() -> None:
    for name, limit in RequestLimits.model_fields.items():
        row = f"| `{to_camel(name)}` | `GQLREPORTS_LIMITS_{name.upper()}` | {limit.default} |"
        assert row in TEXT[ROOT / "docs" / "http.md"], row


def test_every_error_code_is_in_the_api_page() -> None:
    codes = {each.code for each in vars(errors).values() if isinstance(each, type) and issubclass(each, ReportsError)}
    for code in codes - {"LOAD_REFUSED", "PLUGIN_REFUSED", "UNREADABLE_DATA"}:
        assert f"`{code}`" in TEXT[ROOT / "docs" / "api.md"], code


def test_every_report_and_column_is_in_the_api_page() -> None:
    for report in sites.REGISTRY.reports.values():
        assert f"`{report.name}`" in TEXT[ROOT / "docs" / "api.md"]
        for column in report.columns(staff=True):
            assert f"`{column.graphql_name}`" in TEXT[ROOT / "docs" / "api.md"], (report.name, column.name)


def test_every_name_of_the_contract_is_in_its_page() -> None:
    for name in plugins.__all__:
        assert f"`{name}`" in TEXT[ROOT / "docs" / "writing-reports.md"], name


def test_every_type_is_in_the_page_of_the_contract() -> None:
    for each in TYPES:
        row = rf"\| `{each.name}` \| .+ \| `{re.escape(each.clickhouse)}` \| `{each.scalar.name}` \|"
        assert re.search(row, TEXT[ROOT / "docs" / "writing-reports.md"]), each.name


def test_the_changelog_has_this_version_and_the_next() -> None:
    headings = re.findall(r"^## (.*)$", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert headings[0] == "Unreleased"
    assert re.fullmatch(rf"{re.escape(__version__)} - \d{{4}}-\d\d-\d\d", headings[1])
    kinds = re.findall(r"^### (.*)$", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert set(kinds) <= {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}


def test_the_reason_of_every_package_is_in_the_architecture_page() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = {name: each for name, each in project["optional-dependencies"].items() if name not in ("docs", "test")}
    reasons = TEXT[ROOT / "docs" / "architecture.md"].partition("## What is installed")[2].partition("\n## ")[0]
    cells = [[cell.strip() for cell in row.casefold().split("|")[1:-1]] for row in reasons.splitlines()]
    packages = ", ".join(row[0] for row in cells if len(row) == 2).split(", ")
    assert set(map(package, project["dependencies"])) == set(packages) - {"package", "---"}
    brought = {row[0].strip("`"): row[1] for row in cells if len(row) == 3}
    assert brought.keys() - {"extra", "---"} == extras.keys()
    for name in extras.keys() - {"all"}:
        assert package(extras[name][0]) in brought[name]


def package(requirement: str) -> str:
    [name] = re.findall(r"^[\w.-]+", requirement)
    return str(name).casefold()


def test_links_lead_somewhere() -> None:
    for page, text in TEXT.items():
        for link in re.findall(r"\]\((?!https?:)([^)#]+)", text):
            assert (page.parent / link).exists(), f"{page.name}: {link}"

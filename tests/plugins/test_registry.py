"""What is wrong with a plugin is told with its owner, and leaves all others standing."""

import importlib
import logging
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib.metadata import EntryPoint, distributions, entry_points
from pathlib import Path

import pytest

from gqlreports.directory.principal import Role
from gqlreports.errors import PluginError
from gqlreports.plugins.registry import GROUP, OWN, Registry
from gqlreports.schema.catalogue import describe
from gqlreports.schema.query import build_schema

OWN_PLUGINS = [plugin for plugin in entry_points(group=GROUP) if plugin.dist and plugin.dist.name == OWN]
OWN_NAMES = {
    "USA_RATE_CENTER", "DID_AS_CLI", "GROUP_BY_TECH_PREFIX", "DTMF", "ASR_PER_ROUTE", "USA_CALLS", "BREAKOUT",
    "PER_NUMBER", "RELEASE_REASONS",
}  # fmt: skip
COMMAND = [sys.executable, "-c", "from gqlreports.cli import app; app()"]
IMPORTS = """
from enum import Enum
from pydantic import Field
from sqlalchemy import Integer, func, select, text
from gqlreports.plugins import COUNT, RATIO, SECONDS, Aggregate, Report, ReportParameters, Sum, attempts, cdr, count
from gqlreports.plugins import customer_charge, dimension, measure, ratio, total, whole
"""
COLUMNS = "account = dimension(cdr.c.account, '')\n    calls = measure(attempts, '')"
GOOD = f"class Good(Report):\n    {COLUMNS}"


@dataclass
class Shelf:
    """A folder that distributions with plugins are installed in."""

    folder: Path
    modules: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, folder: Path, monkeypatch: pytest.MonkeyPatch) -> "Iterator[Shelf]":
        """A shelf for a test; its modules are forgotten afterwards."""
        monkeypatch.syspath_prepend(str(folder))
        made = cls(folder)
        yield made
        for module in made.modules:
            sys.modules.pop(module, None)

    def install(self, distribution: str, source: str, **plugins: str) -> None:
        """A distribution of one module, named alike, and its entry points."""
        module = distribution.replace("-", "_")
        (self.folder / f"{module}.py").write_text(IMPORTS + source, encoding="utf-8")
        info = self.folder / f"{module}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.0\n")
        lines = "".join(f"{name} = {target}\n" for name, target in plugins.items())
        (info / "entry_points.txt").write_text(f"[{GROUP}]\n{lines}")
        self.modules.append(module)
        importlib.invalidate_caches()

    @property
    def plugins(self) -> list[EntryPoint]:
        return [plugin for each in distributions(path=[str(self.folder)]) for plugin in each.entry_points]

    def command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """The command where this folder is installed too, on a terminal too wide to break a line."""
        environment = {**os.environ, "PYTHONPATH": str(self.folder), "COLUMNS": "1000"}
        return subprocess.run([*COMMAND, *arguments], env=environment, capture_output=True, text=True, check=False)


@pytest.fixture
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shelf]:
    yield from Shelf.of(tmp_path, monkeypatch)


def broken(body: str, before: str = "") -> str:
    return f"{before}\nclass Broken(Report):\n    {body}\n"


def with_parameter(declared: str, column: str = "", before: str = "") -> str:
    own = f"{before}\nclass Own(ReportParameters):\n    {declared}"
    return broken(f"Parameters = Own\n    {COLUMNS}\n    {column}", own)


PLACE = "place = dimension(cdr.c.tech_prefix, '', when='{}')"
UNLOADABLE = [
    pytest.param("absent:Broken", "", "No module named 'absent'", id="no module"),
    pytest.param("shelf_broken:Broken", "import absent", "No module named 'absent'", id="its import"),
    pytest.param("shelf_broken:Broken", "1 / 0", "ZeroDivisionError", id="its code"),
    pytest.param("shelf_broken:Broken", "class Broken(Report:", "SyntaxError", id="its syntax"),
    pytest.param("shelf_broken:Broken", GOOD, "no attribute 'Broken'", id="no class"),
    pytest.param("shelf_broken:Broken", "class Broken: ...", "Broken is not a subclass of", id="no report"),
    pytest.param("shelf_broken:Broken", f"{GOOD}\nBroken = Good()", "Broken is not a subclass of", id="an instance"),
    pytest.param("shelf_broken", GOOD, "is not a subclass of", id="a module"),
    pytest.param("shelf_broken:Broken", "raise SystemExit(3)", "SystemExit", id="an exit"),
    pytest.param("shelf_broken:Broken", "raise GeneratorExit", "GeneratorExit", id="the end of a generator"),
    pytest.param(
        "shelf_broken:Broken",
        broken(f"{COLUMNS}\n    def __init__(self, more): ..."),
        "__init__",
        id="its making",
    ),
]
MISDECLARED = [
    pytest.param(
        broken("call_count = measure(attempts, '')\n    callCount = dimension(cdr.c.account, '')"),
        ["column callCount of Broken clashes with call_count"],
        id="clash in camelCase",
    ),
    pytest.param(broken("größe = dimension(cdr.c.lrn, '')"), ["column größe of Broken", "no GraphQL name"], id="ö"),
    pytest.param(broken("__x__ = dimension(cdr.c.lrn, '')"), ["column __x__ of Broken", "no GraphQL name"], id="__"),
    pytest.param(broken("pass"), ["Broken has no dimension"], id="no columns"),
    pytest.param(broken("calls = measure(attempts, '')"), ["Broken has no dimension"], id="no dimension"),
    pytest.param(broken(PLACE.format("by")), ["Broken has no dimension"], id="a dimension at times"),
    pytest.param(with_parameter("side: str"), ["parameter side of Broken needs a default"], id="no default"),
    pytest.param(
        with_parameter("size: int = Field(default_factory=int)"),
        ["parameter size of Broken needs a default"],
        id="default from a factory",
    ),
    pytest.param(
        with_parameter("size: int = 1", PLACE.format("by_place")),
        ["column place of Broken: by_place is no Boolean parameter"],
        id="when of nothing",
    ),
    pytest.param(
        with_parameter("size: int = 1", PLACE.format("size")),
        ["column place of Broken: size is no Boolean parameter"],
        id="when of a number",
    ),
    pytest.param(
        broken(f"{COLUMNS}\n    size = dimension(cdr.c.branch_idx, '', type=Integer())"),
        ["column size of Broken", "not one of TYPES"],
        id="type of SQLAlchemy",
    ),
    pytest.param(
        broken(f"{COLUMNS}\n    size = dimension(cdr.c.lrn, '', type=cdr.c.lrn.type)"),
        ["column size of Broken", "not one of TYPES"],
        id="type of ClickHouse",
    ),
    pytest.param(
        broken(f"{COLUMNS}\n    size = dimension(lambda parameters: parameters.nonsense, '')"),
        ["column size of Broken: its key cannot be built", "nonsense"],
        id="key that fails",
    ),
    pytest.param(
        broken(f"{COLUMNS}\n    size = measure(Aggregate(lambda basis: basis.nonsense, abs, COUNT, ''), '')"),
        ["column size of Broken: its figure cannot be built", "nonsense"],
        id="measure that fails",
    ),
    pytest.param(
        broken(f"{COLUMNS}\n    def statement(self, scope): raise ValueError('never')"),
        ["column account of Broken: it has no statement (ValueError: never; shelf_broken.py, line "],
        id="statement that fails",
    ),
]
FATAL_LATER = [
    pytest.param(
        broken(f"{COLUMNS}\n    start = measure(attempts, '')"), ["column start of Broken"], id="bucket's field"
    ),
    pytest.param(
        broken(f"{COLUMNS}\n    first = dimension(select(func.min(cdr.c.lrn)).scalar_subquery(), '')"),
        ["column first of Broken has a subquery"],
        id="key of a subquery",
    ),
    pytest.param(broken(f"{COLUMNS}\n    title = measure(attempts, '')"), ["column title"], id="column title"),
    pytest.param(broken(f"{COLUMNS}\n    staff_only = measure(attempts, '')"), ["column staff_only"], id="staff_only"),
    pytest.param(broken(f"{COLUMNS}\n    columns = measure(attempts, '')"), ["column columns"], id="column columns"),
    pytest.param(broken(f"{COLUMNS}\n    _x_ = measure(attempts, '')"), ["column _x_"], id="column _x_"),
    pytest.param(
        broken("aBC = dimension(cdr.c.lrn, '')\n    a_bc = measure(attempts, '')"), ["a_bc", "aBC"], id="order's clash"
    ),
    pytest.param(
        with_parameter("by: bool = True", PLACE.format("by")), ["column place of Broken"], id="when, no otherwise"
    ),
    pytest.param(
        with_parameter("by: bool = True", "place = dimension(cdr.c.lrn, '', when='by', otherwise=attempts)"),
        ["column place of Broken"],
        id="otherwise of another type",
    ),
    pytest.param(
        broken("account = dimension(cdr.c.account, '', staff_only=True)\n    calls = measure(attempts, '')"),
        ["Broken"],
        id="no dimension for partners",
    ),
    pytest.param(broken(f"{COLUMNS}\n    class Parameters: ..."), ["Broken"], id="parameters of another kind"),
    pytest.param(with_parameter("size: int | None = None"), ["Broken", "size"], id="parameter or null"),
    pytest.param(with_parameter("sizes: dict[str, int] = {}"), ["Broken", "sizes"], id="parameter of a wrong type"),
    pytest.param(
        with_parameter("by_side: int = 1\n    bySide: int = 2"), ["Broken", "bySide"], id="clash of parameters"
    ),
    pytest.param(
        with_parameter("row: Row = Row.A").replace("class Own", "class Row(Enum):\n    A = 'A'\nclass Own"),
        ["Broken", "row"],
        id="enum named Row",
    ),
]
UNHARMED = [
    pytest.param(broken("account = dimension(cdr.c.account, '')"), id="only dimensions"),
    pytest.param(broken("account = dimension(cdr.c.account, '', staff_only=True)"), id="nothing for partners"),
    pytest.param(broken(f'"""  """\n    {COLUMNS}'), id="blank docstring"),
]


def load_with(shelf: Shelf, caplog: pytest.LogCaptureFixture) -> str:
    """Why the plugin BROKEN of shelf-broken is left out, which leaves out nothing else; `strict` says the same."""
    shelf.install("shelf-good", GOOD, GOOD="shelf_good:Good")
    with caplog.at_level(logging.ERROR, "gqlreports"):
        registry = Registry.load([*shelf.plugins, *OWN_PLUGINS])
    assert set(registry.reports) == {*OWN_NAMES, "GOOD"}
    [refused] = registry.refused
    [record] = caplog.records
    assert refused.distribution == "shelf-broken"
    assert refused.error in record.getMessage()
    with pytest.raises(PluginError) as raised:
        Registry.load([*shelf.plugins, *OWN_PLUGINS], strict=True)
    assert str(raised.value) == refused.error
    return refused.error


@pytest.mark.parametrize(("target", "source", "why"), UNLOADABLE)
def test_what_cannot_be_loaded(
    shelf: Shelf, caplog: pytest.LogCaptureFixture, target: str, source: str, why: str
) -> None:
    shelf.install("shelf-broken", source, BROKEN=target)
    error = load_with(shelf, caplog)
    assert error.startswith(f"shelf-broken: BROKEN = {target}: ")
    assert why in error


@pytest.mark.parametrize(
    ("source", "names"),
    [*MISDECLARED, *FATAL_LATER],
)
def test_what_is_declared_wrong(shelf: Shelf, caplog: pytest.LogCaptureFixture, source: str, names: list[str]) -> None:
    shelf.install("shelf-broken", source, BROKEN="shelf_broken:Broken")
    error = load_with(shelf, caplog)
    assert error.startswith("shelf-broken: BROKEN = shelf_broken:Broken: ")
    for name in names:
        assert name in error


@pytest.mark.parametrize(
    "name", ["calls", "Calls", "CALLS-BY", "CALLS__BY", "_CALLS", "CALLS_", "2CALLS", "ÉTÉ", "CUSTOM", "REPORT"]
)
def test_a_name_that_no_report_may_have(shelf: Shelf, caplog: pytest.LogCaptureFixture, name: str) -> None:
    shelf.install("shelf-broken", GOOD, **{name: "shelf_broken:Good"})
    error = load_with(shelf, caplog)
    assert error.startswith(f"shelf-broken: {name} = shelf_broken:Good: {name} cannot name a report")


@pytest.mark.parametrize(("name", "other"), [("CALLS_2", "CALLS_2"), ("CALLS2", "CALLS_2")])
@pytest.mark.parametrize("backwards", [False, True])
def test_two_plugins_of_one_name(
    shelf: Shelf, caplog: pytest.LogCaptureFixture, name: str, other: str, backwards: bool
) -> None:
    """CALLS2 and CALLS_2 would both be Calls2Report; no package takes the place of another, so both are left out."""
    shelf.install("shelf-a", GOOD, **{other: "shelf_a:Good"})
    shelf.install("shelf-b", GOOD, **{name: "shelf_b:Good"})
    plugins = sorted(shelf.plugins, key=lambda plugin: plugin.value, reverse=backwards)
    registry = Registry.load(plugins)
    assert dict(registry.reports) == {}
    first, second = registry.refused
    assert first.error.startswith(f"shelf-a: {other} = shelf_a:Good: the name {other} is taken by {name} of shelf-b")
    assert second.error.startswith(f"shelf-b: {name} = shelf_b:Good: the name {name} is taken by {other} of shelf-a")
    assert all(each.error in caplog.text for each in registry.refused)
    with pytest.raises(PluginError, match="shelf-a"):
        Registry.load(plugins, strict=True)


@pytest.mark.parametrize("backwards", [False, True])
def test_gqlreports_own_win(shelf: Shelf, backwards: bool) -> None:
    shelf.install("a-first-one", GOOD, **dict.fromkeys(OWN_NAMES, "a_first_one:Good"))
    plugins = [*shelf.plugins, *OWN_PLUGINS]
    registry = Registry.load(plugins[::-1] if backwards else plugins)
    assert {(name, report.distribution) for name, report in registry.reports.items()} == {
        (name, OWN) for name in OWN_NAMES
    }
    assert {(refused.name, refused.distribution) for refused in registry.refused} == {
        (name, "a-first-one") for name in OWN_NAMES
    }
    assert all(f"{refused.name} of gqlreports" in refused.error for refused in registry.refused)


def test_distributions_whose_metadata_is_gone(shelf: Shelf) -> None:
    shelf.install("shelf-a", GOOD, GOOD="shelf_a:Good")
    shelf.install("shelf-b", GOOD, BETTER="shelf_b:Good")
    (shelf.folder / "shelf_b-1.0.dist-info" / "METADATA").unlink()
    assert {"GOOD", *OWN_NAMES} <= set(Registry.load([*shelf.plugins, *OWN_PLUGINS]).reports)


@pytest.mark.parametrize("source", UNHARMED)
def test_the_api_stays_up(shelf: Shelf, source: str) -> None:
    """Whether such a plugin is left out or answers, the schema and the catalogue of the others are there."""
    shelf.install("shelf-broken", source, BROKEN="shelf_broken:Broken")
    registry = Registry.load([*shelf.plugins, *OWN_PLUGINS])
    for role in Role:
        assert "GroupByTechPrefixReport" in build_schema(registry, role).as_str()
        assert all(describe(report, role.staff).description for report in registry.reports.values())


@pytest.mark.processes
def test_the_command_lists_what_is_left_out(shelf: Shelf) -> None:
    shelf.install("shelf-broken", GOOD, BROKEN="shelf_broken:Broken")
    listed = shelf.command("reports")
    assert listed.returncode == 1
    [line] = [line for line in listed.stdout.splitlines() if "BROKEN" in line]
    assert "left out: shelf-broken: BROKEN = shelf_broken:Broken: no such class can be loaded" in line
    assert all(name in listed.stdout for name in OWN_NAMES)


@pytest.mark.processes
def test_a_report_tells_once_what_is_left_out(shelf: Shelf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GQLREPORTS_HOME", str(tmp_path / "home"))
    (tmp_path / "customers.csv").write_text("id,name,currency\n1001,Acme,USD\n")
    shelf.install("shelf-broken", GOOD, BROKEN="shelf_broken:Broken")
    assert shelf.command("load", "customers", str(tmp_path / "customers.csv")).returncode == 0
    assert shelf.command("migrate").returncode == 0
    span = ("--from", "2025-11-03T00:00:00Z", "--to", "2025-11-04T00:00:00Z")
    run = shelf.command("run", "DTMF", "--customer", "1001", *span)
    assert run.returncode == 0
    assert run.stderr.count("shelf-broken") == 1


@pytest.mark.processes
def test_the_command_is_content_without(shelf: Shelf) -> None:
    shelf.install("shelf-good", GOOD, GOOD="shelf_good:Good")
    listed = shelf.command("reports", "--strict")
    assert (listed.returncode, listed.stderr) == (0, "")
    assert "shelf-good" in listed.stdout


@pytest.mark.parametrize("source", [GOOD, "raise ValueError('[/opt] and [bold]')"])
@pytest.mark.processes
def test_the_command_fails_if_strict(shelf: Shelf, source: str) -> None:
    shelf.install("shelf-broken", source, BROKEN="shelf_broken:Broken")
    refused = shelf.command("reports", "--strict")
    assert (refused.returncode, refused.stdout) == (1, "")
    assert refused.stderr.startswith("error: shelf-broken: BROKEN = shelf_broken:Broken: no such class can be loaded")
    assert "Traceback" not in refused.stderr

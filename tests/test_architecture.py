"""Each layer knows only those above it, and modules stay small."""

import ast
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "gqlreports"
LAYERS = [
    "errors",
    "extras",
    "limits",
    "config",
    "tables",
    "plugins",
    "backends",
    "store",
    "directory",
    "telemetry",
    "schema",
    "export",
    "agents",
    "web",
    "testing",
    "pytest_plugin",
    "cli",
]
MODULES = sorted(PACKAGE.rglob("*.py"))
LONGEST = 400


def layer(parts: tuple[str, ...]) -> int:
    return LAYERS.index(parts[1])


def imported(module: Path) -> Iterator[tuple[str, ...]]:
    for node in ast.walk(ast.parse(module.read_text())):
        names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        names += [each.name for each in node.names] if isinstance(node, ast.Import) else []
        yield from (tuple(name.split(".")) for name in names if name.startswith("gqlreports."))


@pytest.mark.parametrize("module", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_module_imports_only_from_its_own_layer_and_those_above(module: Path) -> None:
    own = ("gqlreports", *module.relative_to(PACKAGE).with_suffix("").parts)
    if own[1:] != ("__init__",):
        assert [name for name in imported(module) if layer(name) > layer(own)] == []


def test_no_two_classes_have_one_name() -> None:
    """But for private ones, and for those that stand for one thing in different layers, or are a report's own."""
    names = Counter(
        node.name
        for module in MODULES
        if "builtin" not in module.parts
        for node in ast.parse(module.read_text()).body
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_")
    )
    assert {name for name, number in names.items() if number > 1} == {"ApiKey", "Customer"}


def test_reports_come_in_by_one_door() -> None:
    """A report whose statements run has passed it; `testing` runs a report's own author's."""
    making = {
        str(module.relative_to(PACKAGE))
        for module in MODULES
        for node in ast.walk(ast.parse(module.read_text()))
        if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("ReportAnswer")
    }
    assert making == {"schema/door.py", "testing/answers.py"}


@pytest.mark.parametrize("module", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_module_holds_one_noun(module: Path) -> None:
    lines = module.read_text().splitlines()
    assert len(lines) <= LONGEST
    assert not lines or lines[0].startswith('"""')

"""`gqlreports group`, and reports on several customers from a shell."""

import csv
import io
import json
from pathlib import Path

import pytest

from tests.cli.test_cli import command, failed_inside, printed, printed_inside

pytestmark = pytest.mark.processes

EXAMPLE = Path(__file__).parents[2] / "docs" / "example"
REPORT = ("GROUP_BY_TECH_PREFIX", "--from", "2025-11-01", "--to", "2025-12-01")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with the two customers of the manual's example."""
    made = tmp_path_factory.mktemp("several") / "home"
    printed_inside(made, "load", "customers", str(EXAMPLE / "customers.csv"))
    printed(command(made, "load", "cdrs", str(EXAMPLE / "calls.csv")))
    return made


def listed(home: Path, *what: str) -> list[list[str]]:
    lines = printed_inside(home, *what).splitlines()
    return [[cell.strip() for cell in line.strip("│").split("│")] for line in lines if line.startswith("│")]


def test_a_groups_life(tmp_path: Path) -> None:
    customers = tmp_path / "customers.csv"
    customers.write_text("id,name,currency\n1001,A,USD\n1002,B,USD\n1003,C,USD\n")
    printed_inside(tmp_path, "load", "customers", str(customers))
    create = ("group", "create", "west", "--name", "In the west", "--customer", "1002", "--customer", "1001")
    assert printed_inside(tmp_path, *create) == "west has 2 customers\n"
    assert "already" in failed_inside(tmp_path, *create)
    assert printed_inside(tmp_path, "group", "add", "west", "1003", "1001") == "west has 3 customers\n"
    assert printed_inside(tmp_path, "group", "remove", "west", "1003", "1001") == "west has 1 customer\n"
    assert listed(tmp_path, "group", "list") == [["west", "In the west", "1002"]]
    assert "'9'" in failed_inside(tmp_path, "group", "add", "west", "9")
    assert "'east'" in failed_inside(tmp_path, "group", "add", "east", "1001")
    printed_inside(tmp_path, "key", "create", "--name", "p", "--role", "partner", "--group", "west")
    assert listed(tmp_path, "key", "list")[0][3] == "group west"
    assert "limits the key" in failed_inside(tmp_path, "group", "delete", "west")
    printed_inside(tmp_path, "group", "create", "east", "--name", "E")
    assert printed_inside(tmp_path, "group", "delete", "east") == "east is removed\n"


def test_a_report_on_several(home: Path) -> None:
    one = {each: run(home, "--customer", each) for each in ("1001", "1002")}
    together = run(home, "--customer", "1001", "--customer", "1002")
    assert together == run(home, "--all-customers")
    assert sum(together.values()) == sum(sum(each.values()) for each in one.values())
    assert together.keys() == {prefix for each in one.values() for prefix in each}
    told = printed(command(home, "explain", *REPORT, "--all-customers"))
    assert "of" in told.splitlines()[0]


def run(home: Path, *whose: str) -> dict[str, int]:
    """The attempts by prefix."""
    found = printed(command(home, "run", *REPORT, *whose, "--format", "csv"))
    return {row["techPrefix"]: int(row["total"]) for row in csv.DictReader(io.StringIO(found))}


@pytest.mark.parametrize(
    "whose", [(), ("--customer", "1001", "--all-customers"), ("--customer", "1001", "--group", "west")]
)
def test_whose_report_it_is_must_be_told_once(home: Path, whose: tuple[str, ...]) -> None:
    told = failed_inside(home, "run", *REPORT, *whose)
    assert "--customer, --group or --all-customers" in told


def test_customers_and_groups_that_are_not_there(home: Path) -> None:
    assert "'9'" in failed_inside(home, "run", *REPORT, "--customer", "1001", "--customer", "9")
    assert "'west'" in failed_inside(home, "run", *REPORT, "--group", "west")
    assert json.loads(printed(command(home, "run", *REPORT, "--customer", "1001", "--format", "json")))

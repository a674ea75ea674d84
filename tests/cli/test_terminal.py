"""What is printed on a terminal of 80 columns: every name, number and identifier whole, so that it can be copied."""

import json
import re
from pathlib import Path

import pytest
from rich.cells import cell_len

from gqlreports.directory.directory import Directory
from gqlreports.directory.principal import Role
from tests.cli.test_cli import SPAN, cells, command, files, home, loading, printed
from tests.store.test_load_cdrs import as_csv, cdr_row
from tests.support.commands import inside
from tests.support.terminal import shown

pytestmark = pytest.mark.processes

__all__ = ["files", "home", "loading"]


def on_terminal(home: Path, *words: str, width: int = 80) -> str:
    done = shown(words, home.parent, {"GQLREPORTS_HOME": str(home)}, width)
    assert (done.code, done.stderr) == (0, "")
    assert "…" not in done.stdout
    return done.stdout


def blocks(text: str) -> list[dict[str, str]]:
    """The blocks of lines `name: text`, but for a title and a caption."""
    found = [
        dict(re.findall(r"^(\w[\w ]*?): *(.*)$", block, re.MULTILINE)) for block in re.split(r"\n\s*\n", text.strip())
    ]
    return [block for block in found if block]


@pytest.mark.parametrize("report", ["BREAKOUT", "PER_NUMBER", "USA_RATE_CENTER", "DTMF", "RELEASE_REASONS"])
def test_reports(home: Path, report: str) -> None:
    """The same values as in JSON, in a table that fits or in blocks."""
    rows = json.loads(printed(command(home, "run", report, *SPAN, "--format", "json")))
    told = on_terminal(home, "run", report, *SPAN)
    values = [{name: _text(value) for name, value in row.items()} for row in rows]
    if "│" in told:
        assert all(cell_len(line) <= 80 for line in told.splitlines())
        header, *lines = cells(told)
        assert [dict(zip(header, line, strict=True)) for line in lines[: len(rows)]] == values
    else:
        *found, totals = blocks(told)
        assert found == values
        assert next(iter(totals)) == "totals"
    assert told.split("\n")[-2].strip() == f"{len(rows)} rows"


def _text(value: object) -> str:
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)


def test_a_wider_terminal_has_the_table(home: Path) -> None:
    assert "│" not in on_terminal(home, "run", "BREAKOUT", *SPAN)
    assert "│" in on_terminal(home, "run", "BREAKOUT", *SPAN, width=400)


def test_keys_users_and_the_audit(tmp_path: Path) -> None:
    customers = [f"20000000000{number}" for number in range(9)]
    owned = [argument for customer in customers for argument in ("--customer", customer)]
    name = "n" * 90
    variables = {"GQLREPORTS_HOME": str(tmp_path)}
    key = inside(("key", "create", "--name", name, "--role", "partner", *owned), tmp_path, variables).stdout.strip()
    [block] = blocks(on_terminal(tmp_path, "key", "list"))
    assert (block["id"], block["name"], block["customers"]) == (key.split("_")[1], name, ", ".join(customers))
    directory = Directory(f"sqlite:///{tmp_path}/directory.db")
    directory.users.add("ann" * 20, "a password that is long enough", Role.STAFF)
    directory.close()
    [block] = blocks(on_terminal(tmp_path, "user", "list"))
    assert (block["name"], block["role"], block["customers"]) == ("ann" * 20, "staff", "all")


def test_loads(home: Path, files: Path) -> None:
    found = blocks(on_terminal(home, "loads"))
    listed = cells(printed(command(home, "loads")))[1:]
    assert [block["id"] for block in found] == [row[0] for row in listed]
    assert {block["file"] for block in found} == {row[1] for row in listed}


@pytest.mark.parametrize("words", [("reports",), ("layouts",), ("layouts", "columns")])
def test_lists_with_prose_are_folded_between_words(tmp_path: Path, words: tuple[str, ...]) -> None:
    told = on_terminal(tmp_path, *words)
    assert all(cell_len(line) <= 80 for line in told.splitlines())
    folded = cells(told)
    whole = cells(inside(words, tmp_path, {"COLUMNS": "1000"}).stdout)
    assert [row[0] for row in folded if row[0]] == [row[0] for row in whole]
    assert " ".join(row[-1] for row in folded if row[-1]) == " ".join(row[-1] for row in whole)


def test_a_check(home: Path, tmp_path: Path) -> None:
    file = tmp_path / "calls.csv"
    file.write_bytes(as_csv([cdr_row(0, callid="c" * 100)]))
    [call, *_] = blocks(on_terminal(home, "load", "cdrs", "--check", str(file)).partition("\n")[2])
    assert call["callid"] == "c" * 100

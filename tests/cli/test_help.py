"""`--help` of every command, on a terminal of 80 columns."""

import re
from collections.abc import Iterator

import pytest
from rich.cells import cell_len
from typer.main import get_command
from typer.testing import CliRunner

from gqlreports.cli.commands import app


def commands() -> Iterator[tuple[str, ...]]:
    yield ()
    for name, command in get_command(app).commands.items():  # type: ignore[attr-defined]
        yield (name,)
        yield from ((name, sub) for sub in getattr(command, "commands", {}))


def help_of(words: tuple[str, ...]) -> str:
    done = CliRunner().invoke(app, [*words, "--help"], env={"COLUMNS": "80", "TERMINAL_WIDTH": "80"})
    assert done.exit_code == 0
    return done.stdout


@pytest.mark.parametrize("words", list(commands()), ids=" ".join)
def test_help_is_whole(words: tuple[str, ...]) -> None:
    """No line is cut or too long, and each argument and option has a sentence."""
    told = help_of(words)
    assert all(cell_len(line) <= 80 for line in told.splitlines())
    assert "…" not in told
    command = get_command(app)
    for word in words:
        command = command.commands[word]  # type: ignore[attr-defined]
    assert command.help
    for each in command.params:
        assert getattr(each, "help", None) or each.name == "help", each.name


@pytest.mark.parametrize(
    "words",
    [("run",), ("load", "cdrs"), ("copy",), ("migrate",), ("key", "create"), ("user", "add"), ("watch",)],
    ids=" ".join,
)
def test_help_has_an_example(words: tuple[str, ...]) -> None:
    """It can be copied: no word of it is cut in two."""
    command = get_command(app)
    for word in words:
        command = command.commands[word]  # type: ignore[attr-defined]
    [example] = re.findall(r"^```\n(.*?)^```$", command.help or "", re.MULTILINE | re.DOTALL)
    typed = [line.strip() for line in example.splitlines()]
    assert typed
    told = [line.strip() for line in help_of(words).splitlines()]
    assert [line for line in typed if line not in told] == []

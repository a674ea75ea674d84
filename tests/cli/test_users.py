"""`gqlreports user`, as a shell or a terminal sees it."""

import os
import pty
import re
import subprocess
from pathlib import Path

import pytest
from typer.testing import CliRunner

from gqlreports.cli.commands import app
from gqlreports.directory.directory import Directory
from gqlreports.errors import Unauthenticated
from tests.cli.test_cli import GQLREPORTS, failed_inside, inside, printed_inside

PASSWORD = "correct horse battery"


def user(home: Path, *arguments: str, password: str | bytes = f"{PASSWORD}\n") -> tuple[int, str, str]:
    """Exit code, standard output and standard error of a command that is given a password."""
    environment = {"GQLREPORTS_HOME": str(home)}
    result = CliRunner().invoke(app, ["user", *arguments, "--password-stdin"], input=password, env=environment)
    return result.exit_code, result.stdout, result.stderr


def gets_in(home: Path, name: str, password: str) -> bool:
    directory = Directory(f"sqlite:///{home}/directory.db")
    try:
        directory.sessions.begin(name, password, None)
    except Unauthenticated:
        return False
    finally:
        directory.close()
    return True


def listed(home: Path) -> list[list[str]]:
    """The cells of `user list`, times as "time"."""
    lines = printed_inside(home, "user", "list").splitlines()
    rows = [[cell.strip() for cell in line.strip("│").split("│")] for line in lines if line.startswith("│")]
    return [[re.sub(r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$", "time", cell) for cell in row] for row in rows]


def test_a_users_life(tmp_path: Path) -> None:
    assert user(tmp_path, "add", "Anna", "--role", "staff") == (0, "anna may log in\n", "")
    partner = ("add", "pia", "--role", "partner", "--customer", "1002", "--customer", "1001")
    assert user(tmp_path, *partner) == (0, "pia may log in\n", "")
    assert gets_in(tmp_path, "anna", PASSWORD)
    assert listed(tmp_path) == [
        ["anna", "staff", "all", "time", "time", ""],
        ["pia", "partner", "1001, 1002", "time", "", ""],
    ]
    assert PASSWORD not in printed_inside(tmp_path, "user", "list")
    assert user(tmp_path, "password", "anna", password="another password") == (0, "anna has a new password\n", "")
    assert (gets_in(tmp_path, "anna", PASSWORD), gets_in(tmp_path, "anna", "another password")) == (False, True)
    assert printed_inside(tmp_path, "user", "disable", "anna") == "anna is disabled\n"
    assert not gets_in(tmp_path, "anna", "another password")
    assert listed(tmp_path)[0] == ["anna", "staff", "all", "time", "time", "time"]
    assert printed_inside(tmp_path, "user", "enable", "anna") == "anna may log in\n"
    assert gets_in(tmp_path, "anna", "another password")
    assert (
        printed_inside(tmp_path, "user", "role", "anna", "--role", "partner", "--customer", "7") == "anna is partner\n"
    )
    assert listed(tmp_path)[0][:3] == ["anna", "partner", "7"]


@pytest.mark.parametrize("command", ["disable", "enable", "password"])
def test_users_that_are_none(tmp_path: Path, command: str) -> None:
    Directory(f"sqlite:///{tmp_path}/directory.db").close()
    given = user(tmp_path, command, "nobody") if command == "password" else None
    message = given[2].strip().removeprefix("error: ") if given else failed_inside(tmp_path, "user", command, "nobody")
    assert message == "There is no user 'nobody'; see `gqlreports user list`."


@pytest.mark.parametrize(
    ("arguments", "password", "message"),
    [
        (("anna", "--role", "staff"), "eleven char\n", "A password has at least 12 characters, and at most 1024."),
        (("anna", "--role", "staff"), "", "A password has at least 12 characters, and at most 1024."),
        (("anna", "--role", "staff"), b"\xff\xfe twelve and more", "A password is text in UTF-8."),
        (("anna", "--role", "partner"), PASSWORD, "A partner needs its customers."),
        (("an na", "--role", "staff"), PASSWORD, "A user's name has 1 to 64 letters"),
    ],
)
def test_users_that_cannot_be(tmp_path: Path, arguments: tuple[str, ...], password: str | bytes, message: str) -> None:
    code, output, told = user(tmp_path, "add", *arguments, password=password)
    assert (code, output) == (1, "")
    assert told.startswith(f"error: {message}")
    assert len(told.splitlines()) == 1
    assert listed(tmp_path) == []


def test_a_role_that_is_none(tmp_path: Path) -> None:
    assert inside(tmp_path, "user", "add", "anna", "--role", "boss").exit_code == 2


def on_a_terminal(home: Path, *answers: str) -> tuple[int, str]:
    """Exit code of `user add`, and all that its terminal shows, where `answers` are typed as they are asked for."""
    master, slave = pty.openpty()
    environment = os.environ | {"GQLREPORTS_HOME": str(home), "TERM": "dumb"}
    command = [*GQLREPORTS, "user", "add", "anna", "--role", "staff"]
    process = subprocess.Popen(
        command, env=environment, stdin=slave, stdout=slave, stderr=slave, start_new_session=True
    )
    os.close(slave)
    shown = ""
    waiting = list(answers)
    while True:
        try:
            piece = os.read(master, 1000).decode()
        except OSError:
            break
        shown += piece
        if waiting and shown.endswith(": "):
            os.write(master, f"{waiting.pop(0)}\n".encode())
    os.close(master)
    return process.wait(), shown


@pytest.mark.processes
def test_a_password_that_is_typed_is_not_shown_and_asked_for_twice(tmp_path: Path) -> None:
    code, shown = on_a_terminal(tmp_path, PASSWORD, "something else", PASSWORD, PASSWORD)
    assert (code, PASSWORD in shown) == (0, False)
    assert "12 characters" in shown
    assert "anna may log in" in shown
    assert gets_in(tmp_path, "anna", PASSWORD)

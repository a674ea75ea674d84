"""The settings file: what a command takes from it, and how it tells of one that is wrong."""

import codecs
from pathlib import Path

import httpx2
import pytest

from gqlreports.directory.directory import Directory
from gqlreports.directory.principal import Role
from tests.support.commands import typed
from tests.support.processes import serving

pytestmark = pytest.mark.processes

LIMITS = "{ viewer { limits { depth aliases tokens } } }"

KEY = ["key", "create", "--name", "one", "--role", "staff"]
"""A command that makes a directory."""


def failed(folder: Path, text: str | bytes, **variables: str) -> str:
    """The one line that a command prints where `settings.toml` of its folder has that text."""
    (folder / "settings.toml").write_bytes(text.encode() if isinstance(text, str) else text)
    done = typed(["key", "list"], folder, {"GQLREPORTS_SETTINGS": "settings.toml", **variables})
    assert (done.code, done.stdout) == (1, "")
    [line] = done.stderr.splitlines()
    return line


def test_a_file_that_is_named(tmp_path: Path) -> None:
    (tmp_path / "our.toml").write_text('home = "ours"\n')
    done = typed(KEY, tmp_path, {"GQLREPORTS_SETTINGS": "our.toml"})
    assert (done.code, done.stderr) == (0, "")
    assert (tmp_path / "ours" / "directory.db").is_file()
    assert not (tmp_path / "gqlreports-data").exists()


@pytest.mark.parametrize("variables", [{}, {"GQLREPORTS_HOME": "other"}])
def test_the_file_of_a_home(tmp_path: Path, variables: dict[str, str]) -> None:
    home = tmp_path / variables.get("GQLREPORTS_HOME", "gqlreports-data")
    home.mkdir()
    (home / "settings.toml").write_text(f'directory = "sqlite:///{tmp_path}/people.db"\n')
    done = typed(KEY, tmp_path, variables)
    assert (done.code, done.stderr) == (0, "")
    assert (tmp_path / "people.db").is_file()
    assert not (home / "directory.db").exists()


def test_the_environment_wins(tmp_path: Path) -> None:
    (tmp_path / "our.toml").write_text('home = "ours"\n')
    done = typed(KEY, tmp_path, {"GQLREPORTS_SETTINGS": "our.toml", "GQLREPORTS_HOME": "mine"})
    assert (done.code, done.stderr) == (0, "")
    assert [each.name for each in tmp_path.iterdir() if each.is_dir()] == ["mine"]


def test_a_server_takes_tables_too(tmp_path: Path) -> None:
    """And of a table whatever the environment does not set."""
    home = tmp_path / "gqlreports-data"
    key = Directory(f"sqlite:///{home}/directory.db").create_key("reader", Role.STAFF)
    (home / "settings.toml").write_text('[limits]\ndepth = 7\naliases = 8\n\n[oidc_roles]\nnoc = "staff"\n')
    headers = {"Authorization": f"Bearer {key}"}
    with serving(tmp_path, {"GQLREPORTS_LIMITS_ALIASES": "9"}) as process:
        answer = httpx2.post(f"{process.url}/graphql", json={"query": LIMITS}, headers=headers).json()
    assert answer["data"]["viewer"]["limits"] == {"depth": 7, "aliases": 9, "tokens": 2000}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("query_timout = 5", "settings.toml: query_timout is not a setting; did you mean query_timeout?"),
        ("GQLREPORTS_QUERY_TIMEOUT = 5", "GQLREPORTS_QUERY_TIMEOUT is not a setting; did you mean query_timeout?"),
        ("[limits]\ndeepth = 5", "settings.toml: limits.deepth is not a setting; did you mean depth?"),
        ("xyzzy = 5", "settings.toml: xyzzy is not a setting."),
        ('settings = "other.toml"', "settings.toml: settings is not a setting."),
        ('query_timeout = "soon"', "settings.toml: query_timeout: Input should be a valid number"),
        ("query_timeout = 0", "settings.toml: query_timeout: Input should be greater than 0"),
        ("limits = 5", "settings.toml: limits: Input should be"),
        ("[limits]\ndepth = 0", "settings.toml: limits.depth: Input should be greater than 0"),
        ('[oidc_roles]\nnoc = "boss"', "settings.toml: oidc_roles.noc: Input should be 'admin', 'staff' or 'partner'"),
        ("metrics_port = 1\nquery_rows = 0\nmasked_digits = -1", "query_rows: Input should be greater than 0, "),
        ("home = \n", "settings.toml is not TOML: Invalid value (at line 1, column 8)."),
        ('home = "a"\nhome = "b"', "settings.toml is not TOML: Cannot overwrite a value"),
        (b'home = "\xff"', "settings.toml is not TOML: "),
        (codecs.BOM_UTF8 + b'home = "a"', "settings.toml as UTF-8 without a byte order mark (BOM)."),
        (codecs.BOM_UTF16_LE + 'home = "a"'.encode("utf-16-le"), "without a byte order mark (BOM)."),
    ],
)
def test_a_file_that_is_wrong(tmp_path: Path, text: str | bytes, told: str) -> None:
    line = failed(tmp_path, text)
    assert line.startswith("error: ")
    assert told in line


def test_a_wrong_value_of_the_environment_is_told_as_such(tmp_path: Path) -> None:
    told = failed(tmp_path, "query_timeout = 5", GQLREPORTS_QUERY_TIMEOUT="soon")
    assert told.startswith("error: GQLREPORTS_QUERY_TIMEOUT: Input should be a valid number")
    told = failed(tmp_path, "[limits]\ndepth = 5", GQLREPORTS_LIMITS_ALIASES="none")
    assert told.startswith("error: GQLREPORTS_LIMITS_ALIASES: Input should be a valid integer")
    told = failed(tmp_path, "[limits]\ndepth = 5", GQLREPORTS_LIMITS="none")
    assert told == "error: GQLREPORTS_LIMITS must be a JSON object."
    told = failed(tmp_path, "", GQLREPORTS_OIDC_ROLES="none")
    assert told.startswith("error: GQLREPORTS_OIDC_ROLES: Value error, not a JSON object")


def test_a_wrong_value_is_not_repeated(tmp_path: Path) -> None:
    for text in ('store_token = 5\nquery_rows = "s3cret"', 'store_token = "s3cret', '[store_token]\nx = "s3cret"'):
        assert "s3cret" not in failed(tmp_path, text)


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    for name, told in {
        "none.toml": "The settings file none.toml, which GQLREPORTS_SETTINGS names, does not exist.",
        ".": "The settings file . is not a file.",
    }.items():
        done = typed(KEY, tmp_path, {"GQLREPORTS_SETTINGS": name})
        assert (done.code, done.stdout, done.stderr) == (1, "", f"error: {told}\n")

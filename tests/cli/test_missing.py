"""Commands that read find nothing at a misspelt place: they say so, and make nothing there."""

from pathlib import Path

import pytest

from tests.cli.test_cli import SPAN, failed
from tests.store.test_load_cdrs import as_csv, cdr_row
from tests.support.commands import inside, typed, without_notes

pytestmark = pytest.mark.processes


@pytest.mark.parametrize(
    "words",
    [
        ("run", "DTMF", *SPAN),
        ("explain", "DTMF", *SPAN),
        ("loads",),
        ("unload", "3f9a61c2b07d"),
        ("audit",),
        ("key", "list"),
        ("key", "revoke", "x"),
        ("key", "rotate", "x"),
        ("user", "list"),
        ("user", "password", "ann", "--password-stdin"),
        ("user", "role", "ann", "--role", "staff"),
        ("user", "disable", "ann"),
        ("user", "enable", "ann"),
    ],
)
@pytest.mark.parametrize("there", [False, True], ids=["no home", "an empty home"])
def test_a_misspelt_home(tmp_path: Path, words: tuple[str, ...], there: bool) -> None:
    home = tmp_path / "home"
    if there:
        home.mkdir()
    told = failed(inside(words, tmp_path, {"GQLREPORTS_HOME": str(home)}))
    assert str(home) in told
    assert "GQLREPORTS_HOME" in told
    assert list(home.iterdir() if there else tmp_path.iterdir()) == []


def test_a_store_to_copy(tmp_path: Path) -> None:
    told = failed(inside(("copy", f"chdb://{tmp_path}/from", f"chdb://{tmp_path}/to"), tmp_path, {}))
    assert told == f"There is no store at {tmp_path}/from to copy."
    assert list(tmp_path.iterdir()) == []


def test_a_check_and_a_rehearsal_make_nothing(tmp_path: Path) -> None:
    (tmp_path / "calls.csv").write_bytes(as_csv([cdr_row(0)]))
    check, rehearsal = ("load", "cdrs", "--check", "calls.csv"), ("migrate", "--dry-run")
    for words, part in ((check, "1 records: 1 valid"), (rehearsal, "CREATE TABLE")):
        done = typed(words, tmp_path, {})
        assert (done.code, without_notes(done.stderr)) == (0, "")
        assert part in done.stdout
        assert [each.name for each in tmp_path.iterdir()] == ["calls.csv"]


@pytest.mark.parametrize("way", ["link", "link/../link", "up/../home", "../{name}/home"])
def test_links_and_dots_lead_to_the_same_store(tmp_path: Path, way: str) -> None:
    """An engine knows its store by one path alone."""
    (tmp_path / "home").mkdir()
    (tmp_path / "up").mkdir()
    (tmp_path / "link").symlink_to("home")
    example = Path(__file__).parent.parent.parent / "docs" / "example"
    home = {"GQLREPORTS_HOME": way.format(name=tmp_path.name)}
    span = ("--customer", "1001", "--from", "2025-11-03", "--to", "2025-11-04", "--format", "csv")
    for words in (("load", "customers", str(example / "customers.csv")), ("load", "cdrs", str(example / "calls.csv"))):
        assert typed(words, tmp_path, home).code == 0
    there = typed(("run", "DTMF", *span), tmp_path, home)
    assert (there.code, there.stdout) == (
        0,
        typed(("run", "DTMF", *span), tmp_path, {"GQLREPORTS_HOME": "home"}).stdout,
    )

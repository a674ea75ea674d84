"""What commands say of variables that look like settings."""

from pathlib import Path

import pytest

from tests.support.commands import inside


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("GQLREPORTS_QUERY_TIMOUT", "; is GQLREPORTS_QUERY_TIMEOUT meant?"),
        ("GQLREPORTS_LIMIT_DEPTH", "; is GQLREPORTS_LIMITS_DEPTH meant?"),
        ("GQLREPORTS_HOM", "; is GQLREPORTS_HOME meant?"),
        ("GQLREPORTS_ZZZZZZZZZZZZZZZZZZ", "."),
    ],
)
@pytest.mark.parametrize("words", [("reports",), ("key", "create", "--name", "x", "--role", "staff")])
def test_a_misspelt_setting_is_named(tmp_path: Path, name: str, told: str, words: tuple[str, ...]) -> None:
    done = inside(words, tmp_path, {name: "7"})
    assert done.stderr == f"note: {name} is no setting and is ignored{told}\n"
    assert done.code == 0


def test_settings_are_found_in_either_case(tmp_path: Path) -> None:
    done = inside(("reports",), tmp_path, {"gqlreports_query_timeout": "7", "GQLREPORTS_LIMITS": '{"depth": 9}'})
    assert (done.stderr, done.code) == ("", 0)

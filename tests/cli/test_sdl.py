"""`gqlreports sdl --check`: what would break those who know an earlier schema."""

from pathlib import Path

import pytest

from tests.cli.test_cli import failed_inside, inside, printed_inside


@pytest.fixture(scope="module")
def schema(tmp_path_factory: pytest.TempPathFactory) -> str:
    return printed_inside(tmp_path_factory.mktemp("home"), "sdl")


def checked(folder: Path, earlier: str) -> tuple[int, str]:
    file = folder / "earlier.graphql"
    file.write_text(earlier)
    result = inside(folder, "sdl", "--check", str(file))
    return result.exit_code, result.stdout


def test_the_same_schema_breaks_nobody(schema: str, tmp_path: Path) -> None:
    assert checked(tmp_path, schema) == (0, "")


def test_a_new_field_breaks_nobody(schema: str, tmp_path: Path) -> None:
    field = '  """Keys pressed on answered calls [keys]"""\n  digits: BigInt!\n'
    assert field in schema
    assert checked(tmp_path, schema.replace(field, "")) == (0, "")


def test_a_field_that_is_gone_or_may_be_null_now_breaks_callers(schema: str, tmp_path: Path) -> None:
    gone = schema.replace("type DtmfRow {", "type DtmfRow {\n  gone: Int")
    assert checked(tmp_path, gone) == (1, "Field DtmfRow.gone was removed.\n")
    code, told = checked(tmp_path, schema.replace("  costPerDigit: Decimal\n", "  costPerDigit: Decimal!\n"))
    assert code == 1
    assert "Field DtmfRow.costPerDigit changed type from Decimal! to Decimal." in told


def test_a_file_that_holds_no_schema(tmp_path: Path) -> None:
    assert "cannot be read" in failed_inside(tmp_path, "sdl", "--check", str(tmp_path / "none.graphql"))
    (tmp_path / "text.graphql").write_text("Operators of voice networks")
    assert "is no GraphQL schema" in failed_inside(tmp_path, "sdl", "--check", str(tmp_path / "text.graphql"))

"""`gqlreports run` with a filter, an order, columns and a zone, printed and into files."""

import csv
import json
from collections.abc import Iterator
from pathlib import Path

import openpyxl
import pyarrow.parquet
import pytest

from tests.cli.test_cli import SPAN, command, failed, failed_inside, files, home, loading, printed

pytestmark = pytest.mark.processes

__all__ = ["files", "home", "loading"]
CHOICE = (
    *("--where", '{"total": {"gte": 1}}', "--order-by", "total:desc", "--order-by", "techPrefix"),
    *("--column", "total", "--column", "techPrefix"),
)
REPORT = ("run", "GROUP_BY_TECH_PREFIX", *SPAN)


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path
    assert not list(tmp_path.glob("*.part"))


def test_a_choice_is_printed(home: Path) -> None:
    rows = json.loads(printed(command(home, *REPORT, *CHOICE, "--format", "json")))
    assert rows == [{"total": 2, "techPrefix": "0044"}, {"total": 1, "techPrefix": ""}]
    one = ("--where", '{"techPrefix": {"eq": ""}}', "--column", "acd")
    assert printed(command(home, *REPORT, *one, "--format", "csv")) == "acd\n61.5\n"


def test_files_of_every_format(home: Path, folder: Path) -> None:
    for form in ("csv", "jsonl", "parquet", "xlsx"):
        file = folder / f"report.{form}"
        assert printed(command(home, *REPORT, *CHOICE, "-o", str(file))) == f"{file}: 2 rows\n"
    with (folder / "report.csv").open(newline="") as lines:
        assert list(csv.reader(lines)) == [["total", "techPrefix"], ["2", "0044"], ["1", ""], ["# 2 rows"]]
    rows = [{"total": 2, "techPrefix": "0044"}, {"total": 1, "techPrefix": ""}]
    assert list(map(json.loads, (folder / "report.jsonl").read_text().splitlines())) == [*rows, {"rowCount": 2}]
    assert pyarrow.parquet.read_table(folder / "report.parquet").to_pylist() == rows
    [_, *cells] = openpyxl.load_workbook(folder / "report.xlsx").active.values
    assert [(total, prefix or "") for total, prefix in cells] == [(2, "0044"), (1, "")]


def test_a_file_that_cannot_be_written(home: Path, folder: Path) -> None:
    told = failed(command(home, *REPORT, "-o", str(folder / "none" / "report.csv")))
    assert told.endswith("report.csv cannot be written: No such file or directory.")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--where", "{"), "--where {: this is not JSON"),
        (("--where", '{"nothing": 1}'), "'nothing'"),
        (("--order-by", "nothing"), "'nothing'"),
        (("--order-by", "total:up"), "COLUMN:desc"),
        (("--column", "total", "--column", "total"), "named twice"),
        (("--time-zone", "Mars"), "'Mars'"),
        (("-o", "report.doc"), "'doc'"),
        (("-o", "report"), "there are csv, xlsx, parquet, jsonl"),
        (("-o", "report.csv", "--format", "csv"), "-o to write it"),
    ],
)
def test_choices_that_cannot_be_meant(home: Path, arguments: tuple[str, ...], told: str) -> None:
    assert told in failed_inside(home, *REPORT, *arguments)

"""Archives of exports: the file as it would be without, and a checksum that ordinary tools hold it to."""

import hashlib
import io
import shutil
import subprocess
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.export.conftest import SPAN, Exports
from tests.support.lacking import lacking
from tests.support.readers import READERS
from tests.support.serving import served

pytestmark = pytest.mark.thorough

NAME = "GROUP_BY_TECH_PREFIX_5003_2025-10-20_2025-11-20"


@pytest.mark.parametrize("form", READERS)
def test_an_archive_has_the_file_and_its_checksum(exports: Exports, form: str) -> None:
    response = exports.get(f"group_by_tech_prefix.{form}.zip")
    assert response.headers["content-type"] == "application/zip"
    assert response.headers["content-disposition"] == f'attachment; filename="{NAME}.{form}.zip"'
    archive = zipfile.ZipFile(io.BytesIO(response.content))
    assert archive.testzip() is None
    assert archive.namelist() == [f"{NAME}.{form}", f"{NAME}.{form}.sha256"]
    file = archive.read(f"{NAME}.{form}")
    assert archive.read(f"{NAME}.{form}.sha256").decode() == f"{hashlib.sha256(file).hexdigest()}  {NAME}.{form}\n"
    assert archive.comment.decode() == f"{len(exports.rows('GROUP_BY_TECH_PREFIX'))} rows"
    if form in ("csv", "jsonl"):
        assert file == exports.get(f"group_by_tech_prefix.{form}").content


def test_an_archive_that_fails_before_its_first_byte_is_an_error_with_its_status(exports: Exports) -> None:
    response = exports.get("group_by_tech_prefix.csv.zip", where="{")
    assert response.status_code == 400
    assert response.headers["content-type"].startswith("application/")
    assert "zip" not in response.headers["content-type"]


@pytest.fixture
def url(exports: Exports) -> Iterator[str]:
    with served(exports.app) as url:
        yield url
    exports.site.engine.close()


def run(folder: Path, *words: str) -> "subprocess.CompletedProcess[str]":
    if shutil.which(words[0]) is None:
        lacking(f"no {words[0]} on this machine")
    return subprocess.run(words, cwd=folder, capture_output=True, text=True, check=False)


def test_an_operator_checks_a_file_with_ordinary_tools(exports: Exports, url: str, tmp_path: Path) -> None:
    address = "&".join(f"{name}={value}" for name, value in {"customer": "5003", **SPAN}.items())
    key = f"Authorization: Bearer {exports.site.staff_key}"
    file = f"{url}/export/group_by_tech_prefix/calls.csv.zip?{address}"
    fetched = run(tmp_path, "curl", "-sSfOJ", "-H", key, file)
    assert fetched.returncode == 0, fetched.stderr
    [archive] = tmp_path.iterdir()
    assert run(tmp_path, "unzip", archive.name).returncode == 0
    [checksum] = tmp_path.glob("*.sha256")
    assert run(tmp_path, "sha256sum", "--check", checksum.name).returncode == 0

    content = checksum.with_suffix("")
    content.write_bytes(content.read_bytes().replace(b"1", b"2", 1))
    assert run(tmp_path, "sha256sum", "--check", checksum.name).returncode != 0
    archive.write_bytes(archive.read_bytes()[:-30])
    assert run(tmp_path, "unzip", "-tq", archive.name).returncode != 0

"""Commands as a user types them, each in a process of its own.

The process is forked from one that has imported most of the product already, which takes longer than most commands.
"""

import logging
import multiprocessing
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from typer.testing import CliRunner

from tests.support.waiting import PATIENCE

_CONTEXT = multiprocessing.get_context("forkserver")
# What brings chDB is left out: it does not work in a forked process.
_CONTEXT.set_forkserver_preload(["gqlreports.web.app"])


@dataclass(frozen=True)
class Done:
    """What a command printed, and its exit code."""

    stdout: str
    stderr: str
    code: int


def without_notes(stderr: str) -> str:
    """What a command told on standard error, without its notes about calls, such as those of unknown customers."""
    return "".join(line for line in stderr.splitlines(keepends=True) if not line.startswith("note: "))


def typed(words: Sequence[str], folder: Path, variables: Mapping[str, str], stdin: bytes = b"") -> Done:
    """`gqlreports` with some words, in a folder, and nothing set but `variables` and what is no setting of its own.

    It reads `stdin` from a file.
    """
    others = {name: value for name, value in os.environ.items() if not name.startswith("GQLREPORTS_")}
    environment = {**others, "COLUMNS": "200", **variables}
    with TemporaryDirectory() as printed:
        given, out, err = (Path(printed, name) for name in ("in", "out", "err"))
        given.write_bytes(stdin)
        process = _CONTEXT.Process(target=_run, args=(list(words), folder, environment, given, out, err))
        process.start()
        process.join(PATIENCE)
        if process.exitcode is None:
            process.kill()
            raise TimeoutError(f"gqlreports {' '.join(words)}")
        return Done(out.read_text(), err.read_text(), process.exitcode)


def inside(words: Sequence[str], folder: Path, variables: Mapping[str, str]) -> Done:
    """The same in this process, which is faster: for what opens no embedded store."""
    from gqlreports.cli.commands import app

    own = {name: None for name in os.environ if name.startswith("GQLREPORTS_")}
    root, before = logging.getLogger(), Path.cwd()
    handlers, level = root.handlers, root.level
    # The command sets up its own, as where nobody did before.
    root.handlers = []
    os.chdir(folder)
    try:
        result = CliRunner().invoke(app, list(words), env={**own, "COLUMNS": "200", **variables})
    finally:
        os.chdir(before)
        root.handlers = handlers
        root.setLevel(level)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return Done(result.stdout, result.stderr, result.exit_code)


def _run(words: list[str], folder: Path, environment: dict[str, str], given: Path, out: Path, err: Path) -> None:
    from gqlreports.cli import app

    sys.stdin = given.open()
    for path, descriptor in ((out, 1), (err, 2)):
        with path.open("wb") as file:
            os.dup2(file.fileno(), descriptor)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = ["gqlreports", *words]
    app()

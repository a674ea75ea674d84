"""Log lines by themselves."""

import io
import logging
from collections.abc import Iterator

import orjson
import pytest

from gqlreports.telemetry.logs import configure_logs

INJECTED = 'no store\n{"level": "info", "event": "forged"}\x1b[31m\r\u2028'


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def _logging_as_before() -> Iterator[None]:
    loggers = [logging.getLogger(name) for name in (None, "gqlreports", "uvicorn", "uvicorn.error", "uvicorn.access")]
    before = [(logger, logger.handlers, logger.level, logger.propagate) for logger in loggers]
    yield
    for logger, handlers, level, propagate in before:
        logger.handlers, logger.propagate = handlers, propagate
        logger.setLevel(level)


def test_a_line_is_one_json_object_whatever_is_in_it() -> None:
    stream = io.StringIO()
    configure_logs(stream)
    for name in ("gqlreports.backends.embedded.backend", "uvicorn.error", "strawberry.execution"):
        logging.getLogger(name).warning("It failed: %s", INJECTED, extra={"customer": INJECTED})
    lines = [orjson.loads(line) for line in stream.getvalue().splitlines()]
    assert [line["logger"] for line in lines] == [
        "gqlreports.backends.embedded.backend",
        "uvicorn.error",
        "strawberry.execution",
    ]
    assert {line["event"] for line in lines} == {f"It failed: {INJECTED}"}
    assert {line["customer"] for line in lines} == {INJECTED}
    assert {line["level"] for line in lines} == {"warning"}


def test_an_exception_is_in_its_line() -> None:
    stream = io.StringIO()
    configure_logs(stream)
    try:
        raise ValueError("two\nlines")
    except ValueError:
        logging.getLogger("gqlreports").exception("A resolver failed.")
    [line] = stream.getvalue().splitlines()
    assert "ValueError: two\nlines" in orjson.loads(line)["exception"]


def test_a_terminal_is_told_in_words_and_keeps_its_lines() -> None:
    stream = Terminal()
    configure_logs(stream)
    logging.getLogger("gqlreports").info("It failed: %s", INJECTED, extra={"customer": INJECTED})
    [line] = stream.getvalue().splitlines()
    assert "It failed: no store\\n{" in line
    assert "\x1b[31m" not in line.replace("\x1b[31m\x1b[1m", "")


def test_others_tell_only_what_is_wrong() -> None:
    stream = io.StringIO()
    configure_logs(stream)
    for name in ("uvicorn.access", "gqlreports"):
        logging.getLogger(name).info("told")
    assert [orjson.loads(line)["logger"] for line in stream.getvalue().splitlines()] == ["gqlreports"]

"""What all commands share: settings, the store, and the reporting of errors."""

import asyncio
import logging
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any, TypeVar

import typer
from pydantic import ValidationError
from rich.console import Console
from rich.markup import escape

from gqlreports.backends.base import Backend
from gqlreports.backends.connect import connect
from gqlreports.config import Settings
from gqlreports.directory.directory import Directory
from gqlreports.errors import InvalidInput, ReportsError, StoreError
from gqlreports.plugins.registry import Registry
from gqlreports.schema.scalars import parse_moment
from gqlreports.store.definition import definition

Result = TypeVar("Result")


standard_error = Console(stderr=True)


@contextmanager
def error_boundary() -> Iterator[Settings]:
    """The settings.  An error is reported in one line on standard error, and the exit code is 1."""
    _log_to_standard_error()
    try:
        yield Settings()
    except ValidationError as error:
        wrong = ", ".join(
            "_".join(("GQLREPORTS", *map(str, each["loc"]))).upper() + f": {each['msg']}" for each in error.errors()
        )
        _fail(wrong)
    except StoreError as error:
        _fail(error.for_operators)
    except ReportsError as error:
        _fail(str(error))


def _log_to_standard_error() -> None:
    """Warnings, but for the store's: what came of those is in the line with which the command ends."""
    handler = logging.StreamHandler()
    handler.addFilter(lambda record: not record.name.startswith("gqlreports.backends."))
    logging.basicConfig(level=logging.WARNING, format="%(message)s", handlers=[handler])


def _fail(message: str) -> None:
    standard_error.print(f"[red]error:[/red] {escape(message)}", highlight=False, soft_wrap=True)
    raise typer.Exit(1)


def moment_of(option: str, text: str) -> datetime:
    """The time that an option gives.  Raises InvalidInput, which names the option."""
    try:
        return parse_moment(text)
    except InvalidInput as error:
        raise InvalidInput(f"{option} {text}: {error}") from None


def directory_of(settings: Settings) -> Directory:
    return Directory(settings.directory_url)


def backend_of(settings: Settings, registry: Registry) -> Backend:
    """The store, with what the reports of the registry keep in it."""
    return connect(settings, definition(registry))


def with_backend(
    settings: Settings, registry: Registry, work: Callable[[Backend], Coroutine[Any, Any, Result]]
) -> Result:
    """Run some work on the store, and close the store afterwards."""
    return with_store(backend_of(settings, registry), work)


def with_store(backend: Backend, work: Callable[[Backend], Coroutine[Any, Any, Result]]) -> Result:
    """The same for any backend."""

    async def opened() -> Result:
        try:
            await backend.open()
            return await work(backend)
        finally:
            await backend.close()

    return asyncio.run(opened())

"""What all commands share: settings, access to the store and the directory, and error reporting."""

import asyncio
import logging
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any, TypeVar

import typer
from rich.console import Console
from rich.markup import escape

from gqlreports.backends.base import Backend
from gqlreports.backends.connect import Use, connect
from gqlreports.config import Settings, read_settings
from gqlreports.directory.directory import Directory
from gqlreports.errors import InvalidInput, ReportsError, StoreError
from gqlreports.plugins.registry import Registry
from gqlreports.schema.scalars import parse_moment
from gqlreports.store.definition import definition

Result = TypeVar("Result")


standard_error = Console(stderr=True)


@contextmanager
def error_boundary() -> Iterator[Settings]:
    """Yield the settings.  An error is reported in one line on standard error, and the exit code is 1."""
    _log_to_standard_error()
    try:
        yield read_settings()
    except StoreError as error:
        _fail(error.for_operators)
    except ReportsError as error:
        _fail(str(error))


def _log_to_standard_error() -> None:
    """Log warnings to standard error, except the store's: the error line at the end already reports their outcome."""
    handler = logging.StreamHandler()
    handler.addFilter(lambda record: not record.name.startswith("gqlreports.backends."))
    logging.basicConfig(level=logging.WARNING, format="%(message)s", handlers=[handler])


def _fail(message: str) -> None:
    print_error(message)
    raise typer.Exit(1)


def print_error(message: str) -> None:
    standard_error.print(f"[red]error:[/red] {escape(message)}", highlight=False, soft_wrap=True)


def print_warning(message: str) -> None:
    standard_error.print(f"[yellow]note:[/yellow] {escape(message)}", highlight=False, soft_wrap=True)


def moment_of(option: str, text: str) -> datetime:
    """The moment that an option gives.  Raises InvalidInput, whose message names the option."""
    try:
        return parse_moment(text)
    except InvalidInput as error:
        raise InvalidInput(f"{option} {text}: {error}") from None


def directory_of(settings: Settings) -> Directory:
    return Directory(settings.directory_url)


def backend_of(settings: Settings, registry: Registry, use: Use = Use.SHARED) -> Backend:
    """The store, with the rollups of the registry's reports in its definition."""
    return connect(settings, definition(registry), use)


def with_backend(
    settings: Settings, registry: Registry, work: Callable[[Backend], Coroutine[Any, Any, Result]]
) -> Result:
    """Open the store of the settings, run some work on it, and close it."""
    return with_store(backend_of(settings, registry), work)


def with_store(backend: Backend, work: Callable[[Backend], Coroutine[Any, Any, Result]]) -> Result:
    """Open a store, run some work on it, and close it."""

    async def opened() -> Result:
        try:
            await backend.open()
            return await work(backend)
        finally:
            await backend.close()

    return asyncio.run(opened())

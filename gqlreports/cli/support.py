"""What all commands share: settings, access to the store and the directory, and error reporting."""

import asyncio
import difflib
import logging
import os
import sys
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from datetime import datetime
from tempfile import TemporaryDirectory
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

import typer
from rich.console import Console
from rich.markup import escape

from gqlreports.backends.base import Backend
from gqlreports.backends.connect import Use, connect, missing_store
from gqlreports.cli import INTERRUPTED
from gqlreports.config import Settings, read_settings
from gqlreports.directory.database import missing_file
from gqlreports.directory.directory import Directory
from gqlreports.directory.models import ApiKey, User
from gqlreports.directory.principal import Masking, Role
from gqlreports.errors import InvalidInput, ReportsError, StoreError
from gqlreports.limits import RequestLimits
from gqlreports.plugins.registry import Registry
from gqlreports.schema.scalars import parse_moment
from gqlreports.schema.time import moment_in
from gqlreports.store.definition import definition
from gqlreports.telemetry.logs import configure_logs

Result = TypeVar("Result")


logger = logging.getLogger(__name__)
standard_error = Console(stderr=True)


@contextmanager
def error_boundary(serves: bool = False) -> Iterator[Settings]:
    """Yield the settings.  An error is reported in one line on standard error, and the exit code is 1.

    An interruption is reported in the same way, and the exit code is 130.  A command that `serves` logs as a server
    does; in others, warnings are lines of text.
    """
    _log_to_standard_error(serves)
    try:
        for note in misspelt_settings():
            (logger.warning if serves else print_warning)(note)
        yield read_settings()
    except KeyboardInterrupt:
        standard_error.print("interrupted")
        raise typer.Exit(INTERRUPTED) from None
    except StoreError as error:
        _fail(error.for_operators)
    except ReportsError as error:
        _fail(str(error))


def _log_to_standard_error(serves: bool) -> None:
    """Log warnings to standard error, except the store's: the error line at the end already reports their outcome."""
    handler = configure_logs() if serves else logging.StreamHandler()
    handler.addFilter(lambda record: not record.name.startswith("gqlreports.backends."))
    if not serves:
        logging.basicConfig(level=logging.WARNING, format="%(message)s", handlers=[handler])


def _fail(message: str) -> None:
    print_error(message)
    raise typer.Exit(1)


def print_error(message: str) -> None:
    standard_error.print(f"[red]error:[/red] {escape(message)}", highlight=False, soft_wrap=True)


def print_warning(message: str) -> None:
    standard_error.print(f"[yellow]note:[/yellow] {escape(message)}", highlight=False, soft_wrap=True)


def misspelt_settings() -> Iterator[str]:
    """Sentences about variables of the environment that look like settings and are none."""
    prefix = Settings.model_config["env_prefix"]
    names = [*Settings.model_fields, *(f"limits_{name}" for name in RequestLimits.model_fields)]
    known = [f"{prefix}{name.upper()}" for name in names]
    for given in sorted(os.environ):
        if given.upper().startswith(prefix) and given.upper() not in known:
            near = difflib.get_close_matches(given.upper(), known, 1)
            yield f"{given} is no setting and is ignored{f'; is {near[0]} meant?' if near else '.'}"


def confirm(question: str, yes: bool) -> None:
    """Ask at a terminal before something goes for good; `yes` is the answer that was given beforehand.

    Ends the command with exit code 1 if the answer is no.  Raises InvalidInput if there is nobody to ask.
    """
    if yes:
        return
    if not sys.stdin.isatty():
        raise InvalidInput("Nothing was changed: there is no terminal to ask at. Give --yes if this is meant.")
    if not typer.confirm(question, err=True):
        typer.echo("Nothing was changed.", err=True)
        raise typer.Exit(1)


def moment_of(option: str, text: str, zone: ZoneInfo | None = None) -> datetime:
    """The moment that an option gives.  With a `zone`, a date alone is the moment at which that day begins there.

    Raises InvalidInput, whose message names the option.
    """
    try:
        return moment_in(zone, text) if zone else parse_moment(text)
    except InvalidInput as error:
        raise InvalidInput(f"{option} {text}: {error}") from None


def directory_of(settings: Settings, make: bool = False) -> Directory:
    """The directory.  Unless it may `make` one, raises InvalidInput if there is none yet."""
    missing = missing_file(settings.directory_url)
    if missing and not make:
        raise InvalidInput(
            f"There are no customers, keys and users at {missing}: create them first, or check GQLREPORTS_HOME and "
            "GQLREPORTS_DIRECTORY."
        )
    return Directory(settings.directory_url)


def masking_of(settings: Settings) -> Masking:
    """From whom numbers are hidden."""
    return Masking(settings.masked_digits, frozenset(map(Role, settings.masked_roles)))


def backend_of(settings: Settings, registry: Registry, use: Use = Use.SHARED, make: bool = False) -> Backend:
    """The store, with the rollups of the registry's reports in its definition.

    Unless it may `make` an embedded one, raises InvalidInput if there is none yet: a misspelt path is no empty store.
    """
    backend = connect(settings, definition(registry), use)
    missing = missing_store(settings)
    if missing and not make:
        raise InvalidInput(
            f"There is no store at {missing}: load CDRs first, or check GQLREPORTS_HOME and GQLREPORTS_STORE."
        )
    return backend


@contextmanager
def nothing_made(settings: Settings) -> Iterator[Settings]:
    """The settings, with empty ones that go with the context in place of a store or a directory that is not there."""
    with TemporaryDirectory(prefix="gqlreports-") as folder:
        instead = {}
        if missing_store(settings):
            instead["store"] = f"chdb://{folder}/store"
        if missing_file(settings.directory_url):
            instead["directory"] = f"sqlite:///{folder}/directory.db"
        yield settings.model_copy(update=instead)


def with_backend(
    settings: Settings,
    registry: Registry,
    work: Callable[[Backend], Coroutine[Any, Any, Result]],
    make: bool = False,
) -> Result:
    """Open the store of the settings, run some work on it, and close it.  `make` is as for `backend_of`."""
    return with_store(backend_of(settings, registry, make=make), work)


def with_store(backend: Backend, work: Callable[[Backend], Coroutine[Any, Any, Result]]) -> Result:
    """Open a store, run some work on it, and close it."""

    async def opened() -> Result:
        try:
            await backend.open()
            return await work(backend)
        finally:
            await backend.close()

    return asyncio.run(opened())


def seen_customers(holder: ApiKey | User) -> list[str]:
    """The customers and the groups that a key or a user is limited to; empty for none."""
    groups = sorted(f"group {each.group_id}" for each in holder.groups)
    return [*sorted(each.customer_id for each in holder.customers), *groups]

"""`gqlreports serve` and `demo`: serve the API and the panel; `demo` first generates calls."""

import logging
import secrets
from contextlib import closing
from typing import TYPE_CHECKING, Annotated

import typer
from rich.progress import Progress

from gqlreports.backends.base import Backend
from gqlreports.backends.connect import Use
from gqlreports.cli.support import backend_of, directory_of, error_boundary, masking_of, standard_error, with_store
from gqlreports.config import Settings
from gqlreports.directory.directory import Directory
from gqlreports.directory.models import Customer
from gqlreports.directory.principal import Principal, Role
from gqlreports.directory.token_rules import token_rules
from gqlreports.errors import InvalidInput
from gqlreports.extras import needed
from gqlreports.plugins.registry import Registry
from gqlreports.schema.catalogue import example_query
from gqlreports.schema.inspection import inspected
from gqlreports.store.demo import CURRENCIES, CUSTOMER_NAMES, DemoCalls
from gqlreports.telemetry.logs import configure_logs
from gqlreports.telemetry.metrics import Metrics
from gqlreports.telemetry.tracing import start_tracing
from gqlreports.web.app import HttpOptions, create_app
from gqlreports.web.documents import listed_documents
from gqlreports.web.lifecycle import GracefulServer, Shutdown
from gqlreports.web.listener import Listener

if TYPE_CHECKING:
    from gqlreports.directory.tokens import Tokens

logger = logging.getLogger(__name__)

_DEMO_KEY = "made by gqlreports demo"
_DEMO_USER = "demo"
_REAL = (
    "There are calls or customers here that the demo did not make: choose another place by GQLREPORTS_HOME, or give "
    "--force to add the demo's user and key to them."
)
Host = Annotated[str, typer.Option(help="Address to listen on.")]
Port = Annotated[int, typer.Option(help="Port to listen on.", min=0, max=65535)]


def serve(
    host: Host = "127.0.0.1",
    port: Port = 8000,
    strict: Annotated[bool, typer.Option("--strict", help="Fail at a report plugin that is wrong.")] = False,
) -> None:
    """Serve the panel at http://HOST:PORT/ and the API at http://HOST:PORT/graphql."""
    with error_boundary(serves=True) as settings, closing(Listener(host, port)) as listener:
        registry = Registry.load(strict=strict)
        metrics = _metrics(settings, host)
        # Opened before the server runs, to report the store's errors, and those of plugins that it explains.
        backend = backend_of(settings, registry, Use.ALONE, make=True)
        registry = with_store(backend, lambda backend: inspected(registry, backend, strict))
        _serve(settings, registry, directory_of(settings, make=True), metrics, listener)


def demo(
    host: Host = "127.0.0.1",
    port: Port = 8000,
    force: Annotated[
        bool, typer.Option("--force", help="Add the user and the key to data that the demo did not make.")
    ] = False,
) -> None:
    """Fill an empty store with generated calls, then serve them with a user and a key to try it."""
    with error_boundary(serves=True) as settings, closing(Listener(host, port)) as listener:
        directory = directory_of(settings, make=True)
        registry = Registry.load()
        metrics = _metrics(settings, host)

        async def filled(backend: Backend) -> Registry:
            calls = DemoCalls(backend)
            if not force and (_has_others(directory) or await calls.foreign()):
                raise InvalidInput(_REAL)
            await _fill(calls, directory)
            return await inspected(registry, backend)

        registry = with_store(backend_of(settings, registry, Use.ALONE, make=True), filled)
        password = _demo_password(directory)
        typer.echo(_invitation(registry, listener.url, password, _demo_key(directory)))
        _serve(settings, registry, directory, metrics, listener)


def _metrics(settings: Settings, host: str) -> Metrics:
    metrics = Metrics()
    if settings.metrics_port is not None:
        metrics.serve(host, settings.metrics_port)
    return metrics


def _serve(settings: Settings, registry: Registry, directory: Directory, metrics: Metrics, listener: Listener) -> None:
    configure_logs()
    start_tracing()
    tokens = _tokens(settings)
    shutdown = Shutdown()
    listed = listed_documents(settings.documents) if settings.documents else None
    http = HttpOptions(
        settings.limits,
        settings.reports_at_once,
        listed,
        shutdown,
        settings.answers_bytes,
        settings.cors_origins,
        settings.federation,
    )
    backend = backend_of(settings, registry, Use.SERVING, make=True)
    app = create_app(registry, backend, directory, masking_of(settings), metrics, tokens, http)
    listener.listen()
    logger.info("Panel at %s/, GraphQL at %s/graphql", listener.url, listener.url)
    GracefulServer(app, listener.host, listener.port, shutdown, settings.shutdown_seconds).run(listener.sockets)


def _tokens(settings: Settings) -> "Tokens | None":
    rules = token_rules(settings)
    if rules is None:
        return None
    with needed("openid", "Tokens of an identity provider need"):
        from gqlreports.directory.tokens import Tokens
    return Tokens(rules)


async def _fill(calls: DemoCalls, directory: Directory) -> None:
    if not await calls.empty():
        return
    directory.save_customers(_customers())
    with Progress(console=standard_error, disable=not standard_error.is_terminal) as progress:
        task = progress.add_task("Generating calls", total=calls.steps)
        async for _ in calls.fill():
            progress.advance(task)


def _customers() -> list[Customer]:
    return [
        Customer(id=str(1001 + place), name=name, currency=CURRENCIES[place % len(CURRENCIES)])
        for place, name in enumerate(CUSTOMER_NAMES)
    ]


def _has_others(directory: Directory) -> bool:
    """Whether the directory has customers that the demo did not make."""
    own = {(each.id, each.name) for each in _customers()}
    found = directory.customers(Principal("", "shell", Role.STAFF, None), None, len(own) + 1, None)
    return not {(each.id, each.name) for each in found} <= own


def _demo_key(directory: Directory) -> str:
    """Create a key for the demo, since the text of the last one was not stored, and revoke the last one."""
    for each in directory.list_keys():
        if each.name == _DEMO_KEY:
            directory.revoke_key(each.id)
    return directory.create_key(_DEMO_KEY, Role.STAFF)


def _demo_password(directory: Directory) -> str:
    """Set a new password for the demo's user, since the last one was not stored."""
    password = secrets.token_urlsafe(12)
    if any(each.name == _DEMO_USER for each in directory.users.list()):
        directory.users.set_password(_DEMO_USER, password)
    else:
        directory.users.add(_DEMO_USER, password, Role.STAFF)
    return password


def _invitation(registry: Registry, address: str, password: str, key: str) -> str:
    report = registry.reports["GROUP_BY_TECH_PREFIX"]
    query = example_query(report, report.columns(staff=True))
    return (
        f"\nPanel     {address}/\nUser      {_DEMO_USER}\nPassword  {password}\n"
        f"\nGraphQL   {address}/graphql\nKey       {key}\n"
        f"\nSend this, with the header Authorization: Bearer {key}\n\n{query}\n"
    )

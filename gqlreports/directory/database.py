"""The directory's database: SQLite in a file or PostgreSQL, migrated to the schema that this version needs."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from threading import Lock
from typing import Any

from sqlalchemy import create_engine, func, inspect, select, text
from sqlalchemy.engine import Connection, Engine, make_url
from sqlalchemy.event import listen
from sqlalchemy.exc import ArgumentError, SQLAlchemyError
from sqlalchemy.orm import Session

from gqlreports.directory.migrations import HEAD
from gqlreports.errors import DirectoryUnavailable
from gqlreports.extras import needed

logger = logging.getLogger(__name__)


def utc_now() -> datetime:
    """The current time in UTC, as a naive datetime."""
    return datetime.now(UTC).replace(tzinfo=None)


# Seconds to wait for a server, or for a free connection to it.
_PATIENCE = 5
# PostgreSQL's advisory locks are numbered; this number is ours.
_LOCK = 7_106_213
_VERSION_TABLE = "directory_version"
# Alembic keeps its state in globals, so only one upgrade may run in a process.
_ONE_AT_A_TIME = Lock()


class Database:
    """A connection pool for the database, which is migrated when it is opened.

    Raises DirectoryUnavailable if the database cannot be opened or fails later, and NotInstalled if PostgreSQL's driver
    is needed but not installed.
    """

    def __init__(self, url: str) -> None:
        try:
            self._engine = _engine(url)
            try:
                _bring_to_head(self._engine)
            except BaseException:
                self._engine.dispose()
                raise
        except (SQLAlchemyError, OSError, ImportError) as error:
            logger.debug("The directory failed.", exc_info=error)
            raise DirectoryUnavailable(
                "The directory cannot be opened; check GQLREPORTS_HOME and GQLREPORTS_DIRECTORY."
            ) from error

    @contextmanager
    def session(self) -> Iterator[Session]:
        try:
            with Session(self._engine, expire_on_commit=False) as session:
                yield session
        except SQLAlchemyError as error:
            logger.error("The directory failed.", exc_info=error)
            raise DirectoryUnavailable("Customers and keys cannot be read now; the log says why.") from error

    def close(self) -> None:
        self._engine.dispose()


def missing_file(url: str) -> Path | None:
    """The file of a database in SQLite that is not there; None for one that is there, and for any other database."""
    try:
        address = make_url(url)
    except ArgumentError:
        return None
    if address.get_backend_name() != "sqlite" or not address.database or "uri" in address.query:
        return None
    file = Path(address.database)
    return None if file.exists() else file


def _engine(url: str) -> Engine:
    address = make_url(url)
    if address.get_backend_name() == "sqlite":
        if address.database:
            Path(address.database).parent.mkdir(parents=True, exist_ok=True)
        engine = create_engine(address, hide_parameters=True)
        listen(engine, "connect", _lower_all_letters)
        return engine
    if address.get_driver_name() == "psycopg":
        with needed("postgresql", "A directory in PostgreSQL needs"):
            import psycopg  # noqa: F401
    # The server may have been restarted since a connection was opened, or may be unreachable.
    return create_engine(
        address,
        pool_pre_ping=True,
        pool_timeout=_PATIENCE,
        connect_args={"connect_timeout": _PATIENCE},
        hide_parameters=True,
    )


def _bring_to_head(engine: Engine) -> None:
    with engine.connect() as connection:
        if _version(connection) == HEAD:
            return
    with _ONE_AT_A_TIME, engine.begin() as connection:
        if engine.dialect.name == "postgresql":
            connection.execute(select(func.pg_advisory_xact_lock(_LOCK)))
        else:
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        if _version(connection) != HEAD:
            _upgrade(connection)


def _version(connection: Connection) -> str | None:
    if not inspect(connection).has_table(_VERSION_TABLE):
        return None
    version: str | None = connection.scalar(text(f"SELECT version_num FROM {_VERSION_TABLE}"))
    return version


def _upgrade(connection: Connection) -> None:
    # Imported only for an upgrade, since the import takes a third of the start-up time of every command.
    from alembic import command
    from alembic.config import Config
    from alembic.util import CommandError

    config = Config(attributes={"connection": connection, "version_table": _VERSION_TABLE})
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    try:
        command.upgrade(config, "head")
    except CommandError as error:
        raise DirectoryUnavailable("The directory was made by a newer gqlreports; use that one.") from error


def _lower_all_letters(connection: Any, record: object) -> None:
    """Replace SQLite's own lower(), which only handles ASCII letters."""
    connection.create_function("lower", 1, lambda text: text and text.lower(), deterministic=True)

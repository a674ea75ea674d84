"""Runs the steps on the connection that Alembic was given, in its transaction."""

from alembic import context

from gqlreports.directory.models import Base

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    version_table=context.config.attributes["version_table"],
    transactional_ddl=True,
)
context.run_migrations()

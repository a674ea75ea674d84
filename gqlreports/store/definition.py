"""What a store must have, and what it lacks of it."""

from collections.abc import Collection
from dataclasses import dataclass

from gqlreports.store.dictionaries import dictionaries
from gqlreports.store.migrations import MIGRATIONS, Migration
from gqlreports.store.placement import Placement, literal
from gqlreports.tables.migration import migration

EMBEDDED = Placement()


@dataclass(frozen=True)
class Definition:
    """The migrations as statements, for a store that is placed in some way."""

    placement: Placement
    migrations: tuple[Migration, ...] = MIGRATIONS

    recorded = "SELECT count() FROM system.tables WHERE database = currentDatabase() AND name = 'migration'"
    applied = "SELECT DISTINCT number, cluster FROM migration"

    @property
    def record(self) -> list[str]:
        """The statements that make the table in which a store records its migrations."""
        return self.placement.create(migration)

    def pending(self, applied: Collection[int]) -> list[str]:
        """The migrations that a store lacks, in words."""
        return [f"{each.number} ({each.name})" for each in self._lacking(applied)]

    def statements(self, applied: Collection[int]) -> list[str]:
        """What brings a store to this definition: the migrations that it lacks, each recorded; dictionaries last."""
        steps = [
            statement
            for each in self._lacking(applied)
            for statement in (*each.statements(self.placement), self._recorded(each))
        ]
        return [*steps, *dictionaries(self.placement)]

    def _lacking(self, applied: Collection[int]) -> list[Migration]:
        return [each for each in self.migrations if each.number not in applied]

    def _recorded(self, step: Migration) -> str:
        values = f"{step.number}, {literal(step.name)}, {literal(self.placement.cluster or '')}, now64(3, 'UTC')"
        return f"INSERT INTO migration (number, name, cluster, applied_at) SELECT {values}"


def definition() -> Definition:
    """That of an embedded store."""
    return Definition(EMBEDDED)

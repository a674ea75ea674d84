"""What a store must have, and what it lacks of it."""

from collections.abc import Collection
from dataclasses import dataclass

from gqlreports.plugins.registry import Registry
from gqlreports.plugins.rollup import Rollup
from gqlreports.store.dictionaries import dictionaries
from gqlreports.store.migrations import MIGRATIONS, Migration
from gqlreports.store.placement import Placement, literal
from gqlreports.store.rollups import KEPT, rollups
from gqlreports.tables.migration import migration

EMBEDDED = Placement()


@dataclass(frozen=True)
class Definition:
    """The migrations as statements, for a store that is placed in some way."""

    placement: Placement
    migrations: tuple[Migration, ...] = MIGRATIONS
    rollups: tuple[Rollup, ...] = ()

    kept = KEPT
    # Unlike the list of tables, which leaves out what a user may not see, it fails where the user lacks the right.
    recorded = "EXISTS TABLE migration"
    applied = "SELECT DISTINCT number, cluster FROM migration"

    @property
    def record(self) -> list[str]:
        """The statements that make the table in which a store records its migrations."""
        return self.placement.create(migration)

    def pending(self, applied: Collection[int]) -> list[str]:
        """The migrations that a store lacks, in words."""
        return [f"{each.number} ({each.name})" for each in self._lacking(applied)]

    def statements(self, applied: Collection[int], kept: Collection[str]) -> list[str]:
        """What brings a store to this definition.

        The migrations that it lacks, each recorded, then the dictionaries and the rollups.
        """
        steps = [
            statement
            for each in self._lacking(applied)
            for statement in (*each.statements(self.placement), self._recorded(each))
        ]
        return [*steps, *dictionaries(self.placement), *rollups(self.placement, self.rollups, kept)]

    def _lacking(self, applied: Collection[int]) -> list[Migration]:
        return [each for each in self.migrations if each.number not in applied]

    def _recorded(self, step: Migration) -> str:
        values = f"{step.number}, {literal(step.name)}, {literal(self.placement.cluster or '')}, now64(3, 'UTC')"
        return f"INSERT INTO migration (number, name, cluster, applied_at) SELECT {values}"


def definition(registry: Registry | None = None) -> Definition:
    """That of an embedded store, with the rollups of the reports of a registry."""
    return Definition(EMBEDDED, rollups=registry.rollups if registry else ())

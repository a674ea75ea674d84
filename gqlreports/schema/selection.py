"""What a caller selected: the columns under the names that the response gives them, in its order."""

from collections.abc import Mapping
from dataclasses import dataclass

from gqlreports.plugins.contract import AnyColumn


@dataclass(frozen=True)
class TypeName:
    """The constant that `__typename` asks for."""

    value: str


@dataclass(frozen=True)
class Selection:
    """Response names, each with its column; two names may share one."""

    fields: tuple[tuple[str, AnyColumn | TypeName], ...]

    @classmethod
    def of(cls, selected: Mapping[str, str], columns: tuple[AnyColumn, ...], type_name: str) -> "Selection":
        """`selected` maps response names to GraphQL field names, all of them valid."""
        known: dict[str, AnyColumn | TypeName] = {column.graphql_name: column for column in columns}
        known["__typename"] = TypeName(type_name)
        return cls(tuple((response, known[field]) for response, field in selected.items()))

    @classmethod
    def all(cls, columns: tuple[AnyColumn, ...]) -> "Selection":
        return cls(tuple((column.graphql_name, column) for column in columns))

    @property
    def columns(self) -> tuple[AnyColumn, ...]:
        """Each column once."""
        return tuple(dict.fromkeys(column for _, column in self.fields if not isinstance(column, TypeName)))

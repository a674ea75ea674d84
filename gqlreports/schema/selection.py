"""What a caller selected of an object that the store prints."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from gqlreports.plugins.contract import AnyColumn

TYPE_NAME = "__typename"


@dataclass(frozen=True)
class Selected:
    """A field under the name that the response gives it; `inner` is what was selected of an object."""

    response: str
    field: str
    inner: "Selection | None" = None


@dataclass(frozen=True)
class Selection:
    """The fields selected of a type, in the order of the response; two may stand for one field."""

    type_name: str
    fields: tuple[Selected, ...]

    @classmethod
    def all(cls, columns: Iterable[AnyColumn]) -> "Selection":
        """Every column under its own name."""
        return cls("", tuple(Selected(column.graphql_name, column.graphql_name) for column in columns))

    def __contains__(self, field: str) -> bool:
        return any(each.field == field for each in self.fields)

    def __iter__(self) -> Iterator[Selected]:
        return iter(self.fields)

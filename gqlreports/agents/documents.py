"""The GraphQL documents that ask for a report, with their variables."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from pydantic.alias_generators import to_camel

from gqlreports.agents.arguments import OfReport
from gqlreports.errors import InvalidInput
from gqlreports.plugins.contract import AnyColumn
from gqlreports.plugins.registry import RegisteredReport
from gqlreports.schema.scalars import print_moment
from gqlreports.schema.time import moment_in, zone

Choice = TypeVar("Choice")
_DIRECTIONS = {"": "ASC", "asc": "ASC", "desc": "DESC"}


@dataclass
class ReportDocument:
    """A document for one report; each variable is declared with its type when it is first needed."""

    name: str
    report: RegisteredReport
    variables: dict[str, Any] = field(default_factory=dict)
    _types: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, name: str, report: RegisteredReport, given: OfReport) -> "ReportDocument":
        """A document named after its tool.  Raises InvalidInput for a time or parameters that are wrong."""
        clock = zone(given.time_zone)
        made = cls(name, report)
        made.declare("customer", "ID!", given.customer)
        for argument, text in (("from", given.start), ("to", given.end)):
            try:
                made.declare(argument, "DateTime!", print_moment(moment_in(clock, text)))
            except InvalidInput as error:
                raise InvalidInput(f"`{argument}` is {text[:64]!r}: {error}") from None
        if given.parameters:
            if not report.report.Parameters.model_fields:
                raise InvalidInput(f"{report.name} has no `parameters`.")
            made.declare("parameters", "ReportParameters", {to_camel(report.name.lower()): given.parameters})
        if given.where:
            made.declare("where", f"{report.type_name}Filter", given.where)
        return made

    def declare(self, name: str, kind: str, value: Any) -> None:
        self._types[name] = kind
        self.variables[name] = value

    def arguments(self, *names: str) -> str:
        """Those of the variables that are declared, as the arguments of a field of the same names."""
        given = ", ".join(f"{name}: ${name}" for name in names if name in self._types)
        return f"({given})" if given else ""

    def text(self, *fields: str) -> str:
        """The document; `fields` are those of the report."""
        declared = ", ".join(f"${name}: {kind}" for name, kind in self._types.items())
        of_report = self.arguments("customer", "from", "to", "parameters", "basis")
        selected = "\n      ".join(fields)
        return (
            f"query {self.name}({declared}) {{\n"
            f"  customReport(type: {self.report.name}, {of_report[1:]} {{\n"
            "    customer { name currency }\n"
            "    dataThrough\n"
            f"    ... on {self.report.type_name}Report {{\n      {selected}\n    }}\n"
            "  }\n"
            "}"
        )


def chosen(names: Sequence[str], columns: Iterable[Choice], name_of: Callable[[Choice], str]) -> list[Choice]:
    """The columns of these names, in their order, each once.  Raises InvalidInput, which tells the names that exist."""
    named = {name_of(column): column for column in columns}
    for name in names:
        if name not in named:
            raise InvalidInput(f"There is no column {name[:64]!r}; there are {', '.join(named)}.")
    return [named[name] for name in dict.fromkeys(names)]


def order(columns: Sequence[AnyColumn], texts: Iterable[str]) -> list[dict[str, str]]:
    """The value of `orderBy` for texts such as `total:desc`.  Raises InvalidInput."""
    return [_ordered(columns, text) for text in texts]


def _ordered(columns: Sequence[AnyColumn], text: str) -> dict[str, str]:
    name, _, direction = text.partition(":")
    if direction not in _DIRECTIONS:
        raise InvalidInput(f"`order_by` has {text[:64]!r}; write a column, or a column and :desc.")
    [column] = chosen([name], columns, lambda each: each.graphql_name)
    return {"column": column.constant_name, "direction": _DIRECTIONS[direction]}

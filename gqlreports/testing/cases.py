"""The ways in which a report can be asked: each basis, each value of a parameter, for staff and for partners."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Any

from pydantic import ValidationError
from pydantic.alias_generators import to_camel

from gqlreports.backends.base import Customers
from gqlreports.plugins import CountingBasis, ReportParameters
from gqlreports.plugins.registry import RegisteredReport
from gqlreports.schema.request import ReportRequest
from gqlreports.testing.golden import END, OWN, START


@dataclass(frozen=True)
class Case:
    """A way to ask a report; as a text it says how."""

    report: RegisteredReport
    basis: CountingBasis
    parameters: ReportParameters
    staff: bool

    def __str__(self) -> str:
        given = [
            f"{to_camel(name)} {_word(getattr(self.parameters, name))}"
            for name in sorted(self.parameters.model_fields_set)
        ]
        return ", ".join([f"basis {self.basis.value}", *given, *([] if self.staff else ["as a partner"])])

    @property
    def class_name(self) -> str:
        return type(self.report.report).__name__

    def request(self, customer: str = OWN) -> ReportRequest:
        """The request for the golden calls of a customer."""
        return ReportRequest(self.report, Customers.of(customer), START, END, self.parameters, self.basis, self.staff)


def cases_of(report: RegisteredReport) -> Iterator[Case]:
    for parameters in _parameters(report.report.Parameters):
        for basis in CountingBasis:
            yield Case(report, basis, parameters, staff=True)
    if report.visible(staff=False):
        yield Case(report, CountingBasis.CALL, report.report.Parameters(), staff=False)


def _parameters(kind: type[ReportParameters]) -> Iterator[ReportParameters]:
    """The defaults, and each other value of a parameter that is a Boolean or an Enum, with the defaults of the rest."""
    yield kind()
    for name, field in kind.model_fields.items():
        for other in _values(field.annotation):
            if other != field.default:
                try:
                    yield kind(**{name: other})
                except ValidationError:
                    continue  # refused by the report itself, together with the other defaults


def _values(kind: Any) -> tuple[Any, ...]:
    if kind is bool:
        return (False, True)
    return tuple(kind) if isinstance(kind, type) and issubclass(kind, Enum) else ()


def _word(value: object) -> object:
    return value.name if isinstance(value, Enum) else value

"""The context that resolvers receive."""

from dataclasses import dataclass, field, replace
from typing import TypeAlias

from strawberry.types.info import Info

from gqlreports.backends.base import Customers
from gqlreports.schema.answer import ReportAnswer, Splice
from gqlreports.schema.door import Caller, CustomerChoice, Door
from gqlreports.schema.request import ReportRequest


@dataclass(frozen=True)
class Context:
    """The door for reports, the caller, and what the request has produced so far.

    `answers` are the reports of this request, by their names in the response; `ranges` are the ranges that they are
    compared with; and `splices` are the values that the store printed.  `choices` are the choices of customers that may
    mean others at another time, with those that they meant.
    """

    door: Door
    caller: Caller
    answers: dict[str, ReportAnswer] = field(default_factory=dict)
    ranges: list[ReportRequest] = field(default_factory=list)
    splices: list[Splice] = field(default_factory=list)
    choices: list[tuple[CustomerChoice, Customers]] = field(default_factory=list)

    def again(self) -> "Context":
        """A context to execute the same request again; reports that were already audited are not audited twice."""
        audit = _nothing if self.answers else self.caller.audit
        return Context(self.door, replace(self.caller, audit=audit, customers={}))


def _nothing(request: ReportRequest) -> None:
    pass


ReportInfo: TypeAlias = Info[Context, None]

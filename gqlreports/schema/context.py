"""What a resolver is given of the world."""

from dataclasses import dataclass, field, replace
from typing import TypeAlias

from strawberry.types.info import Info

from gqlreports.schema.answer import ReportAnswer, Splice
from gqlreports.schema.door import Caller, Door
from gqlreports.schema.request import ReportRequest


@dataclass(frozen=True)
class Context:
    """The door for reports, and who stands there.

    `answers` are the reports of this request, by their names in the response, `ranges` those that they are compared
    with, and `splices` what the store printed.
    """

    door: Door
    caller: Caller
    answers: dict[str, ReportAnswer] = field(default_factory=dict)
    ranges: list[ReportRequest] = field(default_factory=list)
    splices: list[Splice] = field(default_factory=list)

    def again(self) -> "Context":
        """For the same request once more: reports that have been taken down already are not taken down twice."""
        audit = _nothing if self.answers else self.caller.audit
        return Context(self.door, replace(self.caller, audit=audit, customers={}))


def _nothing(request: ReportRequest) -> None:
    pass


ReportInfo: TypeAlias = Info[Context, None]

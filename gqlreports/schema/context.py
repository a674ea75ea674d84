"""What a resolver is given of the world."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TypeAlias

from strawberry.types.info import Info

from gqlreports.backends.base import Backend
from gqlreports.directory.directory import Directory
from gqlreports.directory.models import Customer
from gqlreports.directory.principal import Principal
from gqlreports.schema.admission import Admission
from gqlreports.schema.allowance import USUAL_ALLOWANCE, Allowance
from gqlreports.schema.answer import ReportAnswer
from gqlreports.schema.gathering import Gathering
from gqlreports.schema.request import ReportRequest
from gqlreports.schema.spliced import Splice


@dataclass(frozen=True)
class Context:
    """Who asks, where the answers are, and how many characters of the numbers in CDRs are masked.

    `answers` are the reports of this request, by their names in the response, `customers` those that were looked for,
    by their ids, and `splices` what the store printed; `audit` takes down each report that is run.
    """

    principal: Principal
    directory: Directory
    backend: Backend
    masked: int = 0
    answers: dict[str, ReportAnswer] = field(default_factory=dict)
    customers: dict[str, Customer] = field(default_factory=dict)
    splices: list[Splice] = field(default_factory=list)
    allowance: Allowance = USUAL_ALLOWANCE
    admission: Admission = field(default_factory=Admission)
    gathering: Gathering | None = None
    audit: Callable[[ReportRequest], None] = field(kw_only=True)

    def again(self) -> "Context":
        """For the same request once more: reports that have been taken down already are not taken down twice."""
        return replace(self, answers={}, customers={}, splices=[], audit=_nothing if self.answers else self.audit)


def _nothing(request: ReportRequest) -> None:
    pass


ReportInfo: TypeAlias = Info[Context, None]

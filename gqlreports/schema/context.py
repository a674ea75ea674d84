"""What a resolver is given of the world."""

from dataclasses import dataclass, field
from typing import TypeAlias

from strawberry.types.info import Info

from gqlreports.backends.base import Backend
from gqlreports.directory.directory import Directory
from gqlreports.directory.principal import Principal
from gqlreports.schema.admission import Admission
from gqlreports.schema.allowance import USUAL_ALLOWANCE, Allowance
from gqlreports.schema.answer import ReportAnswer


@dataclass(frozen=True)
class Context:
    """Who asks, where the answers are, and how many characters of the numbers in CDRs are masked.

    `answers` are the reports of this request, by their names in the response.
    """

    principal: Principal
    directory: Directory
    backend: Backend
    masked: int = 0
    answers: dict[str, ReportAnswer] = field(default_factory=dict)
    allowance: Allowance = USUAL_ALLOWANCE
    admission: Admission = field(default_factory=Admission)


ReportInfo: TypeAlias = Info[Context, None]

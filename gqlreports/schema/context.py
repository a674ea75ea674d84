"""What a resolver is given of the world."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeAlias

from strawberry.types.info import Info

from gqlreports.backends.base import Backend
from gqlreports.directory.directory import Directory
from gqlreports.directory.principal import Principal
from gqlreports.schema.admission import Admission
from gqlreports.schema.allowance import USUAL_ALLOWANCE, Allowance
from gqlreports.schema.answer import ReportAnswer
from gqlreports.schema.request import ReportRequest


@dataclass(frozen=True)
class Context:
    """Who asks, where the answers are, and how many characters of the numbers in CDRs are masked.

    `answers` are the reports of this request, by their names in the response; `audit` takes down each that is run.
    """

    principal: Principal
    directory: Directory
    backend: Backend
    masked: int = 0
    answers: dict[str, ReportAnswer] = field(default_factory=dict)
    allowance: Allowance = USUAL_ALLOWANCE
    admission: Admission = field(default_factory=Admission)
    audit: Callable[[ReportRequest], None] = field(kw_only=True)


ReportInfo: TypeAlias = Info[Context, None]

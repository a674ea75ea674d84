"""What an operator decides about the API over HTTP."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from gqlreports.config import ANSWERS_BYTES
from gqlreports.limits import USUAL, RequestLimits
from gqlreports.web.draining import Draining


@dataclass(frozen=True)
class HttpOptions:
    """`documents` are the only ones that partners may run, by id; without, they run any.

    `reports_at_once` bounds what runs or waits for the store, and `draining` says when the process ends.  Kept answers
    take at most `answers_bytes`; with 0 none is kept.
    """

    limits: RequestLimits = USUAL
    reports_at_once: int = 400
    documents: Mapping[str, str] | None = None
    draining: Draining = field(default_factory=Draining)
    answers_bytes: int = ANSWERS_BYTES

"""What one report may read of the store."""

from dataclasses import dataclass
from datetime import timedelta

from gqlreports.limits import USUAL, RequestLimits
from gqlreports.schema.request import ReportRequest
from gqlreports.schema.stored_calls import StoredCalls

_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Allowance:
    """`stored` says how much there is in a range; without it only the range itself is bounded."""

    limits: RequestLimits = USUAL
    stored: StoredCalls | None = None

    async def check(self, request: ReportRequest) -> None:
        """Raises LimitExceeded where the range is too long, or holds more calls than a report may read."""
        days = -((request.start - request.end) // _DAY)
        self.limits.check("range_days", days, "choose a shorter range")
        most = self.limits.rows_per_report
        fact = request.report.report.fact
        if self.stored and await self.stored.in_all(fact) > most:
            rows = await self.stored.in_range(fact, request.customer, request.start, request.end)
            self.limits.check("rows_per_report", rows, "choose a shorter range")


USUAL_ALLOWANCE = Allowance()
"""That of the usual limits."""

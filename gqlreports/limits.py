"""The limits on what one caller may request."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from gqlreports.errors import LimitExceeded

Small = Annotated[int, Field(gt=0, lt=1 << 31)]
Large = Annotated[int, Field(gt=0, lt=1 << 63)]


class RequestLimits(BaseModel):
    """The limits; each is also a setting (`GQLREPORTS_LIMITS_` and its name in capitals) and in `viewer { limits }`."""

    model_config = ConfigDict(frozen=True)

    range_days: Small = Field(default=3_660, description="Longest range of a report, in days")
    rows_per_report: Large = Field(
        default=500_000_000, description="Calls that one range of a report may hold, in CDRs"
    )
    bytes_per_report: Large = Field(default=100 * 1024**3, description="What one query of a report may read, in bytes")
    rows_per_page: Small = Field(default=100_000, description="Rows that come at once, in rows")
    calls_per_page: Small = Field(default=10_000, description="Calls that come at once, in CDRs")
    customers_per_page: Small = Field(default=1_000, description="Customers that come at once, in customers")
    customers_per_report: Small = Field(
        default=1_000, description="Customers that one report may be about, in customers"
    )
    depth: Small = Field(default=20, description="Fields within fields of a document, in levels")
    value_depth: Small = Field(default=48, description="Lists and objects within each other in arguments, in levels")
    aliases: Small = Field(default=50, description="Aliases of an operation, those of each use of a fragment counted")
    directives: Small = Field(
        default=50, description="Directives of an operation, those of each use of a fragment counted"
    )
    repeated_fields: Small = Field(default=100, description="Fields beside one of the same name in the response")
    tokens: Small = Field(default=2_000, description="Tokens of a document; comments count too")
    document_characters: Small = Field(default=50_000, description="Length of a document, in characters")
    body_bytes: Small = Field(default=128 * 1024, description="Size of a request's body, in bytes")
    body_seconds: Small = Field(default=10, description="How long the body may take to arrive, in seconds")
    header_bytes: Small = Field(default=32 * 1024, description="Size of a request's headers, in bytes")
    reports_per_request: Small = Field(default=20, description="Reports of one request, in reports")
    concurrent_reports: Small = Field(default=100, description="Reports at once for one key, in reports")
    requests_per_minute: Small = Field(default=12_000, description="Requests of one key, in requests a minute")
    seconds_per_request: Small = Field(default=60, description="How long a request may take, in seconds")

    def check(self, name: str, value: int, advice: str = "") -> None:
        """Raise LimitExceeded if a value exceeds the limit of that name."""
        if value > (allowance := getattr(self, name)):
            raise LimitExceeded(to_camel(name), value, allowance, advice)


USUAL = RequestLimits()
"""The default limits."""
FOR_OPERATORS = RequestLimits(range_days=(1 << 31) - 1, rows_per_report=(1 << 63) - 1)
"""The limits at the shell: the range of a report is unlimited."""

"""The public names for authors of reports."""

from gqlreports.plugins.aggregates import (
    Additivity,
    Aggregate,
    CountingBasis,
    Sum,
    Tally,
    count,
    quotient,
    total,
    whole,
)
from gqlreports.plugins.contract import (
    Report,
    ReportParameters,
    Scope,
    dimension,
    measure,
    ratio,
)
from gqlreports.plugins.currencies import ByCurrency, currency
from gqlreports.plugins.dimensions import Dimensions
from gqlreports.plugins.figures import (
    Charge,
    Difference,
    answered,
    attempts,
    customer_charge,
    effective,
    is_answered,
    percentile,
    provider_charge,
    route_attempts,
    talk_time,
)
from gqlreports.plugins.types import COUNT, FLAG, MOMENT, MONEY, RATIO, SECONDS, TEXT
from gqlreports.tables import Fact, cdr

__all__ = [
    "COUNT",
    "FLAG",
    "MOMENT",
    "MONEY",
    "RATIO",
    "SECONDS",
    "TEXT",
    "Additivity",
    "Aggregate",
    "ByCurrency",
    "Charge",
    "CountingBasis",
    "Difference",
    "Dimensions",
    "Fact",
    "Report",
    "ReportParameters",
    "Scope",
    "Sum",
    "Tally",
    "answered",
    "attempts",
    "cdr",
    "count",
    "currency",
    "customer_charge",
    "dimension",
    "effective",
    "is_answered",
    "measure",
    "percentile",
    "provider_charge",
    "quotient",
    "ratio",
    "route_attempts",
    "talk_time",
    "total",
    "whole",
]

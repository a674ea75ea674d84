"""The id of a report: what was asked for, in one opaque text.

Equal arguments give one id, also where they were written differently, and any other arguments give another.  So a cache
that knows objects by their ids keeps two queries of one report type apart.
"""

from collections.abc import Mapping
from types import NoneType

from gqlreports.errors import NotFound
from gqlreports.plugins import CountingBasis
from gqlreports.plugins.registry import RegisteredReport
from gqlreports.schema.opaque import microseconds, moment_of, opaque, values_of_opaque
from gqlreports.schema.request import ReportRequest
from gqlreports.schema.types.columns import validated

PREFIX = "Report:"


def report_id(request: ReportRequest) -> str:
    """The id of a report.  Whether the caller is staff is no part of it: it changes what is seen, not what is asked."""
    return PREFIX + opaque(
        (
            request.customer,
            request.report.name,
            microseconds(request.start),
            microseconds(request.end),
            request.basis.name,
            request.parameters.model_dump(mode="json"),
            None if request.as_of is None else microseconds(request.as_of),
        )
    )


def request_of(id: str, reports: Mapping[str, RegisteredReport], staff: bool) -> ReportRequest:
    """The request that an id stands for, which has not been admitted yet.

    Raises NotFound for a text that is no id of one of these reports, InvalidInput for parameters that the report no
    longer has.
    """
    try:
        customer, name, start, end, basis, parameters, as_of = values_of_opaque(
            id.removeprefix(PREFIX), str, str, int, int, str, dict, (int, NoneType)
        )
        counted, report = CountingBasis[basis], reports[name]
        moments = moment_of(start), moment_of(end), None if as_of is None else moment_of(as_of)
    except (ValueError, KeyError):
        raise NotFound("There is no report of this id for this key; ask for it by `customReport`.") from None
    return ReportRequest(
        report, customer, moments[0], moments[1], validated(report, parameters), counted, staff, moments[2]
    )

"""Release Reasons: how calls end."""

from sqlalchemy import func

from gqlreports.plugins import COUNT, Report, answered, cdr, dimension, measure, route_attempts


class ReleaseReasons(Report):
    """Why branches of calls were released; every branch counts, whatever the basis."""

    title = "Release Reasons"
    rollup = True

    release_reason = dimension(cdr.c.release_reason, "Reason for which the switch released the branch")
    sip_code = dimension(func.toInt64(cdr.c.sip_code), "Final SIP status of the branch; 0 without one", type=COUNT)
    attempts = measure(route_attempts, "Branches of calls, first choice or not", unit="attempts")
    connected = measure(answered, "Answered calls", unit="calls")

"""ASR Per Route: how well each provider's routes complete."""

from gqlreports.plugins import (
    Report,
    answered,
    cdr,
    dimension,
    effective,
    measure,
    percentile,
    ratio,
    route_attempts,
    talk_time,
)

_DELAYS = "post-dial delays"


class AsrPerRoute(Report):
    """Call quality by provider and route; every branch sent to a route is an attempt on it, whatever the basis."""

    title = "ASR Per Route"
    staff_only = True
    rollup = True

    provider = dimension(cdr.c.provider_id, "Provider")
    route = dimension(cdr.c.provider_card_id, "Provider rate card")
    attempts = measure(route_attempts, "Branches sent to the route, first choice or not", unit="attempts")
    answered_calls = measure(answered, "Answered calls", unit="calls")
    asr = ratio(answered, route_attempts, "Answer seizure ratio: answered calls per branch (ITU-T E.411)", unit="0..1")
    ner = ratio(
        effective,
        route_attempts,
        "Network effectiveness ratio: branches answered, busy, not answered or declined, per branch (ITU-T E.425)",
        unit="0..1",
    )
    acd = ratio(talk_time, answered, "Average call duration: mean conversation time (ITU-T E.425)", unit="s")
    pdd_p50 = measure(
        percentile(cdr.c.pdd_out, 0.5, _DELAYS), "Post-dial delay that half of the branches do not exceed", unit="ms"
    )
    pdd_p95 = measure(
        percentile(cdr.c.pdd_out, 0.95, _DELAYS), "Post-dial delay that 95 % of the branches do not exceed", unit="ms"
    )

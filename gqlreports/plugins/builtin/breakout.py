"""Breakout: traffic, quality and money by destination."""

from gqlreports.plugins import (
    SECONDS,
    ByCurrency,
    Report,
    answered,
    cdr,
    currency,
    dimension,
    effective,
    measure,
    percentile,
    ratio,
    route_attempts,
    total,
)
from gqlreports.plugins import attempts as seizures
from gqlreports.plugins import customer_charge as revenue
from gqlreports.plugins import provider_charge as cost
from gqlreports.plugins import talk_time as conversation

_DELAYS = "post-dial delays"
_profit = revenue.minus(cost)


class Breakout(Report):
    """Traffic, quality and money by destination."""

    title = "Breakout"
    Parameters = ByCurrency

    destination_code = dimension(cdr.c.customer_card_dest_code, "Destination code of the customer's rate card")
    destination_name = dimension(cdr.c.customer_card_dest_name, "Its name there")
    attempts = measure(seizures, "Call attempts", unit="calls")
    connected = measure(answered, "Answered calls", unit="calls")
    asr = ratio(answered, seizures, "Answer seizure ratio: answered calls per attempt (ITU-T E.411)", unit="0..1")
    acd = ratio(conversation, answered, "Average call duration: mean conversation time (ITU-T E.425)", unit="s")
    ner = ratio(
        effective,
        route_attempts,
        "Network effectiveness ratio: branches answered, busy, not answered or declined, per branch, whatever the "
        "basis (ITU-T E.425)",
        unit="0..1",
    )
    talk_time = measure(conversation, "Conversation time of answered calls", unit="s")
    customer_duration = measure(
        total(cdr.c.customer_duration, "seconds billed to the customer", unit=SECONDS),
        "Duration billed to the customer",
        unit="s",
    )
    provider_duration = measure(
        total(cdr.c.provider_duration, "seconds billed by the providers", unit=SECONDS),
        "Duration billed by the providers",
        unit="s",
        staff_only=True,
    )
    customer_charge = measure(
        revenue.total, "What the customer was charged; null for several currencies", unit="customerCurrency"
    )
    customer_currency = currency(revenue, "The one currency of the customer's non-zero charges")
    provider_charge = measure(
        cost.total,
        "What the providers charged; null for several currencies",
        unit="providerCurrency",
        staff_only=True,
    )
    provider_currency = currency(cost, "The one currency of the providers' non-zero charges", staff_only=True)
    profit = measure(
        _profit.total,
        "The customer's charges less the providers'; null unless all that are not zero are in one currency",
        unit="profitCurrency",
        staff_only=True,
    )
    profit_currency = measure(
        _profit.currency, "The one currency of all non-zero charges", unit="ISO 4217", staff_only=True
    )
    margin = ratio(
        _profit.total, revenue.total, "Profit per customer charge; negative for a loss", unit="0..1", staff_only=True
    )
    pdd_p50 = measure(
        percentile(cdr.c.pdd_out, 0.5, _DELAYS), "Post-dial delay that half of the branches do not exceed", unit="ms"
    )
    pdd_p95 = measure(
        percentile(cdr.c.pdd_out, 0.95, _DELAYS), "Post-dial delay that 95 % of the branches do not exceed", unit="ms"
    )

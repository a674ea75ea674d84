"""DTMF: what keypad input costs."""

from sqlalchemy import and_, func

from gqlreports.plugins import (
    ByCurrency,
    Report,
    answered,
    cdr,
    count,
    currency,
    dimension,
    is_answered,
    measure,
    ratio,
    total,
)
from gqlreports.plugins import provider_charge as charge

_pressed = and_(is_answered, func.notEmpty(cdr.c.dtmf))
_dtmf_calls = count(_pressed, "answered calls in which a key was pressed")
_digits = total(func.toInt64(func.length(cdr.c.dtmf)), "keys pressed on answered calls", is_answered)


class Dtmf(Report):
    """Keypad input by provider route, and what it costs."""

    title = "DTMF"
    staff_only = True
    Parameters = ByCurrency
    rollup = True

    route = dimension(cdr.c.provider_card_id, "Provider rate card")
    answered_calls = measure(answered, "Answered calls", unit="calls")
    dtmf_calls = measure(_dtmf_calls, "Answered calls in which a key was pressed", unit="calls")
    dtmf_ratio = ratio(_dtmf_calls, answered, "Calls with a key pressed per answered call", unit="0..1")
    digits = measure(_digits, "Keys pressed on answered calls", unit="keys")
    provider_currency = currency(charge, "Currency of the provider's charges")
    provider_charge = measure(charge.total, "The provider's charges", unit="providerCurrency")
    cost_per_digit = ratio(charge.total, _digits, "The provider's charges per key pressed", unit="providerCurrency")

"""The figures one by one, each on calls that tell it from its neighbours."""

from typing import Any

import pytest

from gqlreports.plugins import (
    CountingBasis,
    Report,
    attempts,
    cdr,
    customer_charge,
    dimension,
    effective,
    measure,
    provider_charge,
    ratio,
    route_attempts,
    talk_time,
)
from gqlreports.testing import run_report
from tests.support.sites import Engine

_profit = customer_charge.minus(provider_charge)


class Money(Report):
    """Profit by account."""

    account = dimension(cdr.c.account, "Account")
    profit = measure(_profit.total, "Profit", unit="currency")
    currency = measure(_profit.currency, "Currency")
    margin = ratio(_profit.total, customer_charge.total, "Profit per charge", unit="0..1")
    rate = ratio(customer_charge.total, talk_time, "Charge per second", unit="currency")


class Branches(Report):
    """Branches by account."""

    account = dimension(cdr.c.account, "Account")
    calls = measure(attempts, "Calls")
    branches = measure(route_attempts, "Branches")
    effective = measure(effective, "Effective branches")


def charged(customer: str, its: str, provider: str, theirs: str) -> dict[str, str]:
    return {
        "customer_charge": customer, "customer_card_currency": its,
        "provider_charge": provider, "provider_card_currency": theirs,
    }  # fmt: skip


MONEY: dict[str, tuple[list[dict[str, str]], tuple[str | None, str | None, float | None]]] = {
    "one currency": ([charged("3", "USD", "1", "USD")], ("2", "USD", 2 / 3)),
    "a loss": ([charged("1", "USD", "1.5", "USD")], ("-0.5", "USD", -0.5)),
    "two currencies": ([charged("3", "USD", "1", "EUR")], (None, None, None)),
    "two of the customer": ([charged("3", "USD", "0", ""), charged("3", "EUR", "0", "")], (None, None, None)),
    "two of the provider": ([charged("0", "", "3", "USD"), charged("0", "", "3", "EUR")], (None, None, None)),
    "two on different calls": ([charged("3", "USD", "0", "USD"), charged("0", "EUR", "1", "EUR")], (None, None, None)),
    "no charge in the other": ([charged("3", "USD", "0", "EUR")], ("3", "USD", 1.0)),
    "only the provider": ([charged("0", "EUR", "1", "USD")], ("-1", "USD", None)),
    "nothing": ([charged("0", "EUR", "0", "USD")], ("0", None, None)),
    "none named": ([charged("3", "", "1", "")], ("2", None, 2 / 3)),
    "one not named": ([charged("3", "USD", "1", "")], (None, None, None)),
    "cancelled out": ([charged("3", "USD", "1", "USD"), charged("-3", "USD", "1", "USD")], ("-2", "USD", None)),
    "widest": (
        [charged("9999999999.99999999", "USD", "-9999999999.99999999", "USD")],
        ("19999999999.99999998", "USD", 2.0),
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def money(engine: Engine) -> dict[str, dict[str, Any]]:
    engine.close()
    calls = [call | {"account": account} for account, (charges, _) in MONEY.items() for call in charges]
    return {row["account"]: row for row in run_report(Money, calls)}


@pytest.mark.parametrize("account", MONEY)
def test_a_difference_never_mixes_currencies(money: dict[str, dict[str, Any]], account: str) -> None:
    row = money[account]
    assert (row["profit"], row["currency"], row["margin"]) == MONEY[account][1]


def test_money_over_seconds_is_decimal_and_counts_their_fractions(engine: Engine) -> None:
    engine.close()
    calls = [
        {"account": "long", "duration": "30.5", "customer_charge": "1"},
        {"account": "short", "duration": "0.4", "customer_charge": "1"},
        {"account": "untalked", "duration": "0", "customer_charge": "1"},
    ]
    assert {row["account"]: row["rate"] for row in run_report(Money, calls)} == {
        "long": "0.03278689",
        "short": "2.5",
        "untalked": None,
    }


@pytest.mark.parametrize("basis", CountingBasis)
def test_effective_branches(engine: Engine, basis: CountingBasis) -> None:
    """RFC 6076, section 4.7: 480, 486, 600 and 603 are what a network can do no better than."""
    engine.close()
    statuses = {200: True, 202: True, 480: True, 486: True, 600: True, 603: True}
    statuses |= dict.fromkeys((0, 183, 302, 404, 408, 484, 487, 500, 503, 604), False)
    calls = [
        {"account": str(status), "sip_code": str(status), "duration": "0", "callid": str(status), "branch_idx": branch}
        for status in statuses
        for branch in ("0", "1", "2")
    ]
    rows = {row["account"]: row for row in run_report(Branches, calls, basis)}
    first = 1 if basis is CountingBasis.CALL else 3
    assert rows == {
        str(status): {"account": str(status), "calls": first, "branches": 3, "effective": 3 if effective else 0}
        for status, effective in statuses.items()
    }

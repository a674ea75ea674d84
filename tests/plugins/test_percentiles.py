"""Percentiles against their definition, value by value."""

import random
from fractions import Fraction
from math import ceil
from typing import Any

import pytest

from gqlreports.plugins import Report, cdr, dimension, measure, percentile
from gqlreports.testing import run_report
from tests.support.sites import Engine

LEVELS = ("0.001", "0.07", "0.14", "0.29", "0.3333333333333333", "0.5", "0.9", "0.95", "0.9500000000000001", "1")
COLUMNS = {f"at_{place}": level for place, level in enumerate(LEVELS)}
Levels = type(
    "Levels",
    (Report,),
    {"__doc__": "Percentiles by account.", "account": dimension(cdr.c.account, "Account")}
    | {
        name: measure(percentile(cdr.c.pdd_out, float(level), "delays"), "Delay", unit="ms")
        for name, level in COLUMNS.items()
    },
)


def by_definition(values: list[int], level: str) -> int | None:
    """The smallest value v such that at least ceil(level * n) values are <= v."""
    enough = ceil(Fraction(level) * len(values))
    return min((v for v in values if sum(other <= v for other in values) >= enough), default=None)


def groups() -> dict[str, list[int | None]]:
    """Every size up to 40, a few above, with and without ties and nulls, the extremes of the type among them."""
    draw = random.Random(5)
    made: dict[str, list[int | None]] = {"only nulls": [None, None], "extremes": [0, 2**32 - 1]}
    for size in (*range(1, 41), 100, 1000):
        distinct: list[int | None] = [*draw.sample(range(10**6), size)]
        made[f"distinct {size}"] = distinct
        made[f"ties {size}"] = [draw.choice((0, 7, 8, 90, None)) for _ in range(size)]
    return made


def test_every_level_of_every_group(engine: Engine) -> None:
    engine.close()
    calls = [
        {"account": account, "pdd_out": "" if value is None else str(value), "branch_idx": str(place % 3)}
        for account, values in groups().items()
        for place, value in enumerate(values)
    ]
    rows = {row["account"]: row for row in run_report(Levels, calls)}
    for account, values in groups().items():
        known = [value for value in values if value is not None]
        expected = {name.replace("_", ""): by_definition(known, level) for name, level in COLUMNS.items()}
        found: dict[str, Any] = {name: rows[account][name] for name in expected}
        assert found == expected, account


@pytest.mark.parametrize("level", [0, -0.5, 1.01, 95])
def test_what_is_no_level(level: float) -> None:
    with pytest.raises(ValueError, match=f"not {level}"):
        percentile(cdr.c.pdd_out, level, "delays")

"""What the tests of a report author use: a report over a few calls, and the conformance kit."""

from gqlreports.testing.breaches import RULES, Breach, Rule
from gqlreports.testing.conformance import breaches, conformance
from gqlreports.testing.running import run_report

__all__ = ["RULES", "Breach", "Rule", "breaches", "conformance", "run_report"]

"""The conformance kit: runs a report over the golden calls and holds it to the rules.

It knows nothing of a report's SQL.  Each rule says of two answers that they must agree: with corrections and without,
with other customers' calls and without, the sum of the rows and the totals, and so on.
"""

import asyncio
import tempfile
from pathlib import Path
from typing import Any

from gqlreports.plugins import Report
from gqlreports.plugins.registry import RegisteredReport
from gqlreports.tables import CALLS
from gqlreports.testing.breaches import DECLARED, RULES, Breach, Rule
from gqlreports.testing.declaration import declaration_breaches, refusal
from gqlreports.testing.examination import Examination
from gqlreports.testing.golden_store import golden_store


def breaches(report: type[Report], name: str = "TESTED") -> tuple[Breach, ...]:
    """Run a report over the golden calls, and return the rules that it breaks, each once for each column.

    `name` is that of its entry point.  This opens an embedded store in a temporary directory, so no other may be open
    in the process.  Raises ValueError for a report about another fact, since the golden rows are calls.
    """
    if report.fact is not CALLS:
        raise ValueError(
            f"{report.__name__} is about {report.fact.name}, and the kit has only calls: test it with rows of your own."
        )
    registered = RegisteredReport(name, report(), "tests")
    if (refused := refusal(registered)) is not None:
        return (refused,)
    with tempfile.TemporaryDirectory() as folder:
        examined = asyncio.run(_examined(registered, Path(folder)))
    return (*declaration_breaches(registered), *examined)


async def _examined(report: RegisteredReport, folder: Path) -> tuple[Breach, ...]:
    async with golden_store(report, folder) as store:
        examination = Examination(report, store)
        await examination.run()
        return tuple(examination.found.values())


_found: dict[tuple[type[Report], str], tuple[Breach, ...]] = {}


def hold(report: type[Report], rule: Rule, name: str = "TESTED") -> None:
    """Fail the test that runs if the report breaks the rule, and skip it if the server leaves the report out.

    The kit runs once for each report of a process.
    """
    import pytest

    if (report, name) not in _found:
        _found[report, name] = breaches(report, name)
    found = _found[report, name]
    if any(each.refused for each in found) and rule is not DECLARED:
        pytest.skip(f"not tried: the server leaves {report.__name__} out")
    if broken := [str(each) for each in found if each.rule is rule]:
        pytest.fail("\n\n".join(broken), pytrace=False)


def conformance(report: type[Report]) -> Any:
    """A class of tests for pytest, one for each rule: `TestMyReport = conformance(MyReport)`.

    A test fails with what the report breaks the rule by: the column, the values, and what to do.
    """
    import pytest

    class TestConformance:
        @pytest.mark.parametrize("rule", RULES, ids=[each.name for each in RULES])
        def test_rule(self, rule: Rule) -> None:
            hold(report, rule)

    return TestConformance

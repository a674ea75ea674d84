"""Three reports over one range in one request, of three types and one under three aliases, beside each alone."""

from datetime import timedelta

from benchmarks.calls import LARGE
from benchmarks.results import Section, Table
from benchmarks.server import server
from benchmarks.statements import Question, day, request
from benchmarks.store import Home
from benchmarks.timing import summed_up

TOGETHER = "three types in one request"
THRICE = "one type under three aliases"
REPORTS = ("GROUP_BY_TECH_PREFIX", "ASR_PER_ROUTE", "RELEASE_REASONS")
RUNS = 21


def measured(home: Home, runs: int = RUNS) -> Section:
    """Over 30 days of the large customer; each time the range is another one, an hour later."""
    taken: dict[str, list[float]] = {name: [] for name in (TOGETHER, THRICE, *REPORTS)}
    with server(home) as client:
        for run in range(-1, runs):
            names = list(taken)
            for place, name in enumerate(names[:: -1 if run % 2 else 1]):
                start = day(100) + timedelta(hours=4 * (run + 1) + place)
                asked = [Question(report, LARGE, start, start + timedelta(days=30)) for report in REPORTS]
                bodies = {TOGETHER: request(asked), THRICE: request(asked[:1] * 3)}
                bodies |= {report: each.body for report, each in zip(REPORTS, asked, strict=True)}
                milliseconds = client.product(bodies[name]).milliseconds
                if run >= 0:
                    taken[name].append(milliseconds)
    times = {name: summed_up(each) for name, each in taken.items()}
    longest = max(times[name].p50 for name in REPORTS)
    rows = [[name, f"{each.p50:.1f}", f"{each.p95:.1f}"] for name, each in times.items()]
    figures = {"together": times[TOGETHER].p50, "longest alone": longest}
    figures |= {"thrice": times[THRICE].p50, "once": times[REPORTS[0]].p50}
    return Section(figures, [Table("Three reports in one request", ["", "p50, ms", "p95, ms"], rows)])

"""The rules that a report is held to, and what is told of one that breaks them."""

import textwrap
from dataclasses import dataclass

_WIDTH = 79


@dataclass(frozen=True)
class Rule:
    """What a report promises, as a sentence, and what to do if it does not keep it."""

    name: str
    promise: str
    advice: str


DECLARED = Rule(
    "declared",
    "Names and descriptions tell callers what a column is.",
    "Change the declaration; docs/writing-reports.md has what each part is for.",
)
RUNS = Rule(
    "runs",
    "It runs with every basis, with each value of a parameter, for staff and for partners, over calls and over none; "
    "each value is of its column's type.",
    "Let the SQL return the declared type, or declare the other type; a figure that may be null, as one divided by "
    "nothing, has nullable=True.",
)
SIGN = Rule(
    "sign",
    "A call that was corrected or taken back counts as if it had always been so.",
    "Sum with the sign: use count, total, percentile or Sum and Tally of gqlreports.plugins for func.count, func.sum, "
    "func.min and the like, or multiply by cdr.c.sign.",
)
RANGE = Rule(
    "range",
    "Only calls in the range count, from its first millisecond until just before its last.",
    "Read the table as gqlreports.plugins.cdr, which holds the calls of the range alone; name no database.",
)
ISOLATION = Rule(
    "isolation",
    "Calls and telephone numbers of other customers change nothing.",
    "Read calls as gqlreports.plugins.cdr, and look numbers up by cdr.c.customer_id.",
)
DETERMINISM = Rule(
    "determinism",
    "The same calls give the same answer: when asked again, stored in another order or in other parts, and merged.",
    "Leave out what depends on chance, on the time of asking or on the order of rows: rand, now, any, first_value, "
    "LIMIT without ORDER BY, and sums of Float; sum whole numbers and decimals.",
)
SUMS = Rule(
    "sums",
    "Rows, subtotals, days and parts of the range add up to the totals, for figures that may be added.",
    "Declare a figure that cannot be added with additivity=Additivity.NOT_ADDITIVE; let a statement of your own return "
    "for no dimensions what all its rows are made of.",
)
RATIOS = Rule(
    "ratios",
    "Figures that may not be added, such as ratios, are computed for totals from all calls of the rows.",
    "Compute totals from the sums over all rows, as ratio does; an average of the rows' ratios is another number.",
)
ROLLUP = Rule(
    "rollup",
    "Sums that are kept by the hour give the same answer as the calls, to the last digit.",
    "Sum whole numbers and decimals that depend on the call alone, or leave out `rollup`.",
)
RULES = (DECLARED, RUNS, SIGN, RANGE, ISOLATION, DETERMINISM, SUMS, RATIOS, ROLLUP)


@dataclass(frozen=True)
class Breach:
    """A rule that a report breaks, by which column, and where: in rows, totals or elsewhere, and how it was asked.

    `column` is the name that callers see, empty for the report as a whole.  A `refused` report was not tried further,
    because the server leaves it out.

    `values` are what was compared: in words what each is, and the value.  `advice` is the rule's, unless it is known
    better what to do.
    """

    rule: Rule
    report: str
    column: str
    where: str
    values: tuple[tuple[str, object], ...]
    advice: str = ""
    refused: bool = False

    def __str__(self) -> str:
        """Several lines of at most 79 characters; only a value may be longer."""
        told = textwrap.fill(f"{self.report} breaks the rule `{self.rule.name}`: {self.rule.promise}", _WIDTH)
        place = ", ".join(part for part in (self.column and f"column {self.column}", self.where) if part)
        width = max((len(words) for words, _ in self.values), default=0) + 1
        values = [f"    {words + ':':<{width}} {value!r}" for words, value in self.values]
        return "\n".join([told, _indented(place), *values, _indented(self.advice or self.rule.advice)])


def _indented(text: str) -> str:
    return textwrap.fill(text, _WIDTH, initial_indent="  ", subsequent_indent="  ")

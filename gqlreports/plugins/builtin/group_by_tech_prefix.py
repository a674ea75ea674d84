"""Group By Tech Prefix: how well each routing prefix completes."""

from gqlreports.plugins import Report, answered, attempts, cdr, dimension, measure, ratio, talk_time


class GroupByTechPrefix(Report):
    """Call quality by routing technical prefix."""

    title = "Group By Tech Prefix"
    rollup = True

    tech_prefix = dimension(cdr.c.tech_prefix, "Digits that selected the route; the empty prefix is a group of its own")
    asr = ratio(answered, attempts, "Answer seizure ratio: answered calls per attempt (ITU-T E.411)", unit="0..1")
    acd = ratio(talk_time, answered, "Average call duration: mean conversation time (ITU-T E.425)", unit="s")
    answered_calls = measure(answered, "Answered calls", unit="calls")
    total = measure(attempts, "Call attempts", unit="calls")

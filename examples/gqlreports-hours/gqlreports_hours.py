"""Calls by hour, a report of its own package for gqlreports."""

from sqlalchemy import cast, func

from gqlreports.plugins import MOMENT, Report, answered, attempts, cdr, dimension, measure, ratio, talk_time


class CallsByHour(Report):
    """Calls, and how well they completed, by the hour in which they began."""

    hour = dimension(
        cast(func.toStartOfHour(cdr.c.dt), MOMENT.sql), "Hour in which the call began, in UTC", type=MOMENT
    )
    calls = measure(attempts, "Call attempts", unit="calls")
    answered_calls = measure(answered, "Answered calls", unit="calls")
    asr = ratio(answered, attempts, "Answered calls per attempt", unit="0..1")
    talk_time = measure(talk_time, "Time talked", unit="s")

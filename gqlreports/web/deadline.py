"""How long a request may take."""

import re
import time

from starlette.requests import Request

from gqlreports.backends.request import DEADLINE
from gqlreports.web.errors import Refused

HEADER = "X-Request-Timeout"
_SECONDS = re.compile(r"[0-9]{1,9}(\.[0-9]{1,3})?")


def set_deadline(request: Request, most: float) -> float:
    """Set the deadline of a request, and return its seconds: `most`, or fewer where the caller says so.

    Raises Refused for a header that is no number.
    """
    given = request.headers.get(HEADER)
    if given is not None and not _SECONDS.fullmatch(given):
        raise Refused(400, f"`{HEADER}` must be a number of seconds, as in 2.5.")
    seconds = most if given is None else min(most, float(given))
    DEADLINE.set(time.monotonic() + seconds)
    return seconds

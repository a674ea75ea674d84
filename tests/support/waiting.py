"""Waiting for what happens in another thread, process or server.

How long it takes depends on what else the machine does, so a test never asserts a time: it waits as long as a
person would, and fails where the thing never happens.
"""

import time
from collections.abc import Callable

PATIENCE = 60.0
"""Seconds, for any one thing."""


def wait_until(condition: Callable[[], bool], pause: float = 0.05) -> None:
    """Return once `condition` is true; AssertionError after `PATIENCE` seconds."""
    began = time.monotonic()
    while not condition():
        assert time.monotonic() - began < PATIENCE, "It did not happen."
        time.sleep(pause)

"""The time, as the directory keeps it."""

from datetime import UTC, datetime


def utc_now() -> datetime:
    """UTC without an offset."""
    return datetime.now(UTC).replace(tzinfo=None)

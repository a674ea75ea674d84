"""From when on counts what a file of numbering data or DIDs says otherwise than the store."""

from dataclasses import dataclass
from datetime import UTC, datetime

from gqlreports.errors import InvalidInput

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Effective:
    """The moment from which on a file counts, by default the beginning of the current day (UTC).

    With `corrects`, what was known before was wrong all along, so that the file counts for all calls.  Raises
    InvalidInput for a moment before there were any calls.
    """

    moment: datetime | None = None
    corrects: bool = False

    def __post_init__(self) -> None:
        if self.moment is not None and self.moment <= _EPOCH:
            raise InvalidInput("What counts for all calls is a correction: give --correct, without --effective.")

    def __str__(self) -> str:
        return "counts for all calls" if self.corrects else f"counts from {self.start:%Y-%m-%d %H:%M} UTC on"

    @property
    def start(self) -> datetime:
        return self.moment or datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)

    @property
    def values(self) -> dict[str, int | bool]:
        """The query parameters `effective` (ms since 1970), `now` (us) and `corrects`."""
        now = datetime.now(UTC)
        return {
            "effective": int((self.start - _EPOCH).total_seconds() * 1000),
            "now": int((now - _EPOCH).total_seconds() * 1_000_000),
            "corrects": self.corrects,
        }


TODAY = Effective()

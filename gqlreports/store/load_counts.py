"""What became of the records of a file."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, fields

from gqlreports.store.files import RejectSink
from gqlreports.store.records import SwitchRecord


@dataclass
class LoadCounts:
    """What became of the records of a file; together they are all of them.

    `there_before` were stored by earlier loads, `repeated` have the key of an earlier row of this file, and `left_out`
    are no calls by the file's layout.
    """

    added: int = 0
    corrected: int = 0
    there_before: int = 0
    repeated: int = 0
    left_out: int = 0
    rejected: int = 0
    joined: int = field(default=0, compare=False)
    """How many records are the later half of a call that is counted by its other half."""
    waiting: int = field(default=0, compare=False)
    """How many records wait for their other half, which a later file may have."""
    read: int = field(default=0, compare=False)
    """All records of the file."""
    differing: int = field(default=0, compare=False)
    """How many of those there before, and of those repeated, say something else than what is stored."""
    first_call: int | None = field(default=None, compare=False)
    last_call: int | None = field(default=None, compare=False)
    """Start of the earliest and of the latest call, in milliseconds since 1970."""
    customers: Counter[str] = field(default_factory=Counter, compare=False)
    """How many valid rows there are of each customer."""
    reasons: Counter[str] = field(default_factory=Counter, compare=False)
    """Why rows were rejected, and how many for each reason."""
    no_first: list[str] = field(default_factory=list, compare=False)
    """Some callids of calls without an attempt 0, which do not count as calls."""
    two_answers: list[str] = field(default_factory=list, compare=False)
    """Some callids of calls that were answered on two attempts."""
    refused: list[str] = field(default_factory=list, compare=False)
    """Messages about the files of an archive that were refused."""
    archive: bool = field(default=False, compare=False)
    """Whether the file is an archive, each of whose files has its own file of rejects."""
    layout: str = field(default="", compare=False)
    """The name of the layout, if the file has one."""
    load: int = field(default=0, compare=False)
    """The load's id."""

    def reject(self, records: Iterator[SwitchRecord], rejects: RejectSink) -> None:
        """Reject records of which only the end of the files tells that they have no other half."""
        for record in records:
            rejects.add(record.at, record.reason)
            self.rejected += 1
            self.read += 1
            self.reasons[record.reason] += 1

    @property
    def in_vain(self) -> bool:
        """Whether the file has records, and all were rejected."""
        return self.read == self.rejected > 0

    def add(self, other: "LoadCounts") -> None:
        """Add the counts of another file of the same archive."""
        for each in fields(self):
            mine, its = getattr(self, each.name), getattr(other, each.name)
            if each.name in ("first_call", "last_call"):
                known = [value for value in (mine, its) if value is not None]
                value = (min if each.name == "first_call" else max)(known) if known else None
                setattr(self, each.name, value)
            elif each.name in ("archive", "waiting"):
                # These are of the load as a whole.
                continue
            elif each.name in ("layout", "load"):
                setattr(self, each.name, its)
            elif isinstance(mine, Counter):
                mine.update(its)
            elif isinstance(mine, list):
                mine.extend(its)
            else:
                setattr(self, each.name, mine + its)

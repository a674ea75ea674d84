"""Tries to log in, and when there were too many of them.

Nobody guesses without bound, and nobody keeps others out.  Who fails too often at one name from one network has to
wait; so has a network that fails at many names, and a name at which many networks fail.  The latter two do not hold
for someone who has logged in from that network of late, so that strangers who guess lock nobody out of where they work.
"""

import math
from datetime import datetime, timedelta
from ipaddress import IPv6Address, ip_address, ip_network

from sqlalchemy import ColumnElement, delete, select
from sqlalchemy.orm import Session

from gqlreports.directory.key_text import key_hash
from gqlreports.directory.models import LogIn
from gqlreports.errors import TooManyLogIns

WINDOW = timedelta(minutes=15)
"""How long a failure counts."""
KNOWN_FOR = timedelta(days=30)
"""How long someone is known where they logged in."""
OF_A_NAME_FROM_A_NETWORK = 5
OF_A_NETWORK = 30
OF_A_NAME = 100
# The part of an IPv6 address that one subscriber has for its own.
_SUBSCRIBER = 64


def begin(session: Session, name: str, source: str | None, now: datetime) -> None:
    """Takes a try down as a failure, before it is known, so that many at once are as many failures.

    Raises TooManyLogIns, alike for names that are no user's; such a try does not count.
    """
    session.execute(delete(LogIn).where(LogIn.at <= now - WINDOW, ~LogIn.succeeded))
    session.execute(delete(LogIn).where(LogIn.at <= now - KNOWN_FOR))
    session.add(_log_in(name, source, now, succeeded=False))
    session.flush()
    same_name, same_network = _same(name, source)
    _check(session, now, OF_A_NAME_FROM_A_NETWORK, same_name, same_network)
    if session.scalar(select(LogIn.id).where(same_name, same_network, LogIn.succeeded).limit(1)) is None:
        _check(session, now, OF_A_NETWORK, same_network)
        _check(session, now, OF_A_NAME, same_name)


def succeed(session: Session, name: str, source: str | None, now: datetime) -> None:
    """The failures of that name from there are forgotten."""
    session.execute(delete(LogIn).where(*_same(name, source)))
    session.add(_log_in(name, source, now, succeeded=True))


def _check(session: Session, now: datetime, most: int, *which: ColumnElement[bool]) -> None:
    latest = select(LogIn.at).where(*which, ~LogIn.succeeded).order_by(LogIn.at.desc())
    # The try itself is the first of them.
    oldest = session.scalar(latest.offset(most).limit(1))
    if oldest is not None:
        raise TooManyLogIns(max(1, math.ceil((oldest + WINDOW - now).total_seconds())))


def _log_in(name: str, source: str | None, now: datetime, *, succeeded: bool) -> LogIn:
    return LogIn(at=now, name_hash=key_hash(name), source=_network(source), succeeded=succeeded)


def _same(name: str, source: str | None) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return LogIn.name_hash == key_hash(name), LogIn.source == _network(source)


def _network(source: str | None) -> str:
    if source is None:
        return ""
    address = ip_address(source)
    if isinstance(address, IPv6Address):
        mapped = address.ipv4_mapped
        return str(mapped or ip_network((address, _SUBSCRIBER), strict=False))
    return str(address)

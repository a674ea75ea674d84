"""Maps every failure of a store to an error of gqlreports; nothing else decides what a failure means."""

import logging
import re

import aiohttp
from clickhouse_connect.driver import exceptions as driver

from gqlreports.errors import (
    QueryCancelled,
    QueryTimeout,
    QueryTooLarge,
    StatementRefused,
    StoreBusy,
    StoreError,
    StoreUnavailable,
    UnreadableData,
)

Meaning = tuple[type[StoreError], str]
"""An error class and a message.

The part of the message after a semicolon is for callers; operators see ClickHouse's own words instead.
"""
ACCESS_DENIED = 497
_CODE = re.compile(r"Code: (\d+)")
_WORDS = re.compile(r"Code: \d+\. DB::Exception: .*", re.DOTALL)
_LOGGED = 4000
"""How many characters of a failure are logged, counted from its end."""
_SHOWN = 400
"""How many characters of ClickHouse's words are shown at the shell, counted from their beginning."""
_FRAME = re.compile(
    r"^Code: \d+\. DB::Exception: |((?i::? (?:in scope|while executing)) .*)?"
    r"( \([A-Z_]+\))?( \(version [^)]*\))?( \(for url [^)]*\))?$"
)
"""The text around ClickHouse's words: the failure's number and name, the statement, the version and the address."""
_RIGHT = re.compile(r"(.*): Not enough privileges\. To execute this query, it's necessary to have (the grant .*)")

_FAILED: Meaning = (StoreError, "The store could not answer; the log says why.")
_UNREACHABLE: Meaning = (StoreUnavailable, "The store cannot be reached; try again in a moment.")
_BROKEN: Meaning = (StoreUnavailable, "The store broke off its answer; try again in a moment.")
_TIMED_OUT: Meaning = (QueryTimeout, "The query took longer than it may; choose a shorter range.")
_REFUSED: Meaning = (StoreUnavailable, "The store refuses its user; the operator must check GQLREPORTS_STORE.")
_NO_DATABASE: Meaning = (StoreUnavailable, "The store's database does not exist; the operator must create it.")
_BUSY: Meaning = (StoreBusy, "The store has too much to do; try again in a moment.")
_MEMORY: Meaning = (QueryTooLarge, "The query needs more memory than it may use; choose a shorter range.")
_UNREADABLE: Meaning = (UnreadableData, "The rows cannot be read.")

BY_CODE: dict[int, Meaning] = {
    26: (UnreadableData, "The rows cannot be read: a quote is not closed."),
    27: (UnreadableData, "The rows cannot be read: a cell goes on behind its closing quote."),
    48: (StoreError, "The report asks for what this store cannot do; the log says what."),
    81: _NO_DATABASE,
    117: _UNREADABLE,
    158: (QueryTooLarge, "The query reads more rows than it may; choose a shorter range."),
    159: _TIMED_OUT,
    160: (QueryTimeout, "The query would take longer than it may; choose a shorter range."),
    164: (StoreError, "The store may only be read here; the log says why."),
    173: _MEMORY,
    192: _REFUSED,
    193: _REFUSED,
    194: _REFUSED,
    201: _BUSY,
    202: _BUSY,
    209: _UNREACHABLE,
    210: _UNREACHABLE,
    241: _MEMORY,
    242: (StoreUnavailable, "The store takes no rows now: it has lost its keeper."),
    243: (StoreUnavailable, "The store's disk is full: free some space, then try again."),
    279: (StoreUnavailable, "A server of the store's cluster cannot be reached; try again in a moment."),
    307: (QueryTooLarge, "The query reads more bytes than it may; choose a shorter range."),
    394: (QueryCancelled, "The report was cancelled."),
    396: (QueryTooLarge, "The query has more rows than it may have; choose a shorter range."),
    425: _UNREACHABLE,
    439: _BUSY,
    452: (StoreUnavailable, "The store's profile forbids a setting; the log says which."),
    ACCESS_DENIED: (StoreError, "The store's user lacks a right; the log says which."),
    516: _REFUSED,
    999: (StoreUnavailable, "The store has lost its keeper; try again in a moment."),
}
"""The meanings by ClickHouse's error code."""

BY_CLASS: dict[type[BaseException], Meaning] = {
    aiohttp.ConnectionTimeoutError: _UNREACHABLE,
    aiohttp.SocketTimeoutError: _TIMED_OUT,
    TimeoutError: _TIMED_OUT,
    aiohttp.ClientError: _UNREACHABLE,
    aiohttp.ClientPayloadError: _BROKEN,
    OSError: _UNREACHABLE,
    driver.StreamFailureError: _BROKEN,
    driver.StreamClosedError: _BROKEN,
    driver.StreamCompleteException: _BROKEN,
    driver.OperationalError: _UNREACHABLE,
    driver.DatabaseError: (
        StoreUnavailable,
        "What answers at the store's address is not ClickHouse; the log says what it is.",
    ),
    driver.DataError: _UNREADABLE,
    driver.IntegrityError: _FAILED,
    driver.InternalError: _FAILED,
    driver.ProgrammingError: _FAILED,
    driver.NotSupportedError: _FAILED,
    driver.InterfaceError: _FAILED,
    driver.Error: _FAILED,
    driver.Warning: _FAILED,
    driver.ClickHouseError: _FAILED,
}
"""The meanings by class, for errors without a code: the query never reached ClickHouse, or its answer was cut off."""


def is_of_statement(error: BaseException) -> bool:
    """Whether a statement failed for what it says, and not for the state of the store or the rights of its user."""
    if isinstance(error, StatementRefused):
        return True
    failure = error.__cause__ if isinstance(error, StoreError) else error
    code = getattr(failure, "code", None)
    return code is not None and BY_CODE.get(code, _FAILED) in (_FAILED, BY_CODE[48])


class ReadFailed(Exception):
    """A query failed; `code` is ClickHouse's error code, or None if there is none."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        found = _CODE.search(message)
        self.code = int(found[1]) if found else None


_rollups = logging.getLogger("gqlreports.rollups")


def rollup_failed(report: str, error: BaseException) -> None:
    """Log that a report's rollup cannot be made.  The plugin that asks for it must not keep the store from others."""
    _rollups.error("The store cannot make the rollup of the report %s. %s", report, log_text(error))


FAILURES = (ReadFailed, driver.ClickHouseError, driver.StreamCompleteException, aiohttp.ClientError, OSError)
"""The exceptions that a backend may run into."""


def store_error(error: BaseException) -> StoreError:
    """The error to raise for a failure."""
    kind, message = _meaning(error)
    return kind(message, with_words(message, error))


def log_text(error: BaseException) -> str:
    """A failure on one line: ClickHouse's own words, without any rows that it printed before it failed."""
    end = str(error)[-_LOGGED:]
    found = _WORDS.search(end)
    return " ".join((found[0] if found else end).split())


def with_words(message: str, error: BaseException) -> str:
    """A message for operators with ClickHouse's words, on one line and without the statement."""
    what, semicolon, _ = message.partition(";")
    words = _RIGHT.sub(r"\1 needs \2", _FRAME.sub("", log_text(error)))[:_SHOWN]
    return f"{what}: {words.rstrip('.')}." if semicolon and words else message


def lost_connection(error: BaseException) -> bool:
    """Whether the connection failed, and not the query.  A read may then be retried."""
    return may_still_run(error) and _meaning(error) in (_UNREACHABLE, _BROKEN)


def may_still_run(error: BaseException) -> bool:
    """Whether the query may still run in ClickHouse: without an error code, ClickHouse has not ended it itself."""
    return getattr(error, "code", None) is None


def _meaning(error: BaseException) -> Meaning:
    code = getattr(error, "code", None)
    if code is not None:
        return BY_CODE.get(code, _FAILED)
    for each in (error.__cause__, error):
        for kind in type(each).__mro__:
            if kind in BY_CLASS:
                return BY_CLASS[kind]
    return _FAILED

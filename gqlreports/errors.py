"""The errors that callers of the API and users of the shell may see.

    ReportsError
    ├── InvalidInput             BAD_USER_INPUT       an argument is invalid
    │   ├── InvalidRange         INVALID_RANGE        `from` is not before `to`
    │   └── LimitExceeded        LIMIT_EXCEEDED       the request exceeds a limit
    │       └── TooManyRequests  LIMIT_EXCEEDED       too much at once, or within a minute
    ├── NotFound                 NOT_FOUND            no such customer for this caller
    ├── Unauthenticated          UNAUTHENTICATED      no key or session, or an invalid one
    ├── Forbidden                FORBIDDEN            the caller's role may not do this
    ├── TooManyLogIns            RATE_LIMITED         too many log-ins, or too many that failed
    ├── StoreError               STORE_FAILED         the store could not answer
    │   ├── StoreUnavailable     STORE_UNAVAILABLE    the store cannot be reached or opened
    │   ├── StoreBusy            STORE_BUSY           the store is overloaded for now
    │   ├── QueryTimeout         TIMEOUT              the query exceeded its time limit
    │   ├── QueryCancelled       CANCELLED            the query was stopped
    │   ├── QueryTooLarge        QUERY_TOO_LARGE      the query exceeded its limit of memory or rows
    │   ├── UnreadableData       UNREADABLE_DATA      rows to insert that cannot be read
    │   └── StatementRefused     STATEMENT_REFUSED    a report's SQL names more than its customers' calls
    ├── DirectoryUnavailable     DIRECTORY_UNAVAILABLE  customers and keys cannot be opened
    ├── ProviderUnavailable      PROVIDER_UNAVAILABLE   the identity provider's keys cannot be fetched
    ├── ShuttingDown             SHUTTING_DOWN        this process is shutting down
    ├── PersistedQueryNotFound   PERSISTED_QUERY_NOT_FOUND  a hash of an unknown document
    ├── DocumentNotAllowed       DOCUMENT_NOT_ALLOWED a document that is not on the operator's list
    ├── NotInstalled             NOT_INSTALLED        required packages are not installed
    ├── LoadError                LOAD_REFUSED         a file that cannot be loaded at all
    └── PluginError              PLUGIN_REFUSED       a report plugin that cannot be used

Each message is a sentence that may be shown to the caller; it never contains SQL or a path on the server.
`StoreError` keeps the driver's exception as its cause, for the log, and has a second message for the shell.
"""

from typing import ClassVar

# Up to here JSON carries whole numbers exactly, because many parsers read them as doubles.
_LARGEST = 2**53


class ReportsError(Exception):
    """The base class of all errors.  GraphQL callers see `code` as `extensions.code`."""

    code: ClassVar[str] = "INTERNAL"

    @property
    def extensions(self) -> dict[str, object]:
        return {"code": self.code}


class InvalidInput(ReportsError):
    code = "BAD_USER_INPUT"


class InvalidRange(InvalidInput):
    code = "INVALID_RANGE"


class LimitExceeded(InvalidInput):
    """Raised if `value`, which the caller requested, exceeds the `allowance` of the limit named `limit`."""

    code = "LIMIT_EXCEEDED"

    def __init__(self, limit: str, value: int, allowance: int, advice: str = "") -> None:
        value = min(value, _LARGEST)
        super().__init__(f"`{limit}` is {value} here, and at most {allowance} is allowed{advice and f': {advice}'}.")
        self.limit, self.value, self.allowance = limit, value, allowance

    @property
    def extensions(self) -> dict[str, object]:
        return {"code": self.code, "limit": self.limit, "value": self.value, "allowance": self.allowance}


class TooManyRequests(LimitExceeded):
    """Raised for too many requests or reports; `retry_after` is in seconds."""

    def __init__(self, limit: str, value: int, allowance: int, retry_after: int) -> None:
        super().__init__(limit, value, allowance, f"try again in {retry_after} s")
        self.retry_after = retry_after


class NotFound(ReportsError):
    code = "NOT_FOUND"


class Unauthenticated(ReportsError):
    code = "UNAUTHENTICATED"


class Forbidden(ReportsError):
    code = "FORBIDDEN"


class TooManyLogIns(ReportsError):
    """Raised for too many log-ins; `retry_after` is in seconds."""

    code = "RATE_LIMITED"

    def __init__(self, retry_after: int) -> None:
        super().__init__(f"Too many log-ins; try again in {retry_after} s.")
        self.retry_after = retry_after


class StoreError(ReportsError):
    """The store failed.  At the shell `for_operators` replaces the message; it may quote ClickHouse."""

    code = "STORE_FAILED"

    def __init__(self, message: str, for_operators: str | None = None) -> None:
        super().__init__(message)
        self.for_operators = for_operators or message


class StoreUnavailable(StoreError):
    code = "STORE_UNAVAILABLE"


class StoreBusy(StoreError):
    code = "STORE_BUSY"


class QueryTimeout(StoreError):
    code = "TIMEOUT"


class QueryCancelled(StoreError):
    code = "CANCELLED"


class QueryTooLarge(StoreError):
    code = "QUERY_TOO_LARGE"


class UnreadableData(StoreError):
    code = "UNREADABLE_DATA"


class StatementRefused(StoreError):
    """A statement names something that it must not: `reached`, for the log."""

    code = "STATEMENT_REFUSED"

    def __init__(self, reached: str) -> None:
        what = "This report reaches for more than its customers' calls"
        super().__init__(f"{what}; the operator's log says for what.", f"{what}: {reached}.")
        self.reached = reached


class DirectoryUnavailable(ReportsError):
    code = "DIRECTORY_UNAVAILABLE"


class ProviderUnavailable(ReportsError):
    code = "PROVIDER_UNAVAILABLE"


class ShuttingDown(ReportsError):
    code = "SHUTTING_DOWN"


class PersistedQueryNotFound(ReportsError):
    code = "PERSISTED_QUERY_NOT_FOUND"


class DocumentNotAllowed(ReportsError):
    code = "DOCUMENT_NOT_ALLOWED"


class NotInstalled(ReportsError):
    code = "NOT_INSTALLED"


class LoadError(ReportsError):
    code = "LOAD_REFUSED"


class PluginError(ReportsError):
    code = "PLUGIN_REFUSED"

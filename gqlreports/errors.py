"""Everything that can go wrong, for callers of the API and for users of the shell.

    ReportsError
    ├── InvalidInput             BAD_USER_INPUT       an argument that cannot be meant
    │   ├── InvalidRange         INVALID_RANGE        `from` is not before `to`
    │   └── LimitExceeded        LIMIT_EXCEEDED       more was asked than is allowed
    ├── NotFound                 NOT_FOUND            no such customer for this caller
    ├── Unauthenticated          UNAUTHENTICATED      no key, or one that does not hold
    ├── StoreError               STORE_FAILED         the store could not answer
    │   ├── StoreUnavailable     STORE_UNAVAILABLE    the store cannot be reached or opened
    │   ├── StoreBusy            STORE_BUSY           the store has too much to do just now
    │   ├── QueryTimeout         TIMEOUT              the query took longer than it may
    │   ├── QueryCancelled       CANCELLED            the query was stopped
    │   ├── QueryTooLarge        QUERY_TOO_LARGE      the query needs more memory or rows than it may
    │   ├── UnreadableData       UNREADABLE_DATA      rows to insert that cannot be read
    │   └── StatementRefused     STATEMENT_REFUSED    a report's SQL reaches for more than its customer's calls
    ├── DirectoryUnavailable     DIRECTORY_UNAVAILABLE  customers and keys cannot be opened
    ├── ProviderUnavailable      PROVIDER_UNAVAILABLE   the identity provider's keys cannot be fetched
    ├── LoadError                LOAD_REFUSED         a file that cannot be loaded at all
    └── PluginError              PLUGIN_REFUSED       a report plugin that cannot be used

The message of each is a sentence that may be shown to the caller: it never holds SQL or a path of the server.
`StoreError` keeps the driver's own exception as its cause, for the log.
"""

from typing import ClassVar


class ReportsError(Exception):
    """The root of the tree.  `code` is what GraphQL callers find in `extensions.code`."""

    code: ClassVar[str] = "INTERNAL"

    @property
    def extensions(self) -> dict[str, object]:
        return {"code": self.code}


class InvalidInput(ReportsError):
    code = "BAD_USER_INPUT"


class InvalidRange(InvalidInput):
    code = "INVALID_RANGE"


class LimitExceeded(InvalidInput):
    code = "LIMIT_EXCEEDED"


class NotFound(ReportsError):
    code = "NOT_FOUND"


class Unauthenticated(ReportsError):
    code = "UNAUTHENTICATED"


class StoreError(ReportsError):
    code = "STORE_FAILED"


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
    """`reached` is what the statement names and must not, for the log."""

    code = "STATEMENT_REFUSED"

    def __init__(self, reached: str) -> None:
        super().__init__("This report reaches for more than its customer's calls; the operator's log says for what.")
        self.reached = reached


class DirectoryUnavailable(ReportsError):
    code = "DIRECTORY_UNAVAILABLE"


class ProviderUnavailable(ReportsError):
    code = "PROVIDER_UNAVAILABLE"


class LoadError(ReportsError):
    code = "LOAD_REFUSED"


class PluginError(ReportsError):
    code = "PLUGIN_REFUSED"

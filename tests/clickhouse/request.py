"""One HTTP request, as ClickHouse reads it."""

import base64
import re
import uuid
from email import message_from_bytes
from urllib.parse import parse_qsl

from starlette.types import Scope

# URL parameters that the HTTP transport consumes; every other one is a setting.
TRANSPORT = frozenset(
    [
        "query",
        "database",
        "default_format",
        "query_id",
        "session_id",
        "session_timeout",
        "session_check",
        "user",
        "password",
        "role",
        "quota_key",
        "compress",
        "decompress",
        "wait_end_of_query",
        "buffer_size",
        "client_protocol_version",
        "enable_http_compression",
        "http_zlib_compression_level",
        "send_progress_in_http_headers",
        "http_headers_progress_interval_ms",
        "cancel_http_readonly_queries_on_client_close",
        "http_write_exception_in_output_format",
    ]
)
# A chDB stream is a run of self-contained encodings: only these may be concatenated.
STREAMABLE = {"native", "tabseparated", "tsv", "csv", "rowbinary", "jsoneachrow", "arrowstream"}
COMMENT = r"(?:\s|--[^\n]*\n|/\*.*?\*/)*"
SELECT = re.compile(rf"{COMMENT}\(*(select|with)\b", re.IGNORECASE | re.DOTALL)
FORMAT = re.compile(r"\bformat\s+(\w+)\s*(?:settings\b[^)]*)?;?\s*$", re.IGNORECASE)
KILLED = re.compile(
    rf"{COMMENT}kill\s+query\s+where\s+query_id\s*=\s*(?:'([^']*)'|\{{(\w+):String\}})", re.IGNORECASE | re.DOTALL
)
LARGEST_FIELD = 128 * 1024
"""`http_max_field_value_size`, as a server has it by default."""


class Problem(Exception):
    """An error answer, with ClickHouse's code."""

    def __init__(self, message: str, code: int | None = None) -> None:
        message = re.sub(r"^(?:Streaming \w+ (?:\w+ )?failed: )+", "", message)
        found = re.search(r"Code: (\d+)", message)
        self.code = code or (int(found[1]) if found else 1001)
        self.text = message if found else f"Code: {self.code}. DB::Exception: {message}"
        super().__init__(self.text)


class Request:
    """What one HTTP request asks for."""

    def __init__(self, scope: Scope, password: str | None) -> None:
        self.headers = {name.decode().lower(): value.decode() for name, value in scope["headers"]}
        self.parameters = dict(parse_qsl(scope["query_string"].decode(), keep_blank_values=True))
        if password and self._credentials() != password:
            raise Problem("Authentication failed: password is incorrect. (AUTHENTICATION_FAILED)", 516)
        self.id = self.parameters.get("query_id") or str(uuid.uuid4())
        self.sql = self.parameters.get("query", "")
        self.database: str | None = None
        self.values: dict[str, str] = {}
        self.settings: dict[str, str] = {}
        self.format = "TabSeparated"
        self.streams = False
        self._get = scope["method"] == "GET"

    @property
    def session(self) -> str | None:
        return self.parameters.get("session_id")

    def read_form(self, body: bytes) -> None:
        """multipart/form-data: the query and its parameters."""
        head = b"Content-Type: " + self.headers["content-type"].encode() + b"\r\n\r\n"
        for part in message_from_bytes(head + body).walk():
            if part.is_multipart():
                continue
            if part.get_filename():
                raise Problem("External data is not supported by this front. (NOT_IMPLEMENTED)", 48)
            value = part.get_payload(decode=True)
            assert isinstance(value, bytes)
            if len(value) > LARGEST_FIELD + 1:
                raise Problem("Field value too long (POCO_EXCEPTION)", 1000)
            self.parameters[str(part.get_param("name", header="content-disposition"))] = value.decode()
        self.sql = self.parameters.get("query", "")

    def settle(self, sql: str) -> None:
        """Take the statement, once the body is read, and tell settings from values."""
        given = self.parameters
        self.sql = sql
        self.database = given.get("database") or self.headers.get("x-clickhouse-database")
        self.values = {name[6:]: value for name, value in given.items() if name.startswith("param_")}
        self.settings = {
            name: value for name, value in given.items() if name not in TRANSPORT and not name.startswith("param_")
        }
        if self._get:
            self.settings.setdefault("readonly", "2")
        named = FORMAT.search(sql)
        default = given.get("default_format") or self.headers.get("x-clickhouse-format") or self.format
        self.format = named[1] if named else default
        self.streams = (
            given.get("wait_end_of_query") != "1"
            and self.format.lower() in STREAMABLE
            and self.settings.get("output_format_json_array_of_rows") != "1"
            and SELECT.match(sql) is not None
        )

    def killed(self) -> str | None:
        """The id of the query that this one is to kill."""
        found = KILLED.match(self.sql)
        if not found:
            return None
        return found[1] if found[1] is not None else self.values[found[2]]

    def _credentials(self) -> str:
        scheme, _, value = self.headers.get("authorization", "").partition(" ")
        if scheme == "Basic":
            return base64.b64decode(value).decode()
        if scheme == "Bearer":
            return f"token:{value}"
        return f"{self.parameters.get('user', 'default')}:{self.parameters.get('password', '')}"

"""Who asks: keys, sessions and tokens; whether a browser meant it; and what is let in."""

from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv6Address, ip_address
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from anyio import CapacityLimiter
from anyio.to_thread import run_sync
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request

from gqlreports.directory.directory import Directory
from gqlreports.directory.keys import PREFIX
from gqlreports.directory.principal import Principal
from gqlreports.errors import ReportsError, Unauthenticated
from gqlreports.web.errors import Refused
from gqlreports.web.http import is_json
from gqlreports.web.lifecycle import Shutdown
from gqlreports.web.limits import Rates

if TYPE_CHECKING:
    from gqlreports.directory.tokens import Tokens

COOKIE = "gqlreports_session"
_TOKENS_AT_ONCE = 4


class Authentication:
    """Reads `Authorization: Bearer`, or where there is no such header the cookie of a session; never the address."""

    def __init__(self, directory: Directory, tokens: "Tokens | None" = None) -> None:
        self._directory = directory
        self._tokens = tokens
        # A provider that does not answer must not hold up the holders of keys.
        self._token_threads = CapacityLimiter(_TOKENS_AT_ONCE)

    async def principal(self, request: Request) -> Principal:
        """The caller, who is in `request.state.principal` from then on, for the log too.

        Raises Unauthenticated, DirectoryUnavailable and ProviderUnavailable.
        """
        request.state.principal = principal = await self._found(request)
        return principal

    async def _found(self, request: Request) -> Principal:
        token = session_token(request)
        if token is not None and "authorization" not in request.headers:
            return await self._holder(token)
        credential = _bearer(request)
        if self._tokens is not None and not credential.startswith(PREFIX):
            return await run_sync(self._tokens.authenticate, credential, limiter=self._token_threads)
        source = source_of(request)
        if (remembered := self._directory.remembered(credential, source)) is not None:
            return remembered
        return await run_in_threadpool(self._directory.authenticate, credential, source)

    async def _holder(self, token: str) -> Principal:
        sessions = self._directory.sessions
        if (remembered := sessions.remembered(token)) is not None:
            return remembered
        return await run_in_threadpool(sessions.principal, token)


def session_token(request: Request) -> str | None:
    """What the cookie of a session holds."""
    return request.cookies.get(COOKIE)


def source_of(request: Request) -> str | None:
    """The address of the caller, or of the last proxy that is not trusted; None if there is none.

    A trusted proxy may have passed on any text as one.
    """
    return _address(request.client.host if request.client else "")


@lru_cache(1024)
def _address(text: str) -> str | None:
    try:
        address = ip_address(text)
    except ValueError:
        return None
    return None if isinstance(address, IPv6Address) and address.scope_id else str(address)


def challenge(request: Request) -> str:
    """The header `WWW-Authenticate` of an answer 401, as in RFC 6750."""
    return 'Bearer error="invalid_token"' if "authorization" in request.headers else "Bearer"


def _bearer(request: Request) -> str:
    given = request.headers.getlist("authorization")
    scheme, _, credential = given[0].partition(" ") if len(given) == 1 else ("", "", "")
    if scheme.lower() != "bearer" or not credential.strip():
        raise Unauthenticated("Log in, or send your key in the header `Authorization: Bearer <key>`.")
    return credential.strip()


PREFLIGHT_HEADER = "GraphQL-Require-Preflight"


def check_meant(request: Request) -> None:
    """Raises Refused for a request with cookies alone, which a page elsewhere may have made a browser send.

    A browser asks this site first, and is told no, before it sends another site's request with a header of that site's
    own choosing, or with a JSON body.  So one that has either was meant by who sent it.  Keys come in a header, and
    need nothing else; whatever is let in by a cookie must pass here.

    A download is a plain navigation, to which the panel can add no header.  There the browser itself says where the
    request is from: in `Sec-Fetch-Site`, which no page can set or change, since it begins with `Sec-`; and where the
    address is not one of TLS, and browsers leave that out, in `Referer`, which a page may leave out too, but can never
    make that of another site.  Both are behind `SameSite=Strict`, by which a browser sends no cookie of ours from
    another site at all.
    """
    headers = request.headers
    own = "authorization" in headers or PREFLIGHT_HEADER in headers or is_json(headers.get("content-type", ""))
    if "cookie" in headers and not own and not _from_here(request):
        message = f"A request with cookies needs the header `{PREFLIGHT_HEADER}: 1`, so that no other site can send it."
        raise Refused(403, message, {"code": "PREFLIGHT_REQUIRED"})


def _from_here(request: Request) -> bool:
    """Whether the browser says that a page of this server asked."""
    if (site := request.headers.get("sec-fetch-site")) is not None:
        return site == "same-origin"
    referrer = urlsplit(request.headers.get("referer", ""))
    return (referrer.scheme, referrer.netloc) == (request.url.scheme, request.headers.get("host"))


@dataclass(frozen=True)
class Gate:
    """Lets in who is known and does not ask too often, until the process ends."""

    authentication: Authentication
    rates: Rates
    shutdown: Shutdown

    async def principal(self, request: Request) -> Principal:
        """Raises Refused."""
        try:
            self.shutdown.check()
            check_meant(request)
            principal = await self.authentication.principal(request)
            self.rates.count(principal.key_id)
        except Unauthenticated as error:
            headers = {"WWW-Authenticate": challenge(request)}
            raise Refused(401, str(error), error.extensions, headers) from error
        except ReportsError as error:
            raise Refused.by(error) from error
        return principal

"""Authenticates callers by keys, sessions and tokens, guards against cross-site requests, and admits requests."""

import base64
import binascii
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache, partial
from ipaddress import IPv6Address, ip_address
from typing import TYPE_CHECKING, TypeVarTuple
from urllib.parse import urlsplit

from anyio import CapacityLimiter
from anyio.to_thread import run_sync
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request

from gqlreports.backends.sharing import SharedTask
from gqlreports.directory.directory import Directory
from gqlreports.directory.keys import PREFIX
from gqlreports.directory.principal import Principal
from gqlreports.errors import Forbidden, ReportsError, TooManyRequests, Unauthenticated
from gqlreports.web.errors import Refused
from gqlreports.web.http import is_json
from gqlreports.web.lifecycle import Shutdown
from gqlreports.web.limits import Rate, Rates

if TYPE_CHECKING:
    from gqlreports.directory.tokens import Tokens

Secret = TypeVarTuple("Secret")

COOKIE = "gqlreports_session"
_TOKENS_AT_ONCE = 4


class Authentication:
    """Reads `Authorization: Bearer`, or a session's cookie if there is no such header; never the URL."""

    def __init__(self, directory: Directory, tokens: "Tokens | None" = None) -> None:
        self._directory = directory
        self._tokens = tokens
        # Tokens get threads of their own, so that a provider that does not answer cannot delay holders of keys.
        self._token_threads = CapacityLimiter(_TOKENS_AT_ONCE)
        self._lookups: dict[object, SharedTask[Principal]] = {}

    async def principal(self, request: Request, basic: bool = False) -> Principal:
        """The caller, which is also stored in `request.state.principal`, among other things for the log.

        With `basic`, a key may also come as the password of `Authorization: Basic`.  Raises Unauthenticated,
        DirectoryUnavailable and ProviderUnavailable.
        """
        request.state.principal = principal = await self._found(request, basic)
        return principal

    async def _found(self, request: Request, basic: bool) -> Principal:
        token = session_token(request)
        if token is not None and "authorization" not in request.headers:
            return await self._holder(token)
        credential = _credential(request, basic)
        if self._tokens is not None and not credential.startswith(PREFIX):
            return await run_sync(self._tokens.authenticate, credential, limiter=self._token_threads)
        key = credential, source_of(request)
        return await self._found_once(key, self._directory.remembered, self._directory.authenticate)

    async def _holder(self, token: str) -> Principal:
        sessions = self._directory.sessions
        return await self._found_once((token,), sessions.remembered, sessions.principal)

    async def _found_once(
        self,
        secret: tuple[*Secret],
        remembered: Callable[[*Secret], Principal | None],
        look_up: Callable[[*Secret], Principal],
    ) -> Principal:
        """The holder of a secret.  The requests that bring it at the same time share one look-up in the directory."""
        if (principal := remembered(*secret)) is not None:
            return principal
        if (lookup := self._lookups.get(secret)) is not None:
            await lookup.result()
            # If the key was revoked since that look-up began, nothing of it is remembered.
            principal = remembered(*secret)
            return principal if principal is not None else await run_in_threadpool(look_up, *secret)
        work = run_in_threadpool(look_up, *secret)
        self._lookups[secret] = lookup = SharedTask(work, partial(self._end, secret))
        return await lookup.result()

    def _end(self, secret: object) -> None:
        self._lookups.pop(secret, None)


def session_token(request: Request) -> str | None:
    """The token in a session's cookie, or None."""
    return request.cookies.get(COOKIE)


def source_of(request: Request) -> str | None:
    """The address of the caller, or of the last untrusted proxy; None if there is no valid address.

    A trusted proxy may have forwarded any text as the address.
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
    """The header `WWW-Authenticate` of a 401 response, as in RFC 6750."""
    return 'Bearer error="invalid_token"' if "authorization" in request.headers else "Bearer"


def _credential(request: Request, basic: bool) -> str:
    given = request.headers.getlist("authorization")
    scheme, _, credential = given[0].partition(" ") if len(given) == 1 else ("", "", "")
    if basic and scheme.lower() == "basic":
        credential = _password(credential.strip())
    elif scheme.lower() != "bearer":
        credential = ""
    if not credential.strip():
        raise Unauthenticated("Log in, or send your key in the header `Authorization: Bearer <key>`.")
    return credential.strip()


@lru_cache(128)
def _password(credential: str) -> str:
    """The password of basic authentication; the user's name may be anything."""
    try:
        return base64.b64decode(credential, validate=True).decode().partition(":")[2]
    except (binascii.Error, UnicodeDecodeError):
        return ""


PREFLIGHT_HEADER = "GraphQL-Require-Preflight"


def check_meant(request: Request) -> None:
    """Raise Refused for a request with only cookies, since another site may have made a browser send it.

    Before a browser sends a request of another site with a custom header or a JSON body, it asks this site in a
    preflight request, which is denied.  So a request with either of them is intended by its sender.  Keys come in a
    header and need no further check.  Every request that a cookie authenticates must pass this one.

    A download is a plain navigation, so the panel cannot add a header.  Here the browser itself says where the request
    comes from.  It does so in `Sec-Fetch-Site`, which no page can set or change, since it begins with `Sec-`.  Browsers
    omit that header without TLS; then `Referer` decides.  A page can omit `Referer` too, but it can never forge another
    site's.  Both are a second defence after `SameSite=Strict`, with which a browser sends none of our cookies from
    another site.
    """
    headers = request.headers
    own = "authorization" in headers or PREFLIGHT_HEADER in headers or is_json(headers.get("content-type", ""))
    if "cookie" in headers and not own and not _from_here(request):
        message = f"A request with cookies needs the header `{PREFLIGHT_HEADER}: 1`, so that no other site can send it."
        raise Refused(403, message, {"code": "PREFLIGHT_REQUIRED"})


def _from_here(request: Request) -> bool:
    """Whether the browser says that the request comes from a page of this server."""
    if (site := request.headers.get("sec-fetch-site")) is not None:
        return site == "same-origin"
    referrer = urlsplit(request.headers.get("referer", ""))
    return (referrer.scheme, referrer.netloc) == (request.url.scheme, request.headers.get("host"))


@dataclass(frozen=True)
class Gate:
    """Admits requests of authenticated callers within their rate limit, until the shutdown begins."""

    authentication: Authentication
    rates: Rates
    shutdown: Shutdown

    async def principal(self, request: Request) -> Principal:
        """The caller of an admitted request for data.  Raises Refused for any other."""
        principal = await self._admitted(request)
        try:
            if not principal.role.reads:
                raise Forbidden("This key may load CDRs and do nothing else.")
            request.state.rate = self.rates.count(principal.key_id)
        except TooManyRequests as error:
            request.state.rate = Rate(error.allowance, 0, error.retry_after)
            raise Refused.by(error) from error
        except ReportsError as error:
            raise Refused.by(error) from error
        return principal

    async def loader(self, request: Request) -> Principal:
        """The caller of an admitted request that loads.  Raises Refused for any other.

        Loads do not count for the rate limit: a switch posts each call, and must not be told to stop.
        """
        principal = await self._admitted(request, basic=True)
        if not principal.role.loads:
            raise Refused.by(Forbidden("This caller may not load CDRs; that needs a key of the role `loader`."))
        return principal

    async def _admitted(self, request: Request, basic: bool = False) -> Principal:
        try:
            self.shutdown.check()
            check_meant(request)
            return await self.authentication.principal(request, basic)
        except Unauthenticated as error:
            headers = {"WWW-Authenticate": challenge(request)}
            raise Refused(401, str(error), error.extensions, headers) from error
        except ReportsError as error:
            raise Refused.by(error) from error

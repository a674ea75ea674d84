"""Who sends a request: a user with a session, or the holder of a key or of a token of the identity provider."""

from functools import lru_cache
from ipaddress import IPv6Address, ip_address
from typing import TYPE_CHECKING

from anyio import CapacityLimiter
from anyio.to_thread import run_sync
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request

from gqlreports.directory.directory import Directory
from gqlreports.directory.keys import PREFIX
from gqlreports.directory.principal import Principal
from gqlreports.errors import Unauthenticated

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
    """The address of the caller, or of the last proxy that is not trusted; None where there is none.

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

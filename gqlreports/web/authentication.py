"""Who asks: the key that a request came with."""

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request

from gqlreports.directory.directory import Directory
from gqlreports.directory.principal import Principal
from gqlreports.errors import Unauthenticated

CHALLENGE = {"WWW-Authenticate": "Bearer"}


async def authenticated(request: Request, directory: Directory) -> Principal:
    """Raises Unauthenticated, or DirectoryUnavailable."""
    scheme, _, key = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not key.strip():
        raise Unauthenticated("Send your key in the header `Authorization: Bearer <key>`.")
    return await run_in_threadpool(directory.authenticate, key.strip())

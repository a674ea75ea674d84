"""Who may ask, settled before anything of a request runs."""

from dataclasses import dataclass

from starlette.requests import Request

from gqlreports.directory.principal import Principal
from gqlreports.errors import ReportsError, Unauthenticated
from gqlreports.web.authentication import Authentication, challenge
from gqlreports.web.csrf import check_meant
from gqlreports.web.draining import Draining
from gqlreports.web.errors import Refused
from gqlreports.web.rates import Rates


@dataclass(frozen=True)
class Gate:
    """Lets in who is known and does not ask too often, until the process ends."""

    authentication: Authentication
    rates: Rates
    draining: Draining

    async def principal(self, request: Request) -> Principal:
        """Raises Refused."""
        try:
            self.draining.check()
            check_meant(request)
            principal = await self.authentication.principal(request)
            self.rates.count(principal.key_id)
        except Unauthenticated as error:
            headers = {"WWW-Authenticate": challenge(request)}
            raise Refused(401, str(error), error.extensions, headers) from error
        except ReportsError as error:
            raise Refused.by(error) from error
        return principal

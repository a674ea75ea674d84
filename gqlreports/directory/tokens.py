"""Checks an identity provider's tokens: JWTs as in OpenID Connect, verified with the provider's published keys."""

import logging
import re
import time
from collections.abc import Mapping
from typing import Any

import jwt
from jwt import PyJWKClient, PyJWTError

from gqlreports.directory.principal import Principal, Role
from gqlreports.directory.token_rules import TokenRules
from gqlreports.errors import ProviderUnavailable, Unauthenticated

logger = logging.getLogger(__name__)


ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
"""Only algorithms with a key pair, never with a shared secret, and never `none`."""
CLOCK_SKEW = 30
"""Seconds by which the provider's clock may differ from ours."""
_KEYS_LAST = 300
_FETCH_TIMEOUT = 5
_BETWEEN_FETCHES = 10
_REQUIRED = ["exp", "iss", "aud", "sub"]
_SUBJECT = re.compile("[!-~]{1,255}")
_LONGEST_NAME = 255


class Tokens:
    """Finds the holder of a token.  Blocks while the provider's keys are fetched."""

    def __init__(self, rules: TokenRules) -> None:
        self._rules = rules
        self._keys = _ProviderKeys(rules.jwks_url)

    def authenticate(self, token: str) -> Principal:
        """The caller that a token identifies.

        Raises Unauthenticated if the token is invalid, has no role, or is a partner's without customers.  Raises
        ProviderUnavailable if the provider's keys cannot be obtained.
        """
        try:
            claims = self._claims(token)
        except (PyJWTError, ValueError, RecursionError, OverflowError) as error:
            logger.info("A token does not hold (%s).", type(error).__name__)
            raise Unauthenticated("This token is not valid; sign in again.") from None
        return self._principal(claims)

    def _claims(self, token: str) -> dict[str, Any]:
        header = jwt.get_unverified_header(token)
        if header.get("alg") not in ALGORITHMS or not isinstance(header.get("kid"), str):
            raise jwt.InvalidAlgorithmError
        key = self._keys.get_signing_key(header["kid"])
        return jwt.decode(
            token,
            key,
            ALGORITHMS,
            issuer=self._rules.issuer,
            audience=self._rules.audience,
            leeway=CLOCK_SKEW,
            options={"require": _REQUIRED, "enforce_minimum_key_length": True},
        )

    def _principal(self, claims: Mapping[str, Any]) -> Principal:
        subject, role = claims["sub"], self._role(claims)
        if role is None or not _SUBJECT.fullmatch(subject):
            logger.info("A token names no role here.")
            raise Unauthenticated("This token names no role here; ask the operator.")
        customers = None
        if role is Role.PARTNER:
            customers = frozenset(_texts(claims, self._rules.customers_claim))
            if not customers:
                raise Unauthenticated("This token names no customers; ask the operator.")
        return Principal(f"oidc:{subject}", _name(claims), role, customers)

    def _role(self, claims: Mapping[str, Any]) -> Role | None:
        """The most powerful role among the claim's values, or None."""
        named = {self._rules.roles.get(each) for each in _texts(claims, self._rules.role_claim)}
        return next((role for role in Role if role in named), None)


class _ProviderKeys(PyJWKClient):
    """The provider's keys, which are fetched when needed and kept for 5 minutes.

    An unknown key causes a new fetch, but not within 10 seconds of the last one.  After a failure, nothing is fetched
    for 10 seconds.
    """

    def __init__(self, url: str) -> None:
        super().__init__(url, lifespan=_KEYS_LAST, timeout=_FETCH_TIMEOUT, cooldown_duration=_BETWEEN_FETCHES)
        self._rest_until = 0.0

    def fetch_data(self) -> Any:
        """Fetch the keys.  Raises ProviderUnavailable if that fails, or shortly after a failure."""
        unavailable = ProviderUnavailable("Tokens cannot be checked now; try again soon.")
        if time.monotonic() < self._rest_until:
            raise unavailable
        try:
            return super().fetch_data()
        except (PyJWTError, ValueError) as error:
            logger.error("The keys of the identity provider cannot be fetched.", exc_info=error)
            self._rest_until = time.monotonic() + _BETWEEN_FETCHES
            raise unavailable from error


def _texts(claims: Mapping[str, Any], name: str) -> list[str]:
    """The texts in a claim, which may be a single text or a list."""
    found: Any = claims
    if name in claims:
        found = claims[name]
    else:
        for part in name.split("."):
            found = found.get(part) if isinstance(found, dict) else None
    listed = found if isinstance(found, list) else [found]
    return [each for each in listed if isinstance(each, str) and each]


def _name(claims: Mapping[str, Any]) -> str:
    name, subject = claims.get("name"), str(claims["sub"])
    return name[:_LONGEST_NAME] if isinstance(name, str) and name.isprintable() and name.strip() else subject

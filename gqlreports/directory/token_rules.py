"""The rules for an identity provider's tokens.

They are separate from the code that checks tokens, since its packages are not part of every installation.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from gqlreports.config import Settings
from gqlreports.directory.principal import Role
from gqlreports.errors import InvalidInput


@dataclass(frozen=True)
class TokenRules:
    """Which tokens are valid, and what their claims mean.

    A claim is given by its name, or by its path, for example `realm_access.roles`.  `roles` maps the values of the role
    claim to roles.
    """

    issuer: str
    audience: str
    jwks_url: str
    role_claim: str
    roles: Mapping[str, Role]
    customers_claim: str


def token_rules(settings: Settings) -> TokenRules | None:
    """The rules, or None if no provider is set.  Raises InvalidInput for incomplete settings and for an invalid URL."""
    issuer, audience, url = settings.oidc_issuer, settings.oidc_audience, settings.oidc_jwks_url
    if not (issuer or audience or url):
        return None
    if not (issuer and audience and url):
        names = "GQLREPORTS_OIDC_ISSUER, GQLREPORTS_OIDC_AUDIENCE and GQLREPORTS_OIDC_JWKS_URL"
        raise InvalidInput(f"Tokens need all of {names}, or none of them.")
    if not url.startswith(("https://", "http://")):
        raise InvalidInput("GQLREPORTS_OIDC_JWKS_URL is a URL that begins with https:// or http://.")
    roles = {value: Role(role) for value, role in settings.oidc_roles.items()}
    return TokenRules(issuer, audience, url, settings.oidc_role_claim, roles, settings.oidc_customers_claim)

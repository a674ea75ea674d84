"""Tokens of an identity provider that runs here: which hold, and what their claims mean."""

import base64
import hmac
import json
import time
from collections.abc import Iterator
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gqlreports.config import Settings
from gqlreports.directory import tokens as module
from gqlreports.directory.principal import Principal, Role
from gqlreports.directory.token_rules import TokenRules, token_rules
from gqlreports.directory.tokens import Tokens
from gqlreports.errors import InvalidInput, ProviderUnavailable, Unauthenticated
from tests.support.provider import AUDIENCE, ISSUER, MAKE, Provider, provider

ROLES = {"staff": Role.STAFF, "partner": Role.PARTNER, "reports-admin": Role.ADMIN}


@pytest.fixture
def idp() -> Iterator[Provider]:
    with provider() as made:
        yield made


def tokens_of(idp: Provider, **changed: Any) -> Tokens:
    rules = {"role_claim": "roles", "roles": ROLES, "customers_claim": "customers"}
    return Tokens(TokenRules(ISSUER, AUDIENCE, idp.url, **(rules | changed)))


@pytest.fixture
def tokens(idp: Provider) -> Tokens:
    return tokens_of(idp)


def segment(value: object) -> str:
    text = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(text).rstrip(b"=").decode()


@pytest.mark.parametrize("algorithm", MAKE)
def test_a_token_that_holds(idp: Provider, tokens: Tokens, algorithm: str) -> None:
    idp.add_key("second", algorithm)
    assert tokens.authenticate(idp.token("second", name="Ann Ash")) == Principal(
        "oidc:ann", "Ann Ash", Role.STAFF, None
    )


NOW = int(time.time())


@pytest.mark.parametrize(
    "claims",
    [
        {"iss": None},
        {"iss": ISSUER.rstrip("/")},
        {"iss": [ISSUER]},
        {"aud": None},
        {"aud": "another"},
        {"aud": ["another"]},
        {"aud": []},
        {"sub": None},
        {"sub": ""},
        {"sub": 7},
        {"sub": "a\nb"},
        {"sub": "ünïcode"},
        {"sub": "x" * 256},
        {"exp": None},
        {"exp": NOW - 60},
        {"exp": "soon"},
        {"exp": 1e400},
        {"nbf": NOW + 3600},
        {"iat": NOW + 3600},
        {"roles": None},
        {"roles": []},
        {"roles": ["admin"]},
        {"roles": "staff admin"},
        {"roles": [["staff"]]},
        {"roles": {"staff": True}},
        {"roles": 1},
        {"roles": ["STAFF"]},
        {"roles": ["partner"]},
        {"roles": ["partner"], "customers": []},
        {"roles": ["partner"], "customers": [1001]},
        {"roles": ["partner"], "customers": {"1001": 1}},
        {"roles": ["partner"], "customers": ""},
    ],
)
def test_claims_that_do_not_let_in(idp: Provider, tokens: Tokens, claims: dict[str, Any]) -> None:
    assert tokens.authenticate(idp.token())
    with pytest.raises(Unauthenticated):
        tokens.authenticate(idp.token(**claims))


@pytest.mark.parametrize("seconds", [-25, 0, 25])
def test_clocks_may_differ_by_half_a_minute(idp: Provider, tokens: Tokens, seconds: int) -> None:
    now = int(time.time())
    assert tokens.authenticate(idp.token(exp=now - 28 + abs(seconds), nbf=now + seconds, iat=now + seconds))


@pytest.mark.parametrize(
    ("claims", "role", "customers"),
    [
        ({"roles": "staff"}, Role.STAFF, None),
        ({"roles": ["other", "staff"]}, Role.STAFF, None),
        ({"roles": ["partner", "staff", "reports-admin"]}, Role.ADMIN, None),
        ({"roles": ["partner", "staff"], "customers": ["1"]}, Role.STAFF, None),
        ({"roles": ["partner"], "customers": ["2", "1"]}, Role.PARTNER, frozenset("12")),
        ({"roles": ["partner"], "customers": "05001"}, Role.PARTNER, frozenset({"05001"})),
        ({"roles": ["partner"], "customers": ["1", 2, None]}, Role.PARTNER, frozenset("1")),
    ],
)
def test_claims_are_mapped(
    idp: Provider, tokens: Tokens, claims: dict[str, Any], role: Role, customers: frozenset[str] | None
) -> None:
    found = tokens.authenticate(idp.token(**claims))
    assert (found.role, found.customers) == (role, customers)


def test_claims_by_their_path_and_by_a_name_with_dots(idp: Provider) -> None:
    by_path = tokens_of(idp, role_claim="realm_access.roles", customers_claim="app.customers")
    token = idp.token(roles=None, realm_access={"roles": ["partner"]}, app={"customers": ["7"]})
    assert by_path.authenticate(token).customers == frozenset("7")
    by_name = tokens_of(idp, role_claim="https://example.com/roles")
    claims: dict[str, Any] = {"https://example.com/roles": ["staff"]}
    assert by_name.authenticate(idp.token(roles=None, **claims)).staff
    with pytest.raises(Unauthenticated):
        by_path.authenticate(idp.token(roles=None, realm_access=["roles"]))


@pytest.mark.parametrize("name", [None, 7, "", "  ", "a\nb", "\x1b[31m"])
def test_a_name_that_cannot_be_shown_is_the_subject(idp: Provider, tokens: Tokens, name: Any) -> None:
    assert tokens.authenticate(idp.token(name=name)).name == "ann"


def forgeries(idp: Provider) -> Iterator[str]:
    """Tokens that say all the right things and are not the provider's."""
    header, payload, signature = idp.token().split(".")
    claims = jwt.decode(idp.token(), options={"verify_signature": False})
    yield f"{header}.{payload}."
    yield f"{header}.{payload}"
    yield f"{header}.{segment(claims | {'sub': 'bob'})}.{signature}"
    for algorithm in ("none", "None", "NONE", "", None, "HS256", "RS256", "ES384", "ES256K", ["ES256"], {"a": 1}):
        forged = f"{segment({'alg': algorithm, 'kid': 'first', 'typ': 'JWT'})}.{payload}"
        yield f"{forged}.{signature}"
        yield f"{forged}."
    public = idp.keys["first"][1].public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    for secret in (
        public,
        b"",
        base64.urlsafe_b64decode(idp.published[0]["x"] + "=="),
        json.dumps(idp.published[0]).encode(),
    ):
        signed = f"{segment({'alg': 'HS256', 'kid': 'first'})}.{payload}"
        yield f"{signed}.{segment(hmac.digest(secret, signed.encode(), 'sha256'))}"
    stranger = Provider()
    stranger.add_key("first")
    yield stranger.token()
    yield stranger.token(headers={"jwk": stranger.published[0]})
    yield stranger.token(headers={"jku": "http://127.0.0.1:9/jwks.json"})
    yield idp.token(headers={"crit": ["exp"]})


def test_forgeries(idp: Provider, tokens: Tokens) -> None:
    assert tokens.authenticate(idp.token())
    for forged in forgeries(idp):
        with pytest.raises(Unauthenticated):
            tokens.authenticate(forged)


@pytest.mark.parametrize("kid", [None, "", "second", 7, ["first"], "../first", "first\0"])
def test_a_key_id_that_the_provider_does_not_have(idp: Provider, tokens: Tokens, kid: Any) -> None:
    _, payload, signature = idp.token().split(".")
    with pytest.raises(Unauthenticated):
        tokens.authenticate(f"{segment({'alg': 'ES256', 'kid': kid})}.{payload}.{signature}")


def test_a_shared_secret_among_the_provider_s_keys_signs_nothing(idp: Provider, tokens: Tokens) -> None:
    secret = b"s" * 32
    idp.published.append({"kty": "oct", "kid": "shared", "alg": "HS256", "k": segment(secret)})
    claims = jwt.decode(idp.token(), options={"verify_signature": False})
    with pytest.raises(Unauthenticated):
        tokens.authenticate(jwt.encode(claims, secret, "HS256", {"kid": "shared"}))


DEEP = segment(b'{"alg":"ES256","kid":"first","x":' + b"[" * 20_000 + b"]" * 20_000 + b"}")
LONG = segment(b'{"alg":"ES256","kid":"first","x":' + b"9" * 10_000 + b"}")


@pytest.mark.parametrize(
    "token", ["", ".", "..", "...", "a.b.c", "é.é.é", "\udcff", f"{DEEP}.e30.x", f"{LONG}.e30.x", "x" * 60_000]
)
def test_what_is_no_token(tokens: Tokens, token: str) -> None:
    with pytest.raises(Unauthenticated):
        tokens.authenticate(token)


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
names = st.sampled_from(["iss", "aud", "sub", "exp", "nbf", "iat", "roles", "customers", "name", "jti"])


@given(
    st.dictionaries(names, anything, max_size=4),
    st.dictionaries(st.sampled_from(["alg", "kid", "typ", "crit", "b64", "cty"]), anything),
)
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_the_claims_and_headers_are(
    idp: Provider, tokens: Tokens, claims: dict[str, Any], headers: dict[str, Any]
) -> None:
    """Signed or not, it lets in or it is refused, and nothing else is raised."""
    usual = jwt.decode(idp.token(), options={"verify_signature": False})
    signed = f"{segment({'alg': 'ES256', 'kid': 'first'})}.{segment(usual | claims)}"
    algorithm = jwt.get_algorithm_by_name("ES256")
    signature = segment(algorithm.sign(signed.encode(), idp.keys["first"][1]))
    for token in (f"{signed}.{signature}", f"{segment(headers)}.{segment(usual | claims)}.{signature}"):
        try:
            found = tokens.authenticate(token)
        except Unauthenticated:
            continue
        assert (found.role is Role.PARTNER) == (found.customers is not None)
        assert claims.get("roles", ["staff"]) not in ([], None)


def test_the_provider_s_keys_are_fetched_once(idp: Provider, tokens: Tokens) -> None:
    for _ in range(20):
        assert tokens.authenticate(idp.token())
    assert idp.fetched == 1


def test_forged_key_ids_do_not_make_it_fetch_again_and_again(idp: Provider, tokens: Tokens) -> None:
    assert tokens.authenticate(idp.token())
    _, payload, signature = idp.token().split(".")
    for number in range(50):
        with pytest.raises(Unauthenticated):
            tokens.authenticate(f"{segment({'alg': 'ES256', 'kid': str(number)})}.{payload}.{signature}")
    assert idp.fetched <= 2


def test_the_provider_s_keys_are_rotated(idp: Provider, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_BETWEEN_FETCHES", 0.2)
    tokens = tokens_of(idp)
    old = idp.token()
    assert tokens.authenticate(old)
    idp.published.clear()
    idp.add_key("second")
    time.sleep(0.3)
    assert tokens.authenticate(idp.token("second"))
    with pytest.raises(Unauthenticated):
        tokens.authenticate(old)


@pytest.mark.parametrize(
    "answer", [(500, b"{}"), (200, b"no JSON"), (200, b"[]"), (200, b'{"keys": []}'), (302, b""), (200, b"\xff")]
)
def test_a_provider_that_fails(idp: Provider, tokens: Tokens, answer: tuple[int, bytes]) -> None:
    idp.answer = lambda: answer
    for _ in range(5):
        with pytest.raises(ProviderUnavailable) as error:
            tokens.authenticate(idp.token())
        assert "127.0.0.1" not in str(error.value)
    assert idp.fetched == 1


def test_a_provider_that_is_not_there_and_comes_back(idp: Provider, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_BETWEEN_FETCHES", 0.2)
    tokens = tokens_of(
        idp,
    )
    idp.answer = lambda: (503, b"")
    with pytest.raises(ProviderUnavailable):
        tokens.authenticate(idp.token())
    idp.answer = None
    time.sleep(0.3)
    assert tokens.authenticate(idp.token()).name == "ann"


def test_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    assert token_rules(Settings()) is None
    monkeypatch.setenv("GQLREPORTS_OIDC_ISSUER", ISSUER)
    with pytest.raises(InvalidInput, match="GQLREPORTS_OIDC_AUDIENCE"):
        token_rules(Settings())
    monkeypatch.setenv("GQLREPORTS_OIDC_AUDIENCE", AUDIENCE)
    monkeypatch.setenv("GQLREPORTS_OIDC_JWKS_URL", "file:///etc/passwd")
    with pytest.raises(InvalidInput, match="https"):
        token_rules(Settings())
    monkeypatch.setenv("GQLREPORTS_OIDC_JWKS_URL", "https://login.example.com/jwks.json")
    monkeypatch.setenv("GQLREPORTS_OIDC_ROLES", '{"reports-admin": "admin", "noc": "staff"}')
    monkeypatch.setenv("GQLREPORTS_OIDC_ROLE_CLAIM", "groups")
    assert token_rules(Settings()) == TokenRules(
        ISSUER,
        AUDIENCE,
        "https://login.example.com/jwks.json",
        "groups",
        {"reports-admin": Role.ADMIN, "noc": Role.STAFF},
        "customers",
    )

"""An identity provider: a server of public keys, and tokens signed with the private ones."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from jwt import PyJWS
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

ISSUER = "https://login.example.com/"
AUDIENCE = "gqlreports"

MAKE: dict[str, tuple[Callable[[], Any], Callable[[Any], Any]]] = {
    "RS256": (lambda: rsa.generate_private_key(65537, 2048), RSAAlgorithm.to_jwk),
    "PS256": (lambda: rsa.generate_private_key(65537, 2048), RSAAlgorithm.to_jwk),
    "ES256": (lambda: ec.generate_private_key(ec.SECP256R1()), ECAlgorithm.to_jwk),
    "ES384": (lambda: ec.generate_private_key(ec.SECP384R1()), ECAlgorithm.to_jwk),
    "EdDSA": (ed25519.Ed25519PrivateKey.generate, OKPAlgorithm.to_jwk),
}


@dataclass
class Provider:
    """`keys` are what it signs with, `published` what it answers, `fetched` how often it was asked."""

    url: str = ""
    keys: dict[str, tuple[str, Any]] = field(default_factory=dict)
    published: list[dict[str, Any]] = field(default_factory=list)
    answer: Callable[[], tuple[int, bytes]] | None = None
    fetched: int = 0

    def add_key(self, kid: str, algorithm: str = "ES256", publish: bool = True) -> None:
        make, to_jwk = MAKE[algorithm]
        self.keys[kid] = algorithm, make()
        if publish:
            public = json.loads(to_jwk(self.keys[kid][1].public_key()))
            self.published.append(public | {"kid": kid, "use": "sig", "alg": algorithm})

    def token(self, kid: str = "first", headers: dict[str, Any] | None = None, **claims: Any) -> str:
        """A token that holds, but for what is changed; a claim of None is left out."""
        algorithm, private = self.keys[kid]
        now = int(time.time())
        usual = {"iss": ISSUER, "aud": AUDIENCE, "sub": "ann", "exp": now + 300, "iat": now, "roles": ["staff"]}
        kept = {name: value for name, value in (usual | claims).items() if value is not None}
        return PyJWS().encode(json.dumps(kept).encode(), private, algorithm, {"kid": kid, **(headers or {})})

    def respond(self) -> tuple[int, bytes]:
        self.fetched += 1
        return self.answer() if self.answer else (200, json.dumps({"keys": self.published}).encode())


@contextmanager
def provider() -> Iterator[Provider]:
    made = Provider()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, body = made.respond()
            self.send_response(status)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    made.url = f"http://127.0.0.1:{server.server_port}/jwks.json"
    made.add_key("first")
    # It looks every so many seconds whether it is to end.
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield made
    finally:
        server.shutdown()
        server.server_close()
        thread.join()

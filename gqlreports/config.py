"""Settings, read from the environment."""

from pathlib import Path
from typing import Literal

from pydantic import Field, Json, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from gqlreports.limits import USUAL, RequestLimits

ANSWERS_BYTES = 64 * 1024**2
"""The default limit for the bytes of memory that cached answers may take."""


class Settings(BaseSettings):
    """Where the data is, and what a report may use.

    The environment variable of each setting is `GQLREPORTS_` followed by its name in capitals.
    """

    model_config = SettingsConfigDict(env_prefix="GQLREPORTS_", env_nested_delimiter="_", env_nested_max_split=1)

    home: Path = Field(default=Path("gqlreports-data"), description="Data directory")
    store: str | None = Field(
        default=None,
        description="URL of the CDR store; chdb://PATH is embedded, clickhouse://USER:PASSWORD@HOST:PORT/DATABASE a "
        "server, clickhouses:// one with TLS; by default chdb://HOME/store",
        repr=False,
    )
    store_ca: Path | None = Field(default=None, description="Certificates of the authorities that the server's is from")
    store_certificate: Path | None = Field(default=None, description="Client certificate, in place of a password")
    store_key: Path | None = Field(default=None, description="The key of the client certificate, if it is not in it")
    store_token: SecretStr | None = Field(default=None, description="Access token, in place of a password")
    directory: str | None = Field(
        default=None,
        description="SQLAlchemy URL of customers and keys; by default sqlite:///HOME/directory.db",
        repr=False,
    )
    query_timeout: float = Field(default=60, gt=0, allow_inf_nan=False, description="Seconds that one query may take")
    query_memory: int = Field(default=4 * 1024**3, gt=0, description="Bytes of memory that one query may use")
    query_rows: int = Field(default=10_000_000, gt=0, description="Rows that the result of one query may have")
    answers_bytes: int = Field(
        default=ANSWERS_BYTES, ge=0, description="Bytes of memory for answers that are kept; with 0 none is"
    )
    masked_digits: int = Field(
        default=0, ge=0, description="How many last characters of the numbers in CDRs are hidden"
    )
    metrics_port: int | None = Field(
        default=None, ge=1, le=65535, description="Port at which /metrics is served for Prometheus; by default none"
    )
    oidc_issuer: str | None = Field(
        default=None, description="Issuer of an identity provider's tokens, which are taken beside keys"
    )
    oidc_audience: str | None = Field(default=None, description="Audience that its tokens must name")
    oidc_jwks_url: str | None = Field(default=None, description="URL of its public keys (JWKS)")
    oidc_role_claim: str = Field(default="roles", description="Claim, or path to it with dots, that names the role")
    oidc_roles: Json[dict[str, Literal["admin", "staff", "partner"]]] = Field(
        default='{"admin": "admin", "staff": "staff", "partner": "partner"}',  # type: ignore[arg-type]
        description="JSON object from that claim's values to admin, staff or partner",
    )
    oidc_customers_claim: str = Field(
        default="customers", description="Claim, or path to it, that lists a partner's customers"
    )
    limits: RequestLimits = Field(default=USUAL, description="What one caller may ask for")
    reports_at_once: int = Field(
        default=400, gt=0, description="Reports that run or wait for the store, those of all keys together"
    )
    documents: Path | None = Field(
        default=None, description="JSON file of the only documents that partners may run: an object, id to document"
    )
    shutdown_seconds: float = Field(
        default=20, ge=0, allow_inf_nan=False, description="Seconds that running requests have when the server ends"
    )

    @property
    def store_url(self) -> str:
        return self.store or f"chdb://{(self.home / 'store').absolute()}"

    @property
    def directory_url(self) -> str:
        return self.directory or f"sqlite:///{(self.home / 'directory.db').absolute()}"

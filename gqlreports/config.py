"""Settings, read from the environment and from a TOML file."""

import codecs
import os
import re
import tomllib
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, SecretStr, ValidationError
from pydantic_core import from_json
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
    TomlConfigSettingsSource,
)

from gqlreports.errors import InvalidInput
from gqlreports.limits import USUAL, RequestLimits

ANSWERS_BYTES = 64 * 1024**2
"""The default limit for the bytes of memory that cached answers may take."""
_PREFIX = "GQLREPORTS_"
_FILE = "settings.toml"
_ORIGIN = re.compile(r"[a-z][a-z0-9+.-]*://[a-z0-9.-]+(:[0-9]+)?|[a-z][a-z0-9+.-]*://\[[0-9a-f:]+\](:[0-9]+)?")
"""As a browser writes it: in lower case, and without a slash at the end."""
_MARKS = (codecs.BOM_UTF8, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def _parsed(value: object) -> object:
    """The object that an environment variable writes as JSON; a file has a table."""
    try:
        return from_json(value) if isinstance(value, str) else value
    except ValueError as error:
        raise ValueError(f"not a JSON object: {error}") from None


def _words(value: object) -> object:
    """The words of a list, which an environment variable separates by commas."""
    return value.replace(",", " ").split() if isinstance(value, str) else value


def _origins(value: object) -> object:
    """The origins, which an environment variable separates by commas.  Raises ValueError for what is none."""
    origins = _words(value)
    for each in origins if isinstance(origins, list | tuple) else ():
        if each != "*" and not _ORIGIN.fullmatch(str(each)):
            raise ValueError(f"{each} is not an origin such as https://app.example")
    return origins


class Settings(BaseSettings):
    """Where the data is, and what a report may use.

    The environment variable of each setting is `GQLREPORTS_` followed by its name in capitals.  What the environment
    lacks is taken from the settings file, whose keys are the names.
    """

    model_config = SettingsConfigDict(env_prefix=_PREFIX, env_nested_delimiter="_", env_nested_max_split=1)

    settings: Path | None = Field(
        default=None, description="The settings file; by default `HOME/settings.toml`, if it exists"
    )
    home: Path = Field(
        default=Path("gqlreports-data"), description="Directory of the embedded store and of `directory.db`"
    )
    store: str | None = Field(
        default=None,
        description="URL of the CDR store; `chdb://PATH` is embedded, `clickhouse://USER:PASSWORD@HOST:PORT/DATABASE` "
        "a server, `clickhouses://` one with TLS; by default `chdb://HOME/store`",
        repr=False,
    )
    store_ca: Path | None = Field(
        default=None, description="File with the certificates of the authorities that issued the server's"
    )
    store_certificate: Path | None = Field(
        default=None, description="File with a client certificate, instead of a password"
    )
    store_key: Path | None = Field(
        default=None, description="File with the certificate's key, if that is not in the same file"
    )
    store_token: SecretStr | None = Field(default=None, description="Access token, instead of a password")
    directory: str | None = Field(
        default=None,
        description="SQLAlchemy URL of customers, keys and users; by default `sqlite:///HOME/directory.db`",
        repr=False,
    )
    query_timeout: float = Field(default=60, gt=0, allow_inf_nan=False, description="Seconds that one query may take")
    query_memory: int = Field(default=4 * 1024**3, gt=0, description="Bytes of memory that one query may use")
    query_rows: int = Field(default=10_000_000, gt=0, description="Rows that the result of one query may have")
    answers_bytes: int = Field(
        default=ANSWERS_BYTES, ge=0, description="Bytes of memory for answers that are kept; with 0, none is kept"
    )
    masked_digits: int = Field(
        default=0,
        ge=0,
        description="How many last characters of telephone numbers are hidden, wherever they would be shown",
    )
    masked_roles: Annotated[tuple[Literal["admin", "staff", "partner"], ...], NoDecode, BeforeValidator(_words)] = (
        Field(
            default=("admin", "staff", "partner"),
            description="Roles from which they are hidden; in the environment separated by commas",
        )
    )
    metrics_port: int | None = Field(
        default=None, ge=1, le=65535, description="Port at which `/metrics` is served for Prometheus; by default none"
    )
    oidc_issuer: str | None = Field(
        default=None, description="Issuer of an identity provider's tokens, which are accepted beside keys"
    )
    oidc_audience: str | None = Field(default=None, description="Audience that its tokens must name")
    oidc_jwks_url: str | None = Field(default=None, description="URL of its public keys (JWKS)")
    oidc_role_claim: str = Field(default="roles", description="Claim, or path to it with dots, that names the role")
    oidc_roles: Annotated[dict[str, Literal["admin", "staff", "partner"]], NoDecode, BeforeValidator(_parsed)] = Field(
        default={"admin": "admin", "staff": "staff", "partner": "partner"},
        description="Roles (`admin`, `staff` or `partner`) of that claim's values; in the environment a JSON object",
    )
    oidc_customers_claim: str = Field(
        default="customers", description="Claim, or path to it, that lists a partner's customers"
    )
    limits: RequestLimits = Field(default=USUAL, description="What one caller may ask for")
    reports_at_once: int = Field(
        default=400, gt=0, description="Reports that run or wait for the store, of all keys together"
    )
    cors_origins: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_origins)] = Field(
        default=(),
        description="Origins whose pages may call the API from a browser, as `https://app.example`, or `*` for all; in "
        "the environment separated by commas",
    )
    federation: bool = Field(
        default=False, description="Whether the API is a subgraph for a router of Apollo Federation"
    )
    documents: Path | None = Field(
        default=None,
        description="JSON file with the only documents that partners may run: an object from id to document",
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

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        file = _settings_file({**env_settings(), **init_settings()})
        return init_settings, env_settings, *([_content(settings_cls, file)] if file else [])


def read_settings() -> Settings:
    """The settings of the environment and the file.

    Raises InvalidInput with one line that names each wrong setting, and where it was set.
    """
    try:
        return Settings()
    except ValidationError as error:
        wrong = (f"{_origin(each['loc'])}: {each['msg']}" for each in error.errors())
        raise InvalidInput(", ".join(wrong)) from None
    except SettingsError as error:
        raise InvalidInput(f"{_PREFIX}LIMITS must be a JSON object.") from error


def _settings_file(given: Mapping[str, Any]) -> Path | None:
    """The settings file, which may lack only if it is not named.  Raises InvalidInput if it cannot be read."""
    named = given.get("settings")
    path = Path(named or Path(given.get("home", Settings.model_fields["home"].default), _FILE))
    try:
        path.stat()
        if not path.is_file():
            raise InvalidInput(f"The settings file {path} is not a file.")
    except (FileNotFoundError, NotADirectoryError) as error:
        if named:
            raise InvalidInput(f"The settings file {path}, which {_PREFIX}SETTINGS names, does not exist.") from error
        return None
    except OSError as error:
        raise InvalidInput(f"The settings file {path} cannot be read: {error.strerror}.") from error
    return path


def _content(settings: type[BaseSettings], file: Path) -> TomlConfigSettingsSource:
    """Raises InvalidInput for what is not TOML, and for a key that is not the name of a setting."""
    try:
        content = TomlConfigSettingsSource(settings, file)
    except OSError as error:
        raise InvalidInput(f"The settings file {file} cannot be read: {error.strerror}.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        if file.read_bytes().startswith(_MARKS):
            raise InvalidInput(f"Save the settings file {file} as UTF-8 without a byte order mark (BOM).") from error
        raise InvalidInput(f"The settings file {file} is not TOML: {error}.") from error
    names = set(settings.model_fields) - {"settings"}
    _check_keys(content.toml_data, names, f"{file}: ")
    if isinstance(limits := content.toml_data.get("limits"), dict):
        _check_keys(limits, set(RequestLimits.model_fields), f"{file}: limits.")
    return content


def _check_keys(table: Mapping[str, Any], names: set[str], place: str) -> None:
    for key in table.keys() - names:
        near = get_close_matches(key.lower().removeprefix(_PREFIX.lower()), names, 1)
        raise InvalidInput(f"{place}{key} is not a setting" + (f"; did you mean {near[0]}?" if near else "."))


def _origin(location: tuple[int | str, ...]) -> str:
    """Where a wrong value was set: its variable, or its file and key."""
    names = [str(each) for each in location]
    variables = {name.upper() for name in os.environ}
    for length in range(len(names), 0, -1):
        if (variable := _PREFIX + "_".join(names[:length]).upper()) in variables:
            return variable
    return f"{_settings_file(EnvSettingsSource(Settings)())}: {'.'.join(names)}"

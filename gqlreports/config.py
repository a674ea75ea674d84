"""Settings, read from the environment."""

from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """Where the data is and how long a report may take; each is `GQLREPORTS_` and its name in capitals."""

    model_config = SettingsConfigDict(env_prefix="GQLREPORTS_")

    home: Path = Field(default=Path("gqlreports-data"), description="Data directory")
    store: str | None = Field(
        default=None,
        description="URL of the CDR store; chdb://PATH is embedded; by default chdb://HOME/store",
    )
    directory: str | None = Field(
        default=None,
        description="SQLAlchemy URL of customers and keys; by default sqlite:///HOME/directory.db",
    )
    query_timeout: float = Field(default=60, gt=0, allow_inf_nan=False, description="Seconds that one query may take")
    masked_digits: int = Field(
        default=0, ge=0, description="How many last characters of the numbers in CDRs are hidden"
    )

    @property
    def store_url(self) -> str:
        return self.store or f"chdb://{(self.home / 'store').absolute()}"

    @property
    def directory_url(self) -> str:
        return self.directory or f"sqlite:///{(self.home / 'directory.db').absolute()}"

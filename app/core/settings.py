"""The settings of a deployment, read from environment variables at start."""

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from app.core.rates import checked_rate

Rate = Annotated[str, AfterValidator(checked_rate)]


def _in_lower_case(value: object) -> object:
    return value.lower() if isinstance(value, str) else value


class Settings(BaseSettings):
    """The settings; the variable of a field is QUIZWELL_<FIELD>."""

    model_config = SettingsConfigDict(
        env_prefix="QUIZWELL_", extra="ignore", frozen=True, populate_by_name=True
    )

    database_url: str = Field(
        "", description="SQLAlchemy URL of the database; empty: SQLite in the data directory"
    )
    data_dir: Path = Field(
        Path("var"), description="directory of the embedded database and of files"
    )
    host: str = Field("127.0.0.1", description="address to listen on")
    port: int = Field(8000, ge=0, le=65535, description="port to listen on")
    workers: int = Field(1, ge=1, le=64, description="number of worker processes")
    admin_key: str = Field(
        "",
        pattern=r"^([A-Za-z0-9_-]{20,128})?$",
        description="the admin key, instead of a generated one; 20 to 128 of A-Za-z0-9_-",
    )
    env: Literal["development", "production"] = Field(
        "development", description="production refuses unsafe settings"
    )
    secret_keys: Annotated[tuple[str, ...], NoDecode] = Field(
        (), description="secret keys, comma-separated, newest first, each at least 32 characters"
    )
    rate_anonymous: Rate = Field(
        "600/minute", description="rate limit of a client without a key, or off"
    )
    rate_key: Rate = Field("6000/minute", description="rate limit of a key, or off")
    trusted_proxies: Annotated[tuple[str, ...], NoDecode] = Field(
        (), description="addresses of proxies whose X-Forwarded-For is trusted, comma-separated"
    )
    body_budget_mb: int = Field(
        256, ge=0, le=1_000_000, description="MiB of question bodies that each worker caches"
    )
    database_max_mb: int = Field(
        0, ge=0, description="maximum size of the embedded database in MiB; 0: no limit"
    )
    meili_url: str = Field(
        "",
        validation_alias="MEILI_URL",
        description="address of a Meilisearch server; empty: the embedded search",
    )
    meili_key: str = Field(
        "", validation_alias="MEILI_KEY", description="the key for it", repr=False
    )
    search_prefix: str = Field(
        "quizwell",
        pattern=r"^[A-Za-z0-9]+(-[A-Za-z0-9]+)*$",
        max_length=64,
        description="prefix of this deployment's index names on a shared server",
    )
    search_standby: bool = Field(
        False, description="keep the embedded index as a fallback while the server fails"
    )
    import_processes: int = Field(
        2, ge=1, le=2, description="processes that work on a long import; 1 leaves a core free"
    )

    log_level: Annotated[
        Literal["debug", "info", "warning", "error"], BeforeValidator(_in_lower_case)
    ] = Field("warning", description="least severe messages that are logged")
    log_format: Literal["text", "json"] = Field(
        "text", description="log entries as lines of text or as JSON objects, on standard error"
    )
    access_log: bool = Field(
        False, description="log every response, without queries, headers and bodies"
    )

    @property
    def url(self) -> str:
        """The SQLAlchemy URL of the database, with its driver."""
        if not self.database_url:
            return f"sqlite:///{self.data_dir.resolve() / 'quizwell.db'}"
        for prefix in ("postgres://", "postgresql://"):
            if self.database_url.startswith(prefix):
                return "postgresql+psycopg://" + self.database_url.removeprefix(prefix)
        return self.database_url

    @property
    def embedded(self) -> bool:
        """Whether the database is a SQLite file."""
        return self.url.startswith("sqlite")

    @model_validator(mode="before")
    @classmethod
    def _split_lists(cls, values: dict[str, object]) -> dict[str, object]:
        for name in ("secret_keys", "trusted_proxies"):
            given = values.get(name)
            if isinstance(given, str):
                values[name] = tuple(part.strip() for part in given.split(",") if part.strip())
        return values

    @model_validator(mode="after")
    def _refuse_unsafe(self) -> Self:
        if any(len(key) < 32 for key in self.secret_keys):
            message = "QUIZWELL_SECRET_KEYS: each key needs at least 32 characters"
            raise ValueError(message)
        if not self.embedded and not self.secret_keys:
            message = "QUIZWELL_SECRET_KEYS is required with PostgreSQL: workers must share it"
            raise ValueError(message)
        if self.env == "production" and self.admin_key and len(self.admin_key) < 32:
            message = "QUIZWELL_ADMIN_KEY needs at least 32 characters in production"
            raise ValueError(message)
        return self


def load_settings() -> Settings:
    """Return the settings of the environment; pydantic.ValidationError for an invalid one."""
    return Settings()

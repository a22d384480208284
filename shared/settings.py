"""Load settings from the environment and validate them when a program starts.

A program declares a ``Settings`` class: the attribute ``data_dir`` is the variable
``DATA_DIR``. A value can be read from a file: ``JWT_PRIVATE_KEY_FILE=/run/secrets/key``.
"""

import logging
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, ClassVar, Literal, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
)

from shared.keys import load_public_keys
from shared.redis_url import check_redis_url
from shared.urls import sqlalchemy_url

log = logging.getLogger(__name__)

# Common words are removed from a secret before its distinct characters are counted.
_COMMON_WORDS = re.compile(
    "change.?me|secret|password|passwd|default|example|admin|letmein|qwerty(uiop)?|"
    "1234567890|0123456789|123456789|12345678|abcdefgh|abcdef"
)
_MIN_DISTINCT_CHARACTERS = 6


class SettingsError(Exception):
    """A setting is missing or invalid. The text names each variable and its error."""


class Settings(BaseModel):
    """Base class of every program's settings. Error messages and ``repr`` never contain values."""

    deprecated_names: ClassVar[Mapping[str, str]] = {}
    """Former names of settings, mapped to the current ones. They work for one minor version."""

    model_config = ConfigDict(
        alias_generator=str.upper, extra="ignore", frozen=True, hide_input_in_errors=True
    )


def _comma_separated(value: object) -> object:
    if isinstance(value, str):
        return tuple(part.strip() for part in value.split(",") if part.strip())
    return value


def _first_of_comma_separated(value: object) -> object:
    return value.partition(",")[0].strip() if isinstance(value, str) else value


def _without_trailing_slash(value: object) -> object:
    return value.rstrip("/") if isinstance(value, str) else value


def matching(pattern: str, examples: str) -> AfterValidator:
    """Return a validator of values that match a pattern as a whole; its error shows examples."""

    def require_match(value: str) -> str:
        if not re.fullmatch(pattern, value):
            raise ValueError(f"is not like {examples}")
        return value

    return AfterValidator(require_match)


def _validate_public_keys(pem: str) -> str:
    load_public_keys(pem)
    return pem


def reject_weak_secret(secret: SecretStr) -> SecretStr:
    """Return the secret if it is hard to guess.

    Raises:
        ValueError: the secret consists of common words or too few distinct characters.
    """
    rest = _COMMON_WORDS.sub("", secret.get_secret_value().lower())
    if len(set(rest)) < _MIN_DISTINCT_CHARACTERS:
        raise ValueError("is easy to guess: choose a random one, such as `openssl rand -hex 32`")
    return secret


BaseUrl = Annotated[
    str,
    BeforeValidator(_without_trailing_slash),
    matching(r"https?://[^\s/?#]+[^\s?#]*", "https://ims.example.com"),
]
BaseUrls = Annotated[tuple[BaseUrl, ...], BeforeValidator(_comma_separated), Field(min_length=1)]
Secret = Annotated[SecretStr, Field(min_length=16), AfterValidator(reject_weak_secret)]
OutgoingSecret = Annotated[Secret, BeforeValidator(_first_of_comma_separated)]
"""The secret that a client sends: the first entry of a list, so that both sides read one file."""
AcceptedSecrets = Annotated[
    tuple[Secret, ...], BeforeValidator(_comma_separated), Field(min_length=1)
]
DatabaseUrl = Annotated[str, AfterValidator(lambda url: url and sqlalchemy_url(url))]
CommaSeparated = Annotated[tuple[str, ...], BeforeValidator(_comma_separated)]


class ServerSettings(Settings):
    """Settings of the server that runs a program."""

    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        "INFO", description="Minimum severity of log lines."
    )
    log_format: Literal["auto", "json", "text"] = Field(
        "auto", description="`json`, `text`, or `auto`: text on a terminal, else JSON."
    )
    metrics_port: int | None = Field(
        None, ge=1, le=65535, description="Port of the Prometheus metrics; empty: no metrics."
    )
    metrics_host: str = Field(
        "", description="Address of `METRICS_PORT`; empty: the listen address of the program."
    )
    shutdown_delay_seconds: float = Field(
        0,
        ge=0,
        le=60,
        description="How long a program accepts requests after SIGTERM, while load balancers and "
        "gateways switch to other replicas. Use 5 with several replicas.",
    )


class ProgramSettings(ServerSettings):
    """Settings of the gateway and of every service."""

    data_dir: Path = Field(Path("var"), description="Folder of all files that a program writes.")
    jwt_public_keys: Annotated[str, AfterValidator(_validate_public_keys)] = Field(
        description="Ed25519 public keys of accepted tokens, as concatenated PEM."
    )
    spool_dir: Path | None = Field(
        None,
        description="Folder for buffered uploads, on a disk, not a tmpfs; empty: `DATA_DIR/spool`.",
    )
    spool_max_bytes: int = Field(
        1 << 30, ge=1 << 24, description="Maximum total size of buffered uploads, per worker."
    )
    body_timeout_seconds: float = Field(
        15, gt=0, description="Maximum pause of a client while it sends a request body."
    )
    body_min_bytes_per_second: int = Field(
        8192, ge=1, description="Minimum average rate of a request body after its first 10 seconds."
    )


class ServiceSettings(ProgramSettings):
    """Settings of every service behind the gateway."""

    deprecated_names = {"DATABASE_POOL": "DATABASE_POOL_SIZE"}

    database_url: DatabaseUrl = Field(
        "",
        description="Database URL in libpq or SQLAlchemy syntax, with one or several servers; "
        "empty: SQLite in `DATA_DIR`.",
    )
    database_pool_size: int = Field(
        16, ge=1, le=200, description="Database connections per worker."
    )
    sqlite_synchronous: Literal["FULL", "NORMAL"] = Field(
        "FULL",
        description="`NORMAL` is faster. It is safe when a process is killed, not on power loss.",
    )
    internal_secrets: AcceptedSecrets = Field(
        description="Secrets accepted on `/internal`: the current one, then the previous one."
    )
    public_base_url: BaseUrl | None = Field(
        None, description="Base of every URL in responses; empty: scheme and `Host` of the request."
    )
    audit_log_days: int = Field(
        90, ge=0, le=3650, description="Retention of audit events in days; 0: they are not stored."
    )


class RedisSettings(Settings):
    """Settings of a program whose processes share data in Redis."""

    redis_url: Annotated[str, AfterValidator(check_redis_url)] | None = Field(
        None,
        description="Redis or Valkey for state that processes share; empty: in-process state. "
        "With Sentinels: `redis+sentinel://[user:password@]host:port,host:port/name[/db]`.",
    )


class AuthClientSettings(Settings):
    """Settings of the client of the auth service."""

    auth_service_url: BaseUrls = Field(
        description="Base URLs of the auth service, comma-separated."
    )
    auth_service_secret: OutgoingSecret = Field(
        description="Secret sent to the auth service; of a list, the first entry."
    )


class SocialClientSettings(Settings):
    """Settings of the client of the social service."""

    social_service_url: BaseUrls = Field(
        description="Base URLs of the social service, comma-separated."
    )
    social_service_secret: OutgoingSecret = Field(
        description="Secret sent to the social service; of a list, the first entry."
    )


class ChatClientSettings(Settings):
    """Settings of the client of the chat service."""

    chat_service_url: BaseUrls = Field(
        description="Base URLs of the chat service, comma-separated."
    )
    chat_service_secret: OutgoingSecret = Field(
        description="Secret sent to the chat service; of a list, the first entry."
    )


def database_url(settings: ServiceSettings, service: str) -> str:
    """Return the configured database URL, or that of a SQLite file in the data folder."""
    if not settings.database_url:
        folder = Path(settings.data_dir).resolve()
        folder.mkdir(parents=True, exist_ok=True)
        return f"sqlite:///{folder / service.removesuffix('_service')}.db"
    return settings.database_url


S = TypeVar("S", bound=Settings)


def load_settings(kind: type[S], env: Mapping[str, str]) -> S:
    """Read and validate the settings of a program.

    Args:
        kind: the settings class of the program.
        env: the environment. Empty values count as absent.

    Raises:
        SettingsError: a variable is missing or invalid. The text names all of them.
    """
    env = _with_current_names(kind, env)
    values: dict[str, str] = {}
    for name in (field_name.upper() for field_name in kind.model_fields):
        path = env.get(f"{name}_FILE")
        if env.get(name):
            if path:
                raise SettingsError(f"{name}: {name}_FILE is set as well; keep one of them")
            values[name] = env[name]
        elif path:
            try:
                values[name] = Path(path).read_text().strip()
            except OSError as error:
                raise SettingsError(f"{name}_FILE: {error.strerror}: {path}") from None
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        problems = (
            f"{'.'.join(map(str, p['loc'][:1])).upper()}: {p['msg'].removeprefix('Value error, ')}"
            for p in error.errors(include_input=False, include_url=False)
        )
        raise SettingsError("\n".join(problems)) from None


def _with_current_names(kind: type[Settings], env: Mapping[str, str]) -> dict[str, str]:
    renamed = dict(env)
    for old, new in kind.deprecated_names.items():
        for suffix in ("", "_FILE"):
            if value := renamed.pop(old + suffix, ""):
                if env.get(new) or env.get(f"{new}_FILE"):
                    raise SettingsError(f"{new}: {old}, its former name, is set as well")
                log.warning("%s is deprecated and will be removed in 1.2: use %s", old, new)
                renamed[new + suffix] = value
    return renamed

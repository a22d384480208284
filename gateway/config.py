"""Settings of the gateway."""

from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, SecretStr

from shared.settings import BaseUrl, BaseUrls, CommaSeparated
from shared.web.rate_limits import LimitSettings, Rates

MIB = 1024 * 1024


def _require_http_origin(urls: tuple[str, ...]) -> tuple[str, ...]:
    for parts in map(urlsplit, urls):
        if parts.scheme != "http" or parts.path or "@" in parts.netloc:
            raise ValueError("must be http://host:port, without a path")
        parts.port  # noqa: B018 - raises ValueError for a wrong port
    return urls


ReplicaUrls = Annotated[BaseUrls, AfterValidator(_require_http_origin)]


class GatewaySettings(LimitSettings):
    """Settings of the gateway."""

    auth_service_url: ReplicaUrls = Field(
        description="Base URLs of the auth service, `http://host:port`, comma-separated."
    )
    social_service_url: ReplicaUrls = Field(
        description="Base URLs of the social service, `http://host:port`, comma-separated."
    )
    chat_service_url: ReplicaUrls = Field(
        description="Base URLs of the chat service, `http://host:port`, comma-separated."
    )
    cors_origins: CommaSeparated = Field(
        ("*",), description="Allowed CORS origins, comma-separated; `*`: any."
    )
    api_docs: bool = Field(True, description="`off` disables `/docs` and `/openapi.json`.")
    trusted_proxies: int = Field(
        0,
        ge=0,
        le=10,
        description="Number of proxies whose `X-Forwarded-For` and `-Proto` are trusted.",
    )
    max_body_bytes: int = Field(16 * MIB, ge=1, description="Maximum size of a request body.")
    upstream_connect_timeout_seconds: float = Field(
        1, gt=0, description="Connect timeout of requests to a service."
    )
    upstream_timeout_seconds: float = Field(
        10, gt=0, description="Read timeout of requests to a service; the response is then 504."
    )
    upstream_concurrency: int = Field(
        200,
        ge=1,
        description="Maximum concurrent requests to one service, per worker; one account may use a "
        "quarter of them.",
    )
    max_websockets: int = Field(10_000, ge=0, description="Maximum open websockets per worker.")
    rate_limit_address: Rates = Field(
        "20000/10 seconds", description="Requests per address, counted by each worker."
    )
    rate_limit_account: Rates = Field(
        "10000/10 seconds", description="Requests per account, counted by each worker."
    )
    rate_limit_websockets: Rates = Field(
        "600/minute", description="New websockets per account, counted by each worker."
    )
    web_client: bool = Field(
        False, description="`on` serves the web client at `/`; `make run` and compose set it."
    )
    public_base_url: BaseUrl | None = Field(
        None, description="Base of every URL in responses; empty: scheme and `Host` of the request."
    )
    registration: str = Field(
        "open",
        description="Who may register: `open`, `closed`, or `domains:example.com,example.org` for "
        "addresses of these domains.",
    )
    password_transport: Literal["any", "encrypted"] = Field(
        "any", description="`encrypted` rejects plaintext passwords."
    )
    password_transport_key: SecretStr = Field(
        SecretStr(""),
        description="Key of 16 bytes, shared with the clients, that encrypts passwords in transit. "
        "The default, `ims-development!`, is rejected with a database server and a public "
        "`PUBLIC_BASE_URL`. The web client sends plaintext passwords if the gateway has no key.",
    )

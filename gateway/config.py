"""Everything the gateway reads from its environment."""

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
        parts.port  # noqa: B018 - reading it is what checks it
    return urls


ReplicaUrls = Annotated[BaseUrls, AfterValidator(_require_http_origin)]


class GatewaySettings(LimitSettings):
    """Where the services are, who may call, and the bounds of a request."""

    auth_service_url: ReplicaUrls = Field(
        description="`http://host:port` of the auth service; several replicas, comma-separated."
    )
    social_service_url: ReplicaUrls = Field(description="The same of the social service.")
    chat_service_url: ReplicaUrls = Field(description="The same of the chat service.")
    cors_origins: CommaSeparated = Field(
        ("*",), description="Origins of the web pages that may call, comma-separated; `*`: any."
    )
    api_docs: bool = Field(True, description="`off`: no `/docs` and no `/openapi.json`.")
    trusted_proxies: int = Field(
        0, ge=0, le=10, description="Proxies in front whose `X-Forwarded-For` and `-Proto` count."
    )
    max_body_bytes: int = Field(16 * MIB, ge=1, description="Largest request body.")
    upstream_connect_timeout_seconds: float = Field(
        1, gt=0, description="How long a service may take to accept a connection."
    )
    upstream_timeout_seconds: float = Field(
        10, gt=0, description="How long a service may be silent before the answer is 504."
    )
    upstream_concurrency: int = Field(
        200,
        ge=1,
        description="Requests per worker that may wait for one service; an account may have a "
        "quarter of them.",
    )
    max_websockets: int = Field(10_000, ge=0, description="Open websockets per worker.")
    rate_limit_address: Rates = Field(
        "20000/10 seconds", description="Requests from one address, per worker."
    )
    rate_limit_account: Rates = Field(
        "10000/10 seconds", description="Requests with the tokens of one account, per worker."
    )
    rate_limit_websockets: Rates = Field(
        "600/minute", description="Websockets that one account opens, per worker."
    )
    web_client: bool = Field(
        False, description="`on` serves the web client at `/`; `make run` and compose set it."
    )
    public_base_url: BaseUrl | None = Field(
        None, description="Start of every URL given out; empty: scheme and `Host` of the request."
    )
    registration: str = Field(
        "open",
        description="Who may register: `open`, `closed`, or `domains:example.com,example.org` for "
        "addresses of these domains.",
    )
    password_transport: Literal["any", "encrypted"] = Field(
        "any", description="`encrypted` refuses passwords that come as they are."
    )
    password_transport_key: SecretStr = Field(
        SecretStr(""),
        description="16 bytes, shared with the clients, that encrypt passwords on their way; "
        "`ims-development!` unless set, which no installation with a database server and a "
        "`PUBLIC_BASE_URL` takes. The web client sends passwords as they are if the gateway does "
        "not have it.",
    )

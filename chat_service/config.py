"""Settings of the chat service."""

from pydantic import Field, ValidationInfo, field_validator

from shared.media.object_store import MediaSettings
from shared.settings import AuthClientSettings, RedisSettings, ServiceSettings, SocialClientSettings
from shared.web.rate_limits import LimitSettings, Rates


class ChatSettings(
    LimitSettings,
    MediaSettings,
    AuthClientSettings,
    SocialClientSettings,
    RedisSettings,
    ServiceSettings,
):
    """Settings of the chat service."""

    rate_limit_new_groups: Rates = Field("60/hour", description="New groups per account.")
    ws_ping_seconds: float = Field(
        25, gt=0, description="Ping interval of websockets; one without a reply is closed."
    )
    ws_queue_frames: int = Field(
        256, ge=128, description="Maximum queued frames per websocket; one more closes it."
    )
    ws_sockets_per_user: int = Field(
        20, ge=1, description="Websockets per user and worker; one more closes the oldest."
    )
    web_concurrency: int = Field(
        1,
        ge=1,
        description="Worker processes of a program; in chat, more than one needs `REDIS_URL`.",
    )

    @field_validator("web_concurrency")
    @classmethod
    def _require_redis_for_workers(cls, workers: int, info: ValidationInfo) -> int:
        if workers > 1 and not info.data.get("redis_url"):
            raise ValueError(
                f"{workers} workers need REDIS_URL to deliver live events to each other's "
                "websockets"
            )
        return workers

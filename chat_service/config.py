"""Everything that the chat service takes from its environment."""

from pydantic import Field, ValidationInfo, field_validator

from shared.media.object_store import MediaSettings
from shared.settings import BaseUrls, OutgoingSecret, ServiceSettings
from shared.web.rate_limits import LimitSettings, Rates


class ChatSettings(LimitSettings, MediaSettings, ServiceSettings):
    """Settings of the chat service."""

    auth_service_url: BaseUrls = Field(description="Where accounts that the copy lacks are asked.")
    auth_service_secret: OutgoingSecret = Field(
        description="What it asks of its callers; of several, comma-separated, the first."
    )
    social_service_url: BaseUrls = Field(description="Where friendships are copied from again.")
    social_service_secret: OutgoingSecret = Field(
        description="What it asks of its callers; of several, comma-separated, the first."
    )
    rate_limit_new_groups: Rates = Field("60/hour", description="Groups that one account creates.")
    ws_ping_seconds: float = Field(
        25, gt=0, description="How often a websocket is pinged; who stays silent is dropped."
    )
    ws_queue_frames: int = Field(
        256, ge=128, description="Frames that wait for a slow websocket before it is closed."
    )
    ws_sockets_per_user: int = Field(
        20, ge=1, description="Websockets per user and worker; one more closes the oldest."
    )
    web_concurrency: int = Field(
        1, ge=1, description="Worker processes; more than one needs `REDIS_URL`."
    )

    @field_validator("web_concurrency")
    @classmethod
    def _workers_hear_of_each_other(cls, workers: int, given: ValidationInfo) -> int:
        if workers > 1 and not given.data.get("redis_url"):
            raise ValueError(
                f"{workers} workers need REDIS_URL, or none would tell its websockets what "
                "another one did"
            )
        return workers

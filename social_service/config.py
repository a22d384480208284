"""Everything that the social service takes from its environment."""

from pydantic import Field

from shared.settings import BaseUrls, OutgoingSecret, ServiceSettings
from shared.web.rate_limits import LimitSettings, Rates


class SocialSettings(LimitSettings, ServiceSettings):
    """Settings of the social service."""

    rate_limit_lookups: Rates = Field(
        "60/minute", description="Strangers that one account looks up, by name or id."
    )
    rate_limit_repeated_requests: Rates = Field(
        "3/day", description="Friend requests of one account to one that has refused it before."
    )
    auth_service_url: BaseUrls = Field(description="Where accounts that the copy lacks are asked.")
    auth_service_secret: OutgoingSecret = Field(
        description="What it asks of its callers; of several, comma-separated, the first."
    )
    chat_service_url: BaseUrls = Field(description="Where the chat service takes events.")
    chat_service_secret: OutgoingSecret = Field(
        description="What it asks of its callers; of several, comma-separated, the first."
    )

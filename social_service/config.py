"""Settings of the social service."""

from pydantic import Field

from shared.settings import BaseUrls, OutgoingSecret, ServiceSettings
from shared.web.rate_limits import LimitSettings, Rates


class SocialSettings(LimitSettings, ServiceSettings):
    """Settings of the social service."""

    rate_limit_lookups: Rates = Field(
        "60/minute", description="Lookups of strangers per account, by name or id."
    )
    rate_limit_repeated_requests: Rates = Field(
        "3/day", description="Friend requests from one account to a user who has declined one."
    )
    auth_service_url: BaseUrls = Field(
        description="Base URLs of the auth service, comma-separated."
    )
    auth_service_secret: OutgoingSecret = Field(
        description="Secret sent to the auth service; of a list, the first entry."
    )
    chat_service_url: BaseUrls = Field(
        description="Base URLs of the chat service, comma-separated."
    )
    chat_service_secret: OutgoingSecret = Field(
        description="Secret sent to the chat service; of a list, the first entry."
    )

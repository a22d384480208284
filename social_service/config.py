"""Settings of the social service."""

from pydantic import Field

from shared.settings import AuthClientSettings, ChatClientSettings, ServiceSettings
from shared.web.rate_limits import LimitSettings, Rates


class SocialSettings(LimitSettings, AuthClientSettings, ChatClientSettings, ServiceSettings):
    """Settings of the social service."""

    rate_limit_lookups: Rates = Field(
        "60/minute", description="Lookups of strangers per account, by name or id."
    )
    rate_limit_repeated_requests: Rates = Field(
        "3/day", description="Friend requests from one account to a user who has declined one."
    )

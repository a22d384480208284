"""Everything that the chat service takes from its environment."""

from pydantic import Field

from shared.settings import BaseUrls, Secret, ServiceSettings


class ChatSettings(ServiceSettings):
    """Settings of the chat service."""

    auth_service_url: BaseUrls = Field(description="Where accounts that the copy lacks are asked.")
    auth_service_secret: Secret = Field(description="What it asks of its callers.")
    social_service_url: BaseUrls = Field(description="Where friendships are copied from again.")
    social_service_secret: Secret = Field(description="What it asks of its callers.")

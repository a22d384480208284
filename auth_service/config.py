"""Everything that the auth service takes from its environment."""

from pydantic import Field, SecretStr, field_validator

from shared.keys import private_key
from shared.settings import BaseUrls, Secret, ServiceSettings


class AuthSettings(ServiceSettings):
    """Settings of the auth service."""

    jwt_private_key: SecretStr = Field(description="PEM of the Ed25519 key that signs tokens.")
    token_lifetime: int = Field(7 * 24 * 3600, gt=0, description="Seconds that a token lives.")
    social_service_url: BaseUrls = Field(description="Where the social service takes events.")
    social_service_secret: Secret = Field(description="What it asks of its callers.")
    chat_service_url: BaseUrls = Field(description="Where the chat service takes events.")
    chat_service_secret: Secret = Field(description="What it asks of its callers.")

    @field_validator("jwt_private_key")
    @classmethod
    def _is_a_key(cls, pem: SecretStr) -> SecretStr:
        private_key(pem.get_secret_value())
        return pem

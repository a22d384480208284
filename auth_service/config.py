"""Everything that the auth service takes from its environment."""

from email.utils import parseaddr
from typing import Literal
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, ValidationInfo, field_validator

from shared.keys import key_id, private_key, public_keys
from shared.media import MediaSettings
from shared.settings import BaseUrls, Secret, ServiceSettings

DEVELOPMENT_KEY = "ims-development!"


class AuthSettings(MediaSettings, ServiceSettings):
    """Settings of the auth service."""

    jwt_private_key: SecretStr = Field(description="PEM of the Ed25519 key that signs tokens.")
    token_lifetime: int = Field(
        7 * 24 * 3600, gt=0, le=10 * 365 * 24 * 3600, description="Seconds that a token lives."
    )
    password_transport_key: SecretStr = Field(
        SecretStr(DEVELOPMENT_KEY),
        description="16 bytes, shared with the clients, that encrypt passwords on their way; "
        f"`{DEVELOPMENT_KEY}` unless set.",
    )
    password_transport: Literal["any", "encrypted"] = Field(
        "any", description="`encrypted` refuses passwords that come as they are."
    )
    smtp_url: SecretStr = Field(
        SecretStr(""),
        description="`smtp://`, `smtp+starttls://` or `smtps://`, then `user:password@host:port`; "
        "empty: mail is written to `DATA_DIR/mail`.",
    )
    smtp_timeout_seconds: float = Field(
        3, gt=0, le=8, description="How long each answer of the mail server may take."
    )
    mail_from: str = Field("IMS <ims@localhost>", description="Sender of mail.")
    social_service_url: BaseUrls = Field(description="Where the social service takes events.")
    social_service_secret: Secret = Field(description="What it asks of its callers.")
    chat_service_url: BaseUrls = Field(description="Where the chat service takes events.")
    chat_service_secret: Secret = Field(description="What it asks of its callers.")

    @field_validator("jwt_private_key")
    @classmethod
    def _is_accepted(cls, pem: SecretStr, info: ValidationInfo) -> SecretStr:
        own = key_id(private_key(pem.get_secret_value()).public_key())
        accepted = info.data.get("jwt_public_keys")  # None if these are wrong themselves.
        if accepted is not None and own not in public_keys(accepted):
            raise ValueError("its public key is not among JWT_PUBLIC_KEYS")
        return pem

    @field_validator("password_transport_key")
    @classmethod
    def _has_the_length_of_a_key(cls, key: SecretStr) -> SecretStr:
        if len(key.get_secret_value().encode()) != 16:
            raise ValueError("is not 16 bytes long")
        return key

    @field_validator("smtp_url")
    @classmethod
    def _names_a_server(cls, url: SecretStr) -> SecretStr:
        parts = urlsplit(url.get_secret_value())
        known = parts.scheme in {"smtp", "smtp+starttls", "smtps"} and parts.hostname
        if url and not (known and parts.port != 0):
            raise ValueError("is not like smtps://user:password@host:port")
        return url

    @field_validator("mail_from")
    @classmethod
    def _has_an_address(cls, sender: str) -> str:
        if "@" not in parseaddr(sender)[1]:
            raise ValueError("holds no e-mail address")
        return sender

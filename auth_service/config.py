"""Settings of the auth service."""

from email.utils import parseaddr
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, ValidationInfo, field_validator

from shared.keys import key_id, load_private_key, load_public_keys
from shared.media.object_store import MediaSettings
from shared.settings import (
    ChatClientSettings,
    RedisSettings,
    ServiceSettings,
    SocialClientSettings,
    matching,
    reject_weak_secret,
)
from shared.web.rate_limits import LimitSettings, Rates

DEVELOPMENT_KEY = "ims-development!"
_LOOPBACK = ("localhost", "127.0.0.1", "::1")


def _is_production(settings: dict[str, Any]) -> bool:
    """Whether this is a production installation: a database server and a public base URL."""
    database: str = settings.get("database_url") or "sqlite:"
    address: str = settings.get("public_base_url") or "//localhost"
    return not database.startswith("sqlite") and (urlsplit(address).hostname or "") not in _LOOPBACK


class AuthSettings(
    LimitSettings,
    MediaSettings,
    SocialClientSettings,
    ChatClientSettings,
    RedisSettings,
    ServiceSettings,
):
    """Settings of the auth service."""

    deprecated_names = {
        **ServiceSettings.deprecated_names,
        "TOKEN_LIFETIME": "TOKEN_LIFETIME_SECONDS",
        "RATE_LIMIT_CODES": "RATE_LIMIT_VERIFICATION_CODES",
        "RATE_LIMIT_CODES_ADDRESS": "RATE_LIMIT_VERIFICATION_CODES_ADDRESS",
    }

    jwt_private_key: SecretStr = Field(description="Ed25519 private key that signs tokens, as PEM.")
    token_lifetime_seconds: int = Field(
        7 * 24 * 3600, gt=0, le=10 * 365 * 24 * 3600, description="Lifetime of a token in seconds."
    )
    password_transport_key: SecretStr = Field(
        SecretStr(DEVELOPMENT_KEY),
        validate_default=True,
        description="Key of 16 bytes, shared with the clients, that encrypts passwords in transit. "
        f"The default, `{DEVELOPMENT_KEY}`, is rejected with a database server and a public "
        "`PUBLIC_BASE_URL`.",
    )
    password_transport: Literal["any", "encrypted"] = Field(
        "any", description="`encrypted` rejects plaintext passwords."
    )
    registration: Annotated[
        str,
        matching(
            r"open|closed|domains: *[^\s,]+(, *[^\s,]+)*",
            "open, closed or domains:example.com,example.org",
        ),
    ] = Field(
        "open",
        description="Who may register: `open`, `closed`, or `domains:example.com,example.org` for "
        "addresses of these domains.",
    )
    smtp_url: SecretStr = Field(
        SecretStr(""),
        description="`smtp://`, `smtp+starttls://` or `smtps://`, then `user:password@host:port`; "
        "empty: mail is written to `DATA_DIR/mail`.",
    )
    smtp_timeout_seconds: float = Field(
        3, gt=0, le=8, description="Timeout of each response of the mail server."
    )
    mail_from: str = Field("IMS <ims@localhost>", description="Sender address of mail.")
    rate_limit_logins: Rates = Field(
        "30/minute",
        description="Login attempts per e-mail and address, with right or wrong password.",
    )
    rate_limit_failed_logins: Rates = Field(
        "15/minute and 20/hour", description="Wrong passwords per e-mail and address."
    )
    rate_limit_failed_logins_email: Rates = Field(
        "30/minute and 50/hour",
        description="Wrong passwords per e-mail, from all addresses. Addresses that have recently "
        "signed in to the account are counted separately from all others.",
    )
    rate_limit_failed_logins_address: Rates = Field(
        "100/minute and 500/hour",
        description="Wrong passwords and unknown e-mails per address.",
    )
    rate_limit_exports: Rates = Field("2/day", description="Data exports per account.")
    rate_limit_email_checks: Rates = Field(
        "10/minute and 20/hour",
        description="E-mail changes per account, because they reveal whether an e-mail is "
        "registered.",
    )
    rate_limit_registrations: Rates = Field("2000/minute", description="Registrations per address.")
    rate_limit_verification_codes: Rates = Field(
        "1/minute or 2/hour", description="Verification codes per e-mail."
    )
    rate_limit_verification_codes_address: Rates = Field(
        "60/minute or 300/hour", description="Verification codes requested per address."
    )

    @field_validator("jwt_private_key")
    @classmethod
    def _validate_private_key(cls, pem: SecretStr, info: ValidationInfo) -> SecretStr:
        own = key_id(load_private_key(pem.get_secret_value()).public_key())
        accepted = info.data.get("jwt_public_keys")  # None if these are wrong themselves.
        if accepted is not None and own not in load_public_keys(accepted):
            raise ValueError("its public key is not among JWT_PUBLIC_KEYS")
        return pem

    @field_validator("password_transport_key")
    @classmethod
    def _validate_transport_key(cls, key: SecretStr, info: ValidationInfo) -> SecretStr:
        if len(key.get_secret_value().encode()) != 16:
            raise ValueError("is not 16 bytes long")
        if _is_production(info.data):
            if key.get_secret_value() == DEVELOPMENT_KEY:
                raise ValueError(
                    "is the published one: with PUBLIC_BASE_URL, set one of your own, such as "
                    "`openssl rand -hex 8`, which the clients share"
                )
            reject_weak_secret(key)
        return key

    @field_validator("smtp_url")
    @classmethod
    def _validate_smtp_url(cls, url: SecretStr) -> SecretStr:
        parts = urlsplit(url.get_secret_value())
        known = parts.scheme in {"smtp", "smtp+starttls", "smtps"} and parts.hostname
        if url and not (known and parts.port != 0):
            raise ValueError("is not like smtps://user:password@host:port")
        return url

    @field_validator("mail_from")
    @classmethod
    def _validate_mail_from(cls, sender: str) -> str:
        if "@" not in parseaddr(sender)[1]:
            raise ValueError("holds no e-mail address")
        return sender

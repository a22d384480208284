"""An invalid setting prevents the start, with an error that names it without its value."""

from collections.abc import Mapping

import pytest

from auth_service.app import create_app
from auth_service.config import DEVELOPMENT_KEY, AuthSettings
from shared.keys import generate_key_pair
from shared.settings import load_settings

FOREIGN_KEY, _ = generate_key_pair()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("JWT_PRIVATE_KEY", "no key of ours"),
        pytest.param("JWT_PRIVATE_KEY", FOREIGN_KEY, id="a foreign key"),
        ("JWT_PUBLIC_KEYS", "no keys of ours"),
        ("TOKEN_LIFETIME_SECONDS", "-77"),
        ("PASSWORD_TRANSPORT_KEY", "fifteen bytes.."),
        ("PASSWORD_TRANSPORT", "unknown"),
        ("SMTP_URL", "https://mail.example.com"),
        ("SMTP_URL", "smtp://"),
        ("SMTP_URL", "smtp://mail:notaport"),
        ("MAIL_FROM", "no address"),
        ("MEDIA_URL", "ftp://files.example.com"),
        ("REDIS_URL", "memcached://cache"),
        ("SOCIAL_SERVICE_URL", "ftp://social"),
        ("CHAT_SERVICE_SECRET", "tooshort"),
        ("CHAT_SERVICE_SECRET", "changemechangeme"),
        ("INTERNAL_SECRETS", "secretsecretsecret"),
        ("RATE_LIMITS", "sometimes"),
        ("RATE_LIMIT_FAILED_LOGINS", "often"),
        ("RATE_LIMIT_REGISTRATIONS", "0 per hour"),
    ],
)
def test_a_wrong_setting_is_named_and_never_shown(
    env: Mapping[str, str], name: str, value: str
) -> None:
    with pytest.raises(SystemExit) as stop:
        create_app({**env, name: value})
    assert str(stop.value).startswith(f"{name}: ")
    assert value not in str(stop.value)


@pytest.mark.parametrize("name", ["JWT_PRIVATE_KEY", "JWT_PUBLIC_KEYS", "CHAT_SERVICE_URL"])
def test_a_missing_setting_is_named(env: Mapping[str, str], name: str) -> None:
    with pytest.raises(SystemExit, match=f"^{name}: Field required"):
        create_app({**env, name: ""})


@pytest.mark.parametrize("key", ["", DEVELOPMENT_KEY, "aaaaaaaaaaaaaaaa", "password12345678"])
def test_a_real_installation_wants_a_transport_key_of_its_own(
    env: Mapping[str, str], key: str
) -> None:
    real = {"DATABASE_URL": "postgresql://db", "PUBLIC_BASE_URL": "https://ims.example.com"}
    with pytest.raises(SystemExit, match=r"^PASSWORD_TRANSPORT_KEY: is "):
        create_app({**env, **real, "PASSWORD_TRANSPORT_KEY": key})


@pytest.mark.parametrize(
    ("database", "address"),
    [
        ("", "https://ims.example.com"),
        ("postgresql://db", ""),
        ("postgresql://db", "http://127.0.0.1:8000"),
    ],
)
def test_a_trial_may_use_the_published_transport_key(
    env: Mapping[str, str], database: str, address: str
) -> None:
    own = {"DATABASE_URL": database, "PUBLIC_BASE_URL": address}
    settings = load_settings(AuthSettings, {**env, **own})
    assert settings.password_transport_key.get_secret_value() == DEVELOPMENT_KEY

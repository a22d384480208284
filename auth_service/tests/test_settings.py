"""A wrong setting stops the start, and says which it is without showing it."""

from collections.abc import Mapping

import pytest

from auth_service.app import create_app
from shared.keys import new_key_pair

FOREIGN_KEY, _ = new_key_pair()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("JWT_PRIVATE_KEY", "no key of ours"),
        ("JWT_PRIVATE_KEY", FOREIGN_KEY),
        ("JWT_PUBLIC_KEYS", "no keys of ours"),
        ("TOKEN_LIFETIME", "-77"),
        ("PASSWORD_TRANSPORT_KEY", "fifteen bytes.."),
        ("PASSWORD_TRANSPORT", "whatever"),
        ("SMTP_URL", "https://mail.example.com"),
        ("SMTP_URL", "smtp://"),
        ("SMTP_URL", "smtp://mail:notaport"),
        ("MAIL_FROM", "nobody at all"),
        ("MEDIA_URL", "ftp://files.example.com"),
        ("REDIS_URL", "memcached://cache"),
        ("SOCIAL_SERVICE_URL", "ftp://social"),
        ("CHAT_SERVICE_SECRET", "tooshort"),
        ("RATE_LIMITS", "sometimes"),
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

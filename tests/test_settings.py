"""Effects of settings: a product with stricter settings than in development."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.client import PASSWORD, ApiClient, encrypted, refused
from tests.factories import befriend, make_group, unused_email
from tests.pictures import data_uri, picture
from tests.product import Product, running

pytestmark = pytest.mark.slow

PUBLIC_BASE_URL = "https://im.example.com"


@pytest.fixture(scope="module")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    """A product with a public name, rate limits and an unavailable mail server."""
    folder: Path = tmp_path_factory.mktemp("strict")
    with running(
        folder / "data",
        RATE_LIMITS="on",
        PASSWORD_TRANSPORT="encrypted",
        PUBLIC_BASE_URL=PUBLIC_BASE_URL,
        SMTP_URL="smtp://127.0.0.1:1",
    ) as product:
        yield product


@pytest.fixture
def visitor(product: Product) -> ApiClient:
    """A client without a token."""
    return ApiClient(product.base_url)


@pytest.fixture
def alice(product: Product) -> ApiClient:
    """The client of a new account."""
    return ApiClient(product.base_url, "Alice", unused_email(), encrypted(PASSWORD)).sign_up()


@pytest.fixture
def bob(product: Product) -> ApiClient:
    """The client of another new account."""
    return ApiClient(product.base_url, "Bob", unused_email(), encrypted(PASSWORD)).sign_up()


def test_registration_can_reject_plaintext_passwords(visitor: ApiClient) -> None:
    reply = visitor.post("/account/reg", email=unused_email(), password=PASSWORD, name="N")

    assert reply == refused(400, -4, "Password illegal")


def test_login_can_reject_plaintext_passwords(alice: ApiClient) -> None:
    reply = alice.post("/account/login", email=alice.email, password=PASSWORD)

    assert reply == refused(401, -3, "密码错误")


def test_a_failure_to_send_mail_is_reported(visitor: ApiClient) -> None:
    reply = visitor.post("/verify", email=unused_email())

    assert reply == refused(404, -5, "发送失败，请检查网络和邮箱")


def test_an_address_gets_three_codes_at_once(visitor: ApiClient) -> None:
    email = unused_email()
    for _ in range(3):
        visitor.post("/verify", email=email)

    response = visitor.fetch("POST", "/verify", json={"email": email})

    assert response.json() == {"code": -429, "info": "Too many requests"}
    assert 0 < int(response.headers["Retry-After"]) <= 60


def test_urls_begin_with_the_public_name(alice: ApiClient, bob: ApiClient) -> None:
    befriend(alice, bob)
    group = make_group(alice, bob)
    alice.put("/account/info", origin_password=alice.password, avatar=data_uri(picture())).result()
    where = {"conversationId": str(group)}
    alice.call("POST", "/conversations/image", data=where, files={"image": picture()}).result()

    [message] = bob.list_messages(group).messages

    assert message.content.startswith(f"{PUBLIC_BASE_URL}/media/")
    assert message.sender_avatar.startswith(f"{PUBLIC_BASE_URL}/account/avatar/{alice.id}/")

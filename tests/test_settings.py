"""What the settings change: another product, told to be stricter than a developer's."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.people import (
    PASSWORD,
    Person,
    Visitor,
    befriend,
    done,
    encrypted,
    make_group,
    messages,
    refused,
    unused_email,
)
from tests.pictures import data_uri, picture
from tests.product import Product, running

pytestmark = pytest.mark.slow

PUBLIC_BASE_URL = "https://im.example.com"


@pytest.fixture(scope="module")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    """A product behind a public name, with limits, and a mail server that is down."""
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
def visitor(product: Product) -> Visitor:
    """Somebody without a token."""
    return Visitor(product.base_url)


@pytest.fixture
def alice(product: Product) -> Person:
    """Somebody new."""
    return Person(product.base_url, "Alice", unused_email(), encrypted(PASSWORD)).register()


@pytest.fixture
def bob(product: Product) -> Person:
    """Somebody else."""
    return Person(product.base_url, "Bob", unused_email(), encrypted(PASSWORD)).register()


def test_a_plain_password_can_be_refused_at_registering(visitor: Visitor) -> None:
    reply = visitor.post("/account/reg", email=unused_email(), password=PASSWORD, name="N")

    assert reply == refused(400, -4, "Password illegal")


def test_a_plain_password_can_be_refused_at_logging_in(alice: Person) -> None:
    reply = alice.post("/account/login", email=alice.email, password=PASSWORD)

    assert reply == refused(401, -3, "密码错误")


def test_a_mail_that_cannot_be_sent_is_said_to_be(visitor: Visitor) -> None:
    reply = visitor.post("/verify", email=unused_email())

    assert reply == refused(404, -5, "发送失败，请检查网络和邮箱")


def test_the_fourth_code_for_an_address_has_to_wait(visitor: Visitor) -> None:
    email = unused_email()
    for _ in range(3):
        visitor.post("/verify", email=email)

    response = visitor.fetch("POST", "/verify", json={"email": email})

    assert response.json() == {"code": -429, "info": "Too many requests"}
    assert 0 < int(response.headers["Retry-After"]) <= 60


def test_urls_begin_with_the_public_name(alice: Person, bob: Person) -> None:
    befriend(alice, bob)
    group = make_group(alice, bob)
    done(alice.put("/account/info", origin_password=alice.password, avatar=data_uri(picture())))
    where = {"conversationId": str(group)}
    done(alice.call("POST", "/conversations/image", data=where, files={"image": picture()}))

    [message] = messages(bob, group)

    assert message["content"].startswith(f"{PUBLIC_BASE_URL}/media/")
    assert message["senderavatar"].startswith(f"{PUBLIC_BASE_URL}/account/avatar/{alice.id}/")

"""Inputs that expand, nest or never end are rejected, without effects on other users."""

import pytest

from tests.attacks.bombs import REFUSED_FORMS, REFUSED_JSON, REFUSED_PICTURES
from tests.attacks.wire import Door
from tests.client import ApiClient, bad
from tests.factories import befriend, make_group, make_user
from tests.pictures import data_uri

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def mallory(base_url: str) -> ApiClient:
    """An attacker."""
    return make_user(base_url, "Mallory")


@pytest.fixture(scope="module")
def group(base_url: str, mallory: ApiClient) -> int:
    """A conversation of the attacker with a friend."""
    friend = make_user(base_url, "Bob")
    befriend(mallory, friend)
    return make_group(mallory, friend)


@pytest.mark.parametrize("picture", REFUSED_PICTURES.values(), ids=REFUSED_PICTURES.keys())
def test_a_picture_that_is_none_or_too_large_is_no_message(
    mallory: ApiClient, group: int, picture: bytes
) -> None:
    reply = mallory.call(
        "POST", "/conversations/image", data={"conversationId": group}, files={"image": picture}
    )

    assert reply == bad("image")


@pytest.mark.parametrize("picture", REFUSED_PICTURES.values(), ids=REFUSED_PICTURES.keys())
def test_a_picture_that_is_none_or_too_large_is_no_avatar(
    mallory: ApiClient, picture: bytes
) -> None:
    reply = mallory.put("/account/info", origin_password=mallory.password, avatar=data_uri(picture))

    assert reply == bad("avatar")


@pytest.mark.parametrize("body", REFUSED_JSON.values(), ids=REFUSED_JSON.keys())
def test_json_that_explodes_is_refused(social_door: Door, mallory: ApiClient, body: bytes) -> None:
    visitor = ApiClient(social_door.url, token=mallory.token)

    reply = visitor.call("POST", "/groups", data=body)

    assert reply.status in {400, 413}


@pytest.mark.parametrize("body", REFUSED_FORMS.values(), ids=REFUSED_FORMS.keys())
def test_a_form_that_explodes_is_refused(chat_door: Door, mallory: ApiClient, body: bytes) -> None:
    visitor = ApiClient(chat_door.url, token=mallory.token)
    headers = {"Content-Type": "multipart/form-data; boundary=B"}

    reply = visitor.call("POST", "/conversations/image", headers=headers, data=body)

    assert reply.status in {400, 413}


@pytest.mark.parametrize(
    "boundary", ["", "; boundary=", f"; boundary={'B' * 5000}", "; boundary=é"]
)
def test_a_form_without_a_usable_boundary_is_refused(
    chat_door: Door, mallory: ApiClient, boundary: str
) -> None:
    visitor = ApiClient(chat_door.url, token=mallory.token)
    headers = {"Content-Type": f"multipart/form-data{boundary}".encode("latin-1")}

    reply = visitor.call("POST", "/conversations/image", headers=headers, data=b"--B--\r\n")

    assert reply.status == 400

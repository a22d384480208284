"""A group's name and picture (更新群信息/conversations/manage/info)."""

from typing import Any

import pytest
from flask import Flask

from chat_service import errors
from chat_service.tests.factories import befriend, make_group
from chat_service.tests.images import load_image, make_decompression_bomb, make_image, to_data_uri
from shared.testing.cast import ALICE, BOB, CAROL
from shared.testing.client import ApiClient, Reply, assert_error
from shared.web.errors import BAD_PARAMETER, NOT_FOUND

PATH = "/conversations/manage/info"
UNKNOWN_ID = 999
MIB = 1024 * 1024


@pytest.fixture
def group(app: Flask) -> int:
    """Alice's group: bob is an admin, carol a member, dave a stranger."""
    return make_group(app, ALICE, CAROL, admins=(BOB,), name="group")


def update_group(caller: ApiClient, group: int, **changes: Any) -> Reply:
    return caller.post(PATH, json={"conversation_id": group, **changes})


def get_only_conversation(caller: ApiClient) -> dict[str, Any]:
    """The caller's only conversation."""
    [conversation] = caller.get("/conversations").json["conversation"]
    return dict(conversation)


@pytest.mark.parametrize("who", ["alice", "bob"])
def test_the_owner_and_admins_rename_the_group(
    request: pytest.FixtureRequest, who: str, carol: ApiClient, group: int
) -> None:
    caller: ApiClient = request.getfixturevalue(who)
    reply = update_group(caller, group, name="新名字")
    assert reply.json == {"code": 0, "info": "Succeed", "message": "修改群信息成功"}
    assert get_only_conversation(carol)["name"] == "新名字"


def test_absent_and_null_values_change_nothing(alice: ApiClient, group: int) -> None:
    update_group(alice, group, avatar="cat.png")
    assert update_group(alice, group, name=None, avatar=None).status_code == 200
    assert (get_only_conversation(alice)["name"], get_only_conversation(alice)["avatar"]) == (
        "group",
        "cat.png",
    )


@pytest.mark.parametrize("name", ["", "x" * 101, 5, "a\x00b"])
def test_a_name_has_1_to_100_characters(alice: ApiClient, group: int, name: Any) -> None:
    assert_error(update_group(alice, group, name=name), BAD_PARAMETER, field="name")


def test_a_name_of_100_characters_is_accepted(alice: ApiClient, group: int) -> None:
    update_group(alice, group, name="名" * 100)
    assert get_only_conversation(alice)["name"] == "名" * 100


def test_conversation_not_found(alice: ApiClient) -> None:
    assert_error(update_group(alice, UNKNOWN_ID, name="x"), errors.CONVERSATION_NOT_FOUND)


@pytest.mark.parametrize("who", ["carol", "dave"])
def test_members_and_strangers_have_no_permission(
    request: pytest.FixtureRequest, who: str, group: int
) -> None:
    caller: ApiClient = request.getfixturevalue(who)
    assert_error(update_group(caller, group, avatar="javascript:x"), errors.MAY_NOT_UPDATE)


def test_a_private_conversation_has_no_owner(app: Flask, alice: ApiClient) -> None:
    befriend(app, ALICE, BOB)
    assert_error(
        update_group(alice, get_only_conversation(alice)["id"], name="x"), errors.MAY_NOT_UPDATE
    )


@pytest.mark.parametrize("bare", [False, True])
def test_a_picture_has_the_url_of_a_small_rendition(
    alice: ApiClient, anonymous: ApiClient, group: int, bare: bool
) -> None:
    sent = to_data_uri(make_image("PNG", (2000, 1000)))
    update_group(alice, group, avatar=sent.partition(",")[2] if bare else sent)

    url: str = get_only_conversation(alice)["avatar"]
    seen = anonymous.get(url.removeprefix("http://localhost"))

    assert url.startswith("http://localhost/media/")
    assert load_image(seen.data).size == (512, 256)


def test_the_current_url_changes_nothing(alice: ApiClient, group: int) -> None:
    update_group(alice, group, avatar=to_data_uri(make_image()))
    url = get_only_conversation(alice)["avatar"]
    update_group(alice, group, name="renamed", avatar=url)
    update_group(alice, group, avatar=url.replace("http://localhost", "https://chat.example"))
    assert get_only_conversation(alice)["avatar"] == url
    assert alice.get(url.removeprefix("http://localhost")).status_code == 200


def test_a_new_picture_has_another_url_and_the_old_file_is_deleted(
    alice: ApiClient, group: int
) -> None:
    update_group(alice, group, avatar=to_data_uri(make_image()))
    before = get_only_conversation(alice)["avatar"]
    update_group(alice, group, avatar=to_data_uri(make_image("GIF"), "gif"))
    assert get_only_conversation(alice)["avatar"] != before
    assert_error(alice.get(before.removeprefix("http://localhost")), NOT_FOUND)


def test_an_empty_avatar_clears_it(alice: ApiClient, group: int) -> None:
    update_group(alice, group, avatar=to_data_uri(make_image()))
    url = get_only_conversation(alice)["avatar"]
    update_group(alice, group, avatar="")
    assert get_only_conversation(alice)["avatar"] == ""
    assert_error(alice.get(url.removeprefix("http://localhost")), NOT_FOUND)


@pytest.mark.parametrize("reference", ["https://example.com/a.png", "built-in-7", "x" * 2048])
def test_a_reference_is_returned_unchanged(alice: ApiClient, group: int, reference: str) -> None:
    update_group(alice, group, avatar=reference)
    assert get_only_conversation(alice)["avatar"] == reference


@pytest.mark.parametrize(
    "avatar",
    [
        pytest.param("javascript:alert(1)", id="javascript"),
        pytest.param("data:text/html,<script>", id="html"),
        pytest.param("data:image/svg+xml;base64,PHN2Zy8+", id="svg"),
        pytest.param(to_data_uri(make_image()[:-30]), id="cut off"),
        pytest.param(to_data_uri(make_decompression_bomb()), id="too many pixels"),
        pytest.param("a\nb", id="control character"),
        pytest.param("x" * 2049, id="too long"),
        pytest.param(
            to_data_uri(make_image("PNG", (900, 900), compress_level=0)), id="beyond 2 MiB"
        ),
        pytest.param(5, id="no text"),
    ],
)
def test_an_invalid_avatar_changes_nothing(alice: ApiClient, group: int, avatar: Any) -> None:
    reply = update_group(alice, group, name="renamed", avatar=avatar)
    assert_error(reply, BAD_PARAMETER, field="avatar")
    assert (get_only_conversation(alice)["name"], get_only_conversation(alice)["avatar"]) == (
        "group",
        "",
    )


def test_dissolving_a_group_deletes_its_picture(alice: ApiClient, group: int) -> None:
    update_group(alice, group, avatar=to_data_uri(make_image()))
    url = get_only_conversation(alice)["avatar"]
    alice.post("/conversations/member/remove", json={"conversation_id": group})
    assert_error(alice.get(url.removeprefix("http://localhost")), NOT_FOUND)

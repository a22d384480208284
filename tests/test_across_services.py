"""Accounts, friendships and conversations agree across the services."""

from email import message_from_bytes, policy
from pathlib import Path
from typing import Any

import pytest

from tests.client import UNKNOWN, ApiClient, decrypted, encrypted, refused
from tests.factories import (
    befriend,
    list_contents,
    make_friend_group,
    make_group,
    make_private,
    unused_email,
)
from tests.pictures import data_uri, opened, photograph
from tests.shapes import assert_shows


def change(person: ApiClient, **fields: Any) -> None:
    """Change the profile of a user."""
    person.put("/account/info", origin_password=person.password, **fields).result()


def friends(person: ApiClient) -> list[int]:
    """The ids of the friends of a user."""
    return [each["id"] for each in person.get("/friends").result()["friends"]]


def members_of(owner: ApiClient, group_id: int) -> list[int]:
    """The ids of the friends in a friend group."""
    return [
        each["id"] for each in owner.get("/groups/members", group_id=group_id).result()["members"]
    ]


def mails_to(email: str, data_dir: Path) -> list[str]:
    """The texts of the e-mails to an address in the mail folder."""
    parsed = [
        message_from_bytes(each.read_bytes(), policy=policy.default)
        for each in data_dir.rglob("*.eml")
    ]
    return [
        body.get_content()
        for each in parsed
        if email in str(each["To"]) and (body := each.get_body()) is not None
    ]


def test_a_verification_code_is_mailed_and_returned_encrypted(
    visitor: ApiClient, data_dir: Path
) -> None:
    email = unused_email()

    reply = visitor.post("/verify", email=email)

    code = decrypted(reply.body["verify_code"])
    assert_shows(reply, info="Succeed", message="发送成功", verify_code=encrypted(code))
    assert (len(code), code.isdecimal(), code.isascii()) == (6, True, True)
    [mail] = mails_to(email, data_dir)
    assert code in mail


def test_a_restored_account_has_everything_again(alice: ApiClient, bob: ApiClient) -> None:
    befriend(alice, bob)
    family = make_friend_group(alice, "Family", bob)
    group = make_group(alice, bob)
    alice.send_text(group, "before")
    alice.delete("/account/delete").result()

    alice.sign_up()

    assert friends(alice) == [bob.id]
    assert [each["id"] for each in alice.get("/groups").result()["groups"]] == [family]
    assert list_contents(alice, group) == ["before"]
    assert bob.get_private_conversation(alice.id).id == alice.get_private_conversation(bob.id).id


def test_a_deleted_account_is_shown_as_deleted(alice: ApiClient, bob: ApiClient) -> None:
    befriend(alice, bob)
    bob.delete("/account/delete").result()

    [friend] = alice.get("/friends").result()["friends"]
    friend_of_alice = alice.get("/manage_friends", friend_id=bob.id).result()

    assert (friend["id"], friend["deleted"], friend_of_alice["deleted"]) == (bob.id, True, True)


def test_a_deleted_account_cannot_make_friends(alice: ApiClient, bob: ApiClient) -> None:
    alice.delete("/account/delete").result()

    reply = alice.post("/add_friend", target_id=bob.id)

    assert reply == refused(404, -1, "User not found or deleted")


@pytest.mark.parametrize("method", ["POST", "DELETE"])
@pytest.mark.parametrize("deleted", ["sender", "receiver"])
def test_a_friend_request_of_or_to_a_deleted_account_cannot_be_handled(
    alice: ApiClient, bob: ApiClient, method: str, deleted: str
) -> None:
    bob.send_friend_request(alice.id)
    {"sender": bob, "receiver": alice}[deleted].delete("/account/delete").result()
    pair = {"sender_user_id": bob.id, "receiver_user_id": alice.id}

    reply = alice.call(method, "/friend_request_handle", json=pair)

    assert reply == refused(404, -1, "User deleted")


def test_a_changed_profile_is_visible_in_all_services_at_once(
    alice: ApiClient, bob: ApiClient
) -> None:
    befriend(alice, bob)
    private, group = alice.get_private_conversation(bob.id).id, make_group(alice, bob)
    bob.send_text(group, "hello")

    change(bob, name="Robert", avatar="builtin", user_info="About me")

    [friend] = alice.get("/friends").result()["friends"]
    user = alice.get("/search_user_detail", userId=bob.id).result()["user"]
    listed = alice.get_conversation(private)
    [message] = alice.get("/conversations/messages", conversationId=group).result()["messages"]
    assert (friend["name"], friend["avatar"]) == ("Robert", "builtin")
    assert (user["name"], user["user_info"], user["is_friend"]) == ("Robert", "About me", True)
    assert (listed.name, listed.avatar, listed.friend_id) == ("Robert", "builtin", bob.id)
    assert (message["sendername"], message["senderavatar"]) == ("Robert", "builtin")


def test_the_url_of_an_avatar_needs_no_token_and_is_immutable(
    base_url: str, alice: ApiClient, visitor: ApiClient
) -> None:
    change(alice, avatar=data_uri(photograph(), "jpeg"))

    url = alice.get("/search_user_detail", userId=alice.id).result()["user"]["avatar"]
    response = visitor.fetch("GET", url)

    assert url.startswith(f"{base_url}/account/avatar/{alice.id}/")
    assert response.headers["Content-Type"].startswith("image/")
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert "immutable" in response.headers["Cache-Control"]
    assert not opened(response.content).getexif()


def test_new_friends_have_a_private_conversation(alice: ApiClient, bob: ApiClient) -> None:
    befriend(alice, bob)

    assert_shows(
        bob.get("/conversations"),
        info="success",
        conversation=[
            {
                "id": alice.get_private_conversation(bob.id).id,
                "name": "Alice",
                "avatar": "",
                "last_message": "",
                "last_message_time": "",
                "is_chat_group": False,
                "friend_id": alice.id,
                "is_top": False,
                "notice_able": True,
                "unread_count": 0,
            }
        ],
    )


def test_ending_a_friendship_ends_it_for_both_users(alice: ApiClient, bob: ApiClient) -> None:
    befriend(alice, bob)
    his = make_friend_group(bob, "His", alice)
    hers = make_friend_group(alice, "Hers", bob)

    bob.remove_friend(alice.id)

    assert (friends(alice), friends(bob)) == ([], [])
    assert (members_of(bob, his), members_of(alice, hers)) == ([], [])
    assert (alice.list_conversations(), bob.list_conversations()) == ([], [])


def test_a_new_friendship_reopens_the_conversation_with_its_history(
    alice: ApiClient, bob: ApiClient
) -> None:
    before = make_private(alice, bob)
    alice.send_text(before, "before")
    alice.remove_friend(bob.id)

    befriend(bob, alice)

    assert alice.get_private_conversation(bob.id).id == before
    assert list_contents(bob, before) == ["before"]


def test_the_private_conversation_with_a_deleted_friend_stays(
    alice: ApiClient, bob: ApiClient
) -> None:
    private = make_private(alice, bob)
    bob.send_text(private, "Bye")

    bob.delete("/account/delete").result()

    assert alice.get_conversation(private).last_message == "Bye"


@pytest.mark.parametrize("who", ["alice", "bob"])
def test_a_closed_private_conversation_is_not_found_by_both_users(
    alice: ApiClient, bob: ApiClient, who: str
) -> None:
    private = make_private(alice, bob)
    message_id = alice.send_text(private, "hello").message_id
    alice.remove_friend(bob.id)
    person = {"alice": alice, "bob": bob}[who]

    gone = [
        person.get("/conversations/messages", conversationId=private),
        person.get("/interface", conversation_id=private),
        person.post("/conversations/messages", conversationId=private, content="hello"),
        person.get("/conversations/get_members", conversation_id=private),
        person.get("/conversations/get_reply", message_id=message_id),
    ]

    assert gone == [
        person.get("/conversations/messages", conversationId=UNKNOWN),
        person.get("/interface", conversation_id=UNKNOWN),
        person.post("/conversations/messages", conversationId=UNKNOWN, content="hello"),
        person.get("/conversations/get_members", conversation_id=UNKNOWN),
        person.get("/conversations/get_reply", message_id=UNKNOWN),
    ]

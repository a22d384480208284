"""A request changes only the fields of its endpoint, with any additional fields."""

import pytest

from tests.client import PASSWORD, ApiClient
from tests.factories import befriend, make_group, make_private, roles_in, unused_email

pytestmark = pytest.mark.slow


def test_registering_chooses_no_id_and_no_history(visitor: ApiClient, alice: ApiClient) -> None:
    email = unused_email()

    made = visitor.post(
        "/account/reg",
        email=email,
        name="N",
        password=PASSWORD,
        id=alice.id,
        user_id=alice.id,
        email_key=alice.email,
        deleted=True,
        generation=-1,
        version=10**6,
        password_hash="x",
        created_at="2000-01-01T00:00:00Z",
    ).result()

    assert made["id"] > alice.id
    assert (
        ApiClient(visitor.base_url, token=made["token"]).get("/account/info").result()["email"]
        == email
    )


def test_changing_an_account_changes_no_other_and_nothing_inside(
    alice: ApiClient, bob: ApiClient
) -> None:
    change = {"origin_password": alice.password, "name": "Mallory"}

    ids = {"id": bob.id, "account_id": bob.id, "user_id": bob.id}
    inside = {"deleted": True, "generation": 9, "version": 0, "password_hash": "x"}

    alice.put("/account/info", **change, **ids, **inside).result()

    assert bob.get("/account/info").result()["name"] == "Bob"
    assert alice.get("/account/info").result()["id"] == alice.id
    assert alice.sign_in().token


def test_asking_for_friendship_is_done_in_ones_own_name(alice: ApiClient, bob: ApiClient) -> None:
    others = {"sender_id": bob.id, "sender_user_id": bob.id, "receiver_id": alice.id}

    alice.post("/add_friend", target_id=bob.id, **others, status=1, active=True).result()

    [friend_request] = bob.get("/friend_requests").result()["requests"]
    assert (friend_request["sender_user_id"], alice.get("/friends").result()["friends"]) == (
        alice.id,
        [],
    )


def test_a_message_is_of_who_sends_it_now(alice: ApiClient, bob: ApiClient) -> None:
    chat = make_private(alice, bob)

    others = {"sender_id": bob.id, "senderid": bob.id, "user_id": bob.id, "id": 1}

    before = {"seq": 99, "type": 1, "created_time": "2000-01-01T00:00:00Z"}
    message = {"conversationId": chat, "content": "hello"}

    sent = alice.post("/conversations/messages", **message, **others, **before).result()

    [got] = bob.list_messages(chat).messages
    assert (got.id, got.sender_id, got.seq) == (sent["message_id"], alice.id, 1)
    assert got.sent_at.year > 2020


def test_the_creator_of_a_group_is_its_owner(alice: ApiClient, bob: ApiClient) -> None:
    befriend(alice, bob)

    others = {"owner": bob.id, "owner_id": bob.id, "friend_id": bob.id, "admins": [bob.id]}

    made = alice.post(
        "/conversations", members=[bob.id], name="G", is_chat_group=False, **others
    ).result()

    assert roles_in(alice, made["conversation_id"]) == {alice.id: 1, bob.id: 3}


def test_managing_a_group_changes_no_roles(alice: ApiClient, bob: ApiClient) -> None:
    befriend(alice, bob)
    group = make_group(alice, bob)

    inside = {"owner": bob.id, "role": 1, "members": [], "is_chat_group": False, "last_seq": 7}

    alice.post("/conversations/manage/info", conversation_id=group, name="New", **inside).result()

    assert (roles_in(alice, group), alice.get_conversation(group).name) == (
        {alice.id: 1, bob.id: 3},
        "New",
    )


def test_settings_of_a_conversation_are_ones_own(alice: ApiClient, bob: ApiClient) -> None:
    befriend(alice, bob)
    group = make_group(alice, bob)

    inside = {"user": bob.id, "user_id": bob.id, "role": 1, "read_seq": 99, "unread_seq": 99}

    alice.post("/interface", conversationId=group, ontop=True, **inside).result()

    before = bob.get("/interface", conversation_id=group).result()
    assert (before["ontop"], roles_in(bob, group)[bob.id]) == (False, 3)

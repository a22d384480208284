"""A request sets what its endpoint is about, whatever else stands in it."""

import pytest

from tests.people import (
    PASSWORD,
    Person,
    Visitor,
    befriend,
    conversation,
    done,
    make_group,
    members,
    messages,
    private_chat,
    unused_email,
)

pytestmark = pytest.mark.slow


def test_registering_chooses_no_id_and_no_history(visitor: Visitor, alice: Person) -> None:
    email = unused_email()

    made = done(
        visitor.post(
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
        )
    )

    assert made["id"] > alice.id
    assert done(Visitor(visitor.base_url, made["token"]).get("/account/info"))["email"] == email


def test_changing_an_account_changes_no_other_and_nothing_inside(
    alice: Person, bob: Person
) -> None:
    change = {"origin_password": alice.password, "name": "Mallory"}

    ids = {"id": bob.id, "account_id": bob.id, "user_id": bob.id}
    inside = {"deleted": True, "generation": 9, "version": 0, "password_hash": "x"}

    done(alice.put("/account/info", **change, **ids, **inside))

    assert done(bob.get("/account/info"))["name"] == "Bob"
    assert done(alice.get("/account/info"))["id"] == alice.id
    assert alice.log_in().token


def test_asking_for_friendship_is_done_in_ones_own_name(alice: Person, bob: Person) -> None:
    others = {"sender_id": bob.id, "sender_user_id": bob.id, "receiver_id": alice.id}

    done(alice.post("/add_friend", target_id=bob.id, **others, status=1, active=True))

    [asked] = done(bob.get("/friend_requests"))["requests"]
    assert (asked["sender_user_id"], done(alice.get("/friends"))["friends"]) == (alice.id, [])


def test_a_message_is_of_who_sends_it_now(alice: Person, bob: Person) -> None:
    befriend(alice, bob)
    chat = private_chat(alice, bob)

    others = {"sender_id": bob.id, "senderid": bob.id, "user_id": bob.id, "id": 1}

    before = {"seq": 99, "type": 1, "created_time": "2000-01-01T00:00:00Z"}
    message = {"conversationId": chat, "content": "hello"}

    sent = done(alice.post("/conversations/messages", **message, **others, **before))

    [got] = messages(bob, chat)
    assert (got["id"], got["senderid"], got["seq"]) == (sent["message_id"], alice.id, 1)
    assert got["created_time"] > "2020"


def test_making_a_group_makes_oneself_its_owner(alice: Person, bob: Person) -> None:
    befriend(alice, bob)

    others = {"owner": bob.id, "owner_id": bob.id, "friend_id": bob.id, "admins": [bob.id]}

    made = done(
        alice.post("/conversations", members=[bob.id], name="G", is_chat_group=False, **others)
    )

    assert members(alice, made["conversation_id"]) == {alice.id: 1, bob.id: 3}


def test_managing_a_group_changes_no_roles(alice: Person, bob: Person) -> None:
    befriend(alice, bob)
    group = make_group(alice, bob)

    inside = {"owner": bob.id, "role": 1, "members": [], "is_chat_group": False, "last_seq": 7}

    done(alice.post("/conversations/manage/info", conversation_id=group, name="New", **inside))

    assert (members(alice, group), conversation(alice, group)["name"]) == (
        {alice.id: 1, bob.id: 3},
        "New",
    )


def test_settings_of_a_conversation_are_ones_own(alice: Person, bob: Person) -> None:
    befriend(alice, bob)
    group = make_group(alice, bob)

    inside = {"user": bob.id, "user_id": bob.id, "role": 1, "read_seq": 99, "unread_seq": 99}

    done(alice.post("/interface", conversationId=group, ontop=True, **inside))

    before = done(bob.get("/interface", conversation_id=group))
    assert (before["ontop"], members(bob, group)[bob.id]) == (False, 3)

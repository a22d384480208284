"""Blocking, through the gateway and all services, as the one who blocks and the blocked see it."""

from ims_client import Client

from tests.people import (
    Person,
    accept,
    befriend,
    conversations,
    done,
    make_group,
    newcomer,
    private_chat,
    refused,
    send,
)

NOT_FRIENDS = refused(400, -3, "Not friend with current user.")


def _pair(base_url: str) -> tuple[Person, Person]:
    alice, bob = newcomer(base_url, "Alice"), newcomer(base_url, "Bob")
    befriend(alice, bob)
    return alice, bob


def test_blocking_a_friend_closes_the_private_conversation_for_both(base_url: str) -> None:
    alice, bob = _pair(base_url)
    chat = private_chat(alice, bob)
    send(bob, chat, "Hello")

    done(alice.post("/blocks", user_id=bob.id))

    assert (conversations(alice), conversations(bob)) == ([], [])
    gone = refused(404, -1, "Conversation not found")
    assert bob.post("/conversations/messages", conversationId=chat, content="?") == gone
    assert done(bob.get("/friends"))["friends"] == []


def test_the_blocked_cannot_bring_the_other_into_a_group(base_url: str) -> None:
    alice, bob = _pair(base_url)
    carol = newcomer(base_url, "Carol")
    befriend(bob, carol)
    group = make_group(bob, carol)

    done(alice.post("/blocks", user_id=bob.id))

    assert bob.post("/conversations", members=[alice.id], name="Trap") == NOT_FRIENDS
    invited = bob.post("/conversations/member/add", conversationId=group, member_id=alice.id)
    stranger = newcomer(base_url, "Stranger")
    as_for_strangers = bob.post(
        "/conversations/member/add", conversationId=group, member_id=stranger.id
    )
    assert invited == as_for_strangers
    assert invited.status == 403


def test_a_request_of_the_blocked_succeeds_and_arrives_nowhere(base_url: str) -> None:
    alice, bob = newcomer(base_url, "Alice"), newcomer(base_url, "Bob")
    done(alice.post("/blocks", user_id=bob.id))

    sent = bob.post("/add_friend", target_id=alice.id, message="Hello")
    again = bob.post("/add_friend", target_id=alice.id, message="Hello")

    assert sent == (200, {"code": 0, "info": "success", "message": "申请成功"})
    assert again == refused(403, -5, "Friend request already sent")
    assert done(alice.get("/friend_requests"))["requests"] == []


def test_the_private_conversation_is_there_again_after_a_new_friendship(base_url: str) -> None:
    alice, bob = _pair(base_url)
    chat = private_chat(alice, bob)
    send(bob, chat, "before")
    done(alice.post("/blocks", user_id=bob.id))
    done(bob.post("/add_friend", target_id=alice.id))

    done(alice.post("/add_friend", target_id=bob.id))
    accept(bob, alice)

    assert private_chat(bob, alice) == chat
    assert done(alice.get("/blocks"))["blocks"] == []


def test_the_example_client_blocks_and_unblocks(base_url: str) -> None:
    alice, bob = _pair(base_url)
    client = Client.log_in(base_url, alice.email, alice.password)

    client.block(bob.id)
    [blocked] = client.blocks()
    client.unblock(bob.id)

    assert (blocked.id, blocked.name) == (bob.id, "Bob")
    assert (client.blocks(), client.friends()) == ([], [])

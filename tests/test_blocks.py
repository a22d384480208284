"""Blocking across all services, for both users."""

from ims_client import Client

from tests.client import ApiClient, refused
from tests.factories import befriend, make_group, make_user

NOT_FRIENDS = refused(400, -3, "Not friend with current user.")


def _pair(base_url: str) -> tuple[ApiClient, ApiClient]:
    alice, bob = make_user(base_url, "Alice"), make_user(base_url, "Bob")
    befriend(alice, bob)
    return alice, bob


def test_blocking_a_friend_closes_the_private_conversation_for_both(base_url: str) -> None:
    alice, bob = _pair(base_url)
    chat = alice.get_private_conversation(bob.id).id
    bob.send_text(chat, "Hello")

    alice.block_user(bob.id)

    assert (alice.list_conversations(), bob.list_conversations()) == ([], [])
    gone = refused(404, -1, "Conversation not found")
    assert bob.post("/conversations/messages", conversationId=chat, content="?") == gone
    assert bob.get("/friends").result()["friends"] == []


def test_a_blocked_user_cannot_add_the_other_to_a_group(base_url: str) -> None:
    alice, bob = _pair(base_url)
    carol = make_user(base_url, "Carol")
    befriend(bob, carol)
    group = make_group(bob, carol)

    alice.block_user(bob.id)

    assert bob.post("/conversations", members=[alice.id], name="Trap") == NOT_FRIENDS
    invited = bob.post("/conversations/member/add", conversationId=group, member_id=alice.id)
    stranger = make_user(base_url, "Stranger")
    as_for_strangers = bob.post(
        "/conversations/member/add", conversationId=group, member_id=stranger.id
    )
    assert invited == as_for_strangers
    assert invited.status == 403


def test_a_friend_request_of_a_blocked_user_succeeds_but_is_not_delivered(base_url: str) -> None:
    alice, bob = make_user(base_url, "Alice"), make_user(base_url, "Bob")
    alice.block_user(bob.id)

    sent = bob.post("/add_friend", target_id=alice.id, message="Hello")
    again = bob.post("/add_friend", target_id=alice.id, message="Hello")

    assert sent == (200, {"code": 0, "info": "success", "message": "申请成功"})
    assert again == refused(403, -5, "Friend request already sent")
    assert alice.get("/friend_requests").result()["requests"] == []


def test_a_new_friendship_reopens_the_private_conversation(base_url: str) -> None:
    alice, bob = _pair(base_url)
    chat = alice.get_private_conversation(bob.id).id
    bob.send_text(chat, "before")
    alice.block_user(bob.id)
    bob.send_friend_request(alice.id)

    alice.send_friend_request(bob.id)
    bob.accept_friend_request(alice.id)

    assert bob.get_private_conversation(alice.id).id == chat
    assert alice.get("/blocks").result()["blocks"] == []


def test_the_example_client_blocks_and_unblocks(base_url: str) -> None:
    alice, bob = _pair(base_url)
    client = Client.log_in(base_url, alice.email, alice.password)

    client.block_user(bob.id)
    [blocked] = client.list_blocks()
    client.unblock_user(bob.id)

    assert (blocked.id, blocked.name) == (bob.id, "Bob")
    assert (client.list_blocks(), client.list_friends()) == ([], [])

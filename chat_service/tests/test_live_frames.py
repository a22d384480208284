"""Live frames: their content and their recipients (``/ws/``)."""

import time
from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask

from chat_service.tests.calls import (
    get_unread_count,
    list_conversations,
    list_messages,
    send_image,
    send_text,
)
from chat_service.tests.factories import befriend, make_account, make_group
from chat_service.tests.live_server import LiveSocket, Server, ServerClient
from shared.testing.cast import ALICE, BOB, CAROL, DAVE
from shared.testing.contracts import all_versions, state

Cast = dict[int, ServerClient]
Sockets = dict[int, LiveSocket]


@pytest.fixture
def cast(server: Server) -> Cast:
    """Alice, bob, carol and dave, by id."""
    return {user_id: ServerClient(server, user_id) for user_id in (ALICE, BOB, CAROL, DAVE)}


@pytest.fixture
def group(app: Flask) -> int:
    """Alice's group, with bob as its admin and carol; dave is a stranger."""
    return make_group(app, ALICE, CAROL, admins=(BOB,))


@pytest.fixture
def sockets(group: int, cast: Cast) -> Iterator[Sockets]:
    """A socket of each user."""
    opened = {user_id: person.open_socket() for user_id, person in cast.items()}
    yield opened
    for each in opened.values():
        each.leave()


def receive_all(sockets: Sockets) -> dict[int, list[dict[str, Any]]]:
    return {user_id: each.receive_frames() for user_id, each in sockets.items()}


def receive_until(socket: LiveSocket, last: dict[str, Any]) -> list[dict[str, Any]]:
    """Receive frames up to the last one."""
    frames = [socket.receive_frame()]
    while frames[-1] != last:
        frames.append(socket.receive_frame())
    return frames


def test_a_message_is_sent_to_all_members_and_marked_as_own_for_its_sender(
    group: int, cast: Cast, sockets: Sockets
) -> None:
    first = send_text(cast[ALICE], group, "first")
    receive_all(sockets)

    send_text(cast[ALICE], group, "你好", reply_to=first)

    received = receive_all(sockets)
    message = list_messages(cast[CAROL], group)[1]
    frame = {"type": "notify", "conversationId": str(group), "message": message}
    theirs, own = [{**frame, "scroll": "false"}], [{**frame, "scroll": "true"}]
    assert (message["seq"], message["reply_to"]) == (2, "first")
    assert received == {ALICE: own, BOB: theirs, CAROL: theirs, DAVE: []}


def test_a_deletion_is_sent_to_all_members(group: int, cast: Cast, sockets: Sockets) -> None:
    message_id = send_text(cast[CAROL], group, "wrong room")
    receive_all(sockets)

    cast[CAROL].delete("/conversations/messages", json={"message_id": message_id})

    frame = {"type": "notify", "conversationId": str(group), "deleted_message_id": message_id}
    expected, own = [{**frame, "scroll": "false"}], [{**frame, "scroll": "true"}]
    assert receive_all(sockets) == {ALICE: expected, BOB: expected, CAROL: own, DAVE: []}


def test_urls_in_a_frame_have_the_host_of_the_socket(
    app: Flask, server: Server, group: int, cast: Cast
) -> None:
    make_account(app, ALICE, "Alice", version=2, avatar_digest="a" * 64)
    make_account(app, BOB, "Bob", version=2, avatar_reference="/my/own.png")
    with (
        LiveSocket(server, CAROL, {"host": "one.example"}) as one,
        LiveSocket(server, CAROL, {"host": "two.example:8443"}) as two,
    ):
        send_image(cast[ALICE], group)
        send_text(cast[BOB], group, "\\u0000 and \\ are plain characters")

        [from_alice, from_bob] = [
            frame["message"] for frame in one.receive_frames() if frame["type"] == "notify"
        ]
        received_two = two.receive_frames()[0]["message"]

    assert from_alice["senderavatar"].startswith("http://one.example/account/avatar/1/")
    assert from_alice["content"].startswith("http://one.example/media/")
    assert received_two["content"].startswith("http://two.example:8443/media/")
    assert from_bob["senderavatar"] == "/my/own.png"
    assert from_bob["content"] == "\\u0000 and \\ are plain characters"


def test_a_read_position_in_a_private_conversation_is_sent_to_the_friend(
    app: Flask, cast: Cast, sockets: Sockets
) -> None:
    befriend(app, ALICE, DAVE)
    with cast[ALICE].open_socket() as alice, cast[DAVE].open_socket() as dave:
        private = list_conversations(cast[DAVE])[0]["id"]
        for text in ("one", "two"):
            send_text(cast[ALICE], private, text)
            list_messages(cast[DAVE], private)
        list_messages(cast[DAVE], private)

        frame = {"type": "already_read", "conversationId": str(private), "user_id": DAVE}
        received = [each for each in alice.receive_frames() if each["type"] == "already_read"]
        assert received == [{**frame, "read_seq": 1}, {**frame, "read_seq": 2}]
        assert dave.receive_types() == ["notify", "notify"]


def test_read_positions_in_a_group_are_throttled_to_the_newest_per_second(
    app: Flask, cast: Cast
) -> None:
    # A group with an id of its own: groups with other ids may be throttled by an earlier test.
    quiet = [make_group(app, ALICE, BOB, CAROL) for _ in range(5)][-1]
    frame = {"type": "already_read", "conversationId": str(quiet)}
    by_bob, by_carol = ({**frame, "user_id": user_id} for user_id in (BOB, CAROL))
    with cast[ALICE].open_socket() as alice, cast[CAROL].open_socket() as carol:
        began = time.monotonic()
        for number in range(10):
            send_text(cast[ALICE], quiet, str(number))
            list_messages(cast[BOB], quiet)
            list_messages(cast[CAROL], quiet)

        for member, newest in ((alice, by_carol), (carol, by_bob)):
            frames = receive_until(member, {**newest, "read_seq": 10})
            positions = [each for each in frames if each["type"] == "already_read"]
            assert positions[0] == {**by_bob, "read_seq": 1}
            assert len(positions) <= 2 + time.monotonic() - began
        assert alice.receive_frames() == carol.receive_frames() == []


def test_reading_a_conversation_marked_as_unread_sends_no_read_position(
    app: Flask, cast: Cast
) -> None:
    befriend(app, ALICE, DAVE)
    [private] = [row["id"] for row in list_conversations(cast[DAVE])]
    send_text(cast[ALICE], private)
    list_messages(cast[DAVE], private)
    with cast[ALICE].open_socket() as alice:
        cast[DAVE].post("/interface", json={"conversation_id": private, "unreads": 2})
        assert get_unread_count(cast[DAVE], private) == 2
        list_messages(cast[DAVE], private)

        assert get_unread_count(cast[DAVE], private) == 0
        assert alice.receive_types() == []


def test_a_send_moves_the_read_position_only_over_unread_messages_of_others(
    app: Flask, cast: Cast, sockets: Sockets
) -> None:
    befriend(app, ALICE, DAVE)
    with cast[ALICE].open_socket() as alice, cast[DAVE].open_socket() as dave:
        private = list_conversations(cast[DAVE])[0]["id"]
        send_text(cast[ALICE], private, "first")
        send_text(cast[ALICE], private, "second")
        send_text(cast[DAVE], private, "third")

        assert dave.receive_types() == ["notify"] * 3
        assert sorted(alice.receive_types()) == ["already_read", "notify", "notify", "notify"]


def test_a_new_group_and_its_messages_are_sent_to_all_members(
    app: Flask, server: Server, cast: Cast, sockets: Sockets
) -> None:
    befriend(app, ALICE, BOB)

    created = cast[ALICE].post("/conversations", json={"members": [BOB], "name": "new"})
    made = created.json["conversation_id"]
    send_text(cast[BOB], made, "hello")

    kinds = {
        user_id: [frame["type"] for frame in frames]
        for user_id, frames in receive_all(sockets).items()
    }
    expected = ["conv_setting", "notify"]
    assert kinds == {ALICE: expected, BOB: expected, CAROL: [], DAVE: []}


def test_frames_of_a_new_private_conversation_are_sent_to_both(
    server: Server, cast: Cast, sockets: Sockets
) -> None:
    server.send_event(
        "friendship", {"id": 1, "low_id": CAROL, "high_id": DAVE, "active": True, "version": 1}
    )
    private = list_conversations(cast[DAVE])[0]["id"]
    send_text(cast[DAVE], private, "hello")

    received = {
        user_id: [frame["type"] for frame in frames]
        for user_id, frames in receive_all(sockets).items()
    }
    assert received == {
        ALICE: [],
        BOB: [],
        CAROL: ["conv_setting", "notify"],
        DAVE: received[CAROL],
    }


def test_a_new_name_of_a_group_is_sent_to_all_members(
    group: int, cast: Cast, sockets: Sockets
) -> None:
    cast[BOB].post("/conversations/manage/info", json={"conversation_id": group, "name": "renamed"})

    expected = [{"type": "conv_setting"}]
    assert receive_all(sockets) == {ALICE: expected, BOB: expected, CAROL: expected, DAVE: []}


def test_a_new_name_of_a_user_is_sent_once_to_each_socket_of_friends_and_members(
    app: Flask, server: Server, cast: Cast
) -> None:
    renamed, stranger = 4_001, 4_002
    for user_id in (renamed, stranger):
        make_account(app, user_id, "Renamed")
    befriend(app, renamed, DAVE)
    for _ in range(2):
        make_group(app, renamed, CAROL)
    sockets = {user_id: LiveSocket(server, user_id) for user_id in (CAROL, DAVE, stranger)}

    first, second = (
        state("account", id=renamed, name=name, version=version)
        for version, name in enumerate(("First", "Second"), 2)
    )
    for each in (first, first, second):
        server.send_event("account", each)

    assert (
        sockets[CAROL].receive_frame() == sockets[DAVE].receive_frame() == {"type": "conv_setting"}
    )
    assert receive_all(sockets) == {CAROL: [], DAVE: [], stranger: []}
    for listening in sockets.values():
        listening.leave()


def test_a_pin_is_sent_to_the_user_only(group: int, cast: Cast, sockets: Sockets) -> None:
    cast[BOB].post("/interface", json={"conversationId": group, "ontop": True})

    assert receive_all(sockets) == {ALICE: [], BOB: [{"type": "conv_setting"}], CAROL: [], DAVE: []}


def test_a_new_role_is_sent_to_all_members(group: int, cast: Cast, sockets: Sockets) -> None:
    cast[ALICE].post("/conversations/manage/admin", json={"conversation_id": group, "user": CAROL})

    expected = [{"type": "modify_members", "conversationId": str(group)}]
    assert receive_all(sockets) == {ALICE: expected, BOB: expected, CAROL: expected, DAVE: []}


def test_a_removed_member_gets_the_removal_and_no_later_frames_of_the_group(
    group: int, cast: Cast, sockets: Sockets
) -> None:
    cast[BOB].delete("/conversations/member/remove", json={"conversation_id": group, "user": CAROL})
    message = send_text(cast[ALICE], group, "among us")

    received = receive_all(sockets)
    assert received[CAROL] == [{"type": "remove_members", "self": "false"}]
    assert received[BOB][0] == {"type": "modify_members", "conversationId": str(group)}
    assert [frame["type"] for frame in received[ALICE]] == ["modify_members", "notify"]
    assert received[BOB][1]["message"]["id"] == message
    assert received[DAVE] == []


def test_a_member_who_leaves_gets_an_own_removal(group: int, cast: Cast, sockets: Sockets) -> None:
    cast[CAROL].post("/conversations/member/remove", json={"conversation_id": group})

    expected = [{"type": "modify_members", "conversationId": str(group)}]
    own = [{"type": "remove_members", "self": "true"}]
    assert receive_all(sockets) == {ALICE: expected, BOB: expected, CAROL: own, DAVE: []}


def test_a_dissolved_group_is_a_removal_for_all_members(
    group: int, cast: Cast, sockets: Sockets
) -> None:
    cast[ALICE].post("/conversations/member/remove", json={"conversation_id": group})

    expected, own = ([{"type": "remove_members", "self": own}] for own in ("false", "true"))
    assert receive_all(sockets) == {ALICE: own, BOB: expected, CAROL: expected, DAVE: []}


def test_a_posted_and_a_deleted_announcement_are_sent_to_all_members(
    group: int, cast: Cast, sockets: Sockets
) -> None:
    path = "/conversations/manage/notifications"
    posted = cast[BOB].post(path, json={"conversation_id": group, "content": "Hear ye"})
    cast[BOB].delete(path, json={"notification_id": posted.json["notification_id"]})

    expected = [{"type": "notification_message", "conversationId": str(group)}] * 2
    assert receive_all(sockets) == {ALICE: expected, BOB: expected, CAROL: expected, DAVE: []}


def test_an_invitation_is_sent_to_all_members(
    app: Flask, group: int, cast: Cast, sockets: Sockets
) -> None:
    befriend(app, CAROL, DAVE)

    cast[CAROL].post("/conversations/member/add", json={"conversationId": group, "member_id": DAVE})

    expected = [{"type": "invitation_message", "conversationId": str(group)}]
    assert receive_all(sockets) == {ALICE: expected, BOB: expected, CAROL: expected, DAVE: []}


def test_a_new_member_gets_the_frames_of_members_and_the_invitation_last(
    app: Flask, group: int, cast: Cast, sockets: Sockets
) -> None:
    befriend(app, CAROL, DAVE)
    add = "/conversations/member/add"
    invited = cast[CAROL].post(add, json={"conversationId": group, "member_id": DAVE})
    [invitation] = invited.json["invite_ids"]
    receive_all(sockets)

    cast[ALICE].post("/conversations/manage/handle_invitation", json={"invite_id": invitation})
    send_text(cast[ALICE], group, "welcome")

    kinds = {
        user_id: [frame["type"] for frame in frames]
        for user_id, frames in receive_all(sockets).items()
    }
    expected = ["modify_members", "invitation_message", "notify"]
    assert kinds == dict.fromkeys((ALICE, BOB, CAROL), expected) | {
        DAVE: ["conv_setting", *expected]
    }


def test_a_rejected_invitation_is_sent_to_all_members(
    app: Flask, group: int, cast: Cast, sockets: Sockets
) -> None:
    befriend(app, CAROL, DAVE)
    add = "/conversations/member/add"
    invited = cast[CAROL].post(add, json={"conversationId": group, "member_id": DAVE})
    [invitation] = invited.json["invite_ids"]
    receive_all(sockets)

    cast[BOB].delete("/conversations/manage/handle_invitation", json={"invite_id": invitation})

    expected = [{"type": "invitation_message", "conversationId": str(group)}]
    assert receive_all(sockets) == {ALICE: expected, BOB: expected, CAROL: expected, DAVE: []}


def test_a_friend_request_is_sent_to_sender_and_receiver(server: Server, sockets: Sockets) -> None:
    server.send_event("friend_request_changed", {"sender_id": ALICE, "receiver_id": BOB})

    assert (
        sockets[ALICE].receive_frame()
        == sockets[BOB].receive_frame()
        == {"type": "request_message"}
    )
    assert receive_all({user_id: sockets[user_id] for user_id in (CAROL, DAVE)}) == {
        CAROL: [],
        DAVE: [],
    }


def test_a_withheld_friend_request_is_sent_to_its_sender_once(
    server: Server, sockets: Sockets
) -> None:
    server.send_event("friend_request_changed", {"sender_id": ALICE, "receiver_id": ALICE})

    assert sockets[ALICE].receive_frame() == {"type": "request_message"}
    assert receive_all(sockets) == {ALICE: [], BOB: [], CAROL: [], DAVE: []}


def test_the_end_of_a_friendship_is_sent_to_both(server: Server, sockets: Sockets) -> None:
    server.send_event("friendship_ended", {"low_id": BOB, "high_id": CAROL})

    expected = [{"type": "delete_friend"}]
    assert receive_all(sockets) == {ALICE: [], BOB: expected, CAROL: expected, DAVE: []}


def test_connecting_and_listing_send_no_frames(group: int, cast: Cast, sockets: Sockets) -> None:
    with cast[CAROL].open_socket() as again:
        cast[CAROL].get("/conversations")
        list_messages(cast[CAROL], group)
        cast[CAROL].get("/conversations/get_members", query_string={"conversation_id": group})

        assert again.receive_frames() == []
    assert receive_all(sockets) == {ALICE: [], BOB: [], CAROL: [], DAVE: []}


def test_a_refused_request_sends_no_frames(group: int, cast: Cast, sockets: Sockets) -> None:
    with pytest.raises(AssertionError, match="Content is empty"):
        send_text(cast[ALICE], group, " ")

    assert receive_all(sockets) == {ALICE: [], BOB: [], CAROL: [], DAVE: []}


@pytest.mark.parametrize(
    ("name", "contract"), all_versions("events/friend_request_changed", "events/friendship_ended")
)
def test_an_event_of_any_version_is_forwarded(
    server: Server, name: str, contract: dict[str, Any]
) -> None:
    frames = {
        "events/friend_request_changed": {"type": "request_message"},
        "events/friendship_ended": {"type": "delete_friend"},
    }
    with LiveSocket(server, ALICE) as alice, LiveSocket(server, BOB) as bob:
        server.send_event(contract["type"], contract["state"])
        assert alice.receive_frame() == bob.receive_frame() == frames[name]

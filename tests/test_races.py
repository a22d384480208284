"""Requests at one moment leave what requests one after another would leave."""

import threading
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest

from tests.people import (
    PASSWORD,
    Person,
    Reply,
    Visitor,
    befriend,
    contents,
    conversation,
    conversations,
    done,
    invitations,
    invite,
    make_group,
    members,
    messages,
    newcomer,
    send,
    unused_email,
)

pytestmark = pytest.mark.slow

Request = Callable[[], Reply]


def run_concurrently(requests: Sequence[Request]) -> list[Reply]:
    """Send all requests at the same moment; what each was answered."""
    barrier = threading.Barrier(len(requests))

    def send_one(request: Request) -> Reply:
        barrier.wait(30)
        return request()

    with ThreadPoolExecutor(len(requests)) as pool:
        return list(pool.map(send_one, requests))


def statuses(replies: Sequence[Reply]) -> Counter[int]:
    return Counter(reply.status for reply in replies)


def again(person: Person) -> Person:
    """The same person at another device, with a connection of its own."""
    other = Person(person.base_url, person.name, person.email)
    other.token, other.id = person.token, person.id
    return other


def friend_ids(person: Person) -> list[int]:
    return [each["id"] for each in done(person.get("/friends"))["friends"]]


def test_the_same_registration_20_times_makes_one_account(base_url: str) -> None:
    email = unused_email()
    visitors = [Visitor(base_url) for _ in range(20)]

    replies = run_concurrently(
        [
            partial(visitor.post, "/account/reg", email=email, password=PASSWORD, name="Racer")
            for visitor in visitors
        ]
    )

    assert statuses(replies) == {200: 1, 400: 19}


def test_the_same_request_many_times_is_sent_once(alice: Person, bob: Person) -> None:
    devices = [again(alice) for _ in range(8)]

    replies = run_concurrently([_asking(device, bob) for device in devices])

    assert statuses(replies) == {200: 1, 403: 7}
    assert len(done(bob.get("/friend_requests"))["requests"]) == 1


def _asking(sender: Person, receiver: Person) -> Request:
    return partial(sender.post, "/add_friend", target_id=receiver.id)


def _handling(method: str, receiver: Person, sender: Person) -> Request:
    pair = {"sender_user_id": sender.id, "receiver_user_id": receiver.id}
    return partial(receiver.call, method, "/friend_request_handle", json=pair)


@pytest.mark.parametrize("attempt", range(3))
def test_crosswise_requests_and_accepts_make_one_friendship(
    alice: Person, bob: Person, attempt: int
) -> None:
    run_concurrently([_asking(alice, bob), _asking(bob, alice)])

    devices = [(again(alice), again(bob)) for _ in range(3)]
    replies = run_concurrently(
        [_handling("POST", hers, bob) for hers, _ in devices]
        + [_handling("POST", his, alice) for _, his in devices]
    )

    assert statuses(replies) == {200: 1, 403: 5}
    assert (friend_ids(alice), friend_ids(bob)) == ([bob.id], [alice.id])
    assert (len(conversations(alice)), len(conversations(bob))) == (1, 1)


@pytest.mark.parametrize("attempt", range(3))
def test_accept_against_reject_has_one_winner(alice: Person, bob: Person, attempt: int) -> None:
    done(alice.post("/add_friend", target_id=bob.id))

    accepted, rejected = run_concurrently(
        [_handling("POST", bob, alice), _handling("DELETE", again(bob), alice)]
    )

    [request] = done(bob.get("/friend_requests"))["requests"]
    assert {accepted.status, rejected.status} == {200, 403}
    assert request["status"] == (1 if accepted.status == 200 else 2)
    assert friend_ids(alice) == ([bob.id] if accepted.status == 200 else [])


def test_ending_a_friendship_twice_ends_it_once(alice: Person, bob: Person) -> None:
    befriend(alice, bob)

    replies = run_concurrently(
        [
            partial(alice.delete, "/manage_friends", friend_id=bob.id),
            partial(bob.delete, "/manage_friends", friend_id=alice.id),
        ]
    )

    assert statuses(replies) == {200: 1, 404: 1}
    assert (conversations(alice), conversations(bob)) == ([], [])


@pytest.mark.parametrize("attempt", range(3))
def test_ending_and_renewing_a_friendship_agrees_with_its_conversation(
    alice: Person, bob: Person, attempt: int
) -> None:
    befriend(alice, bob)

    run_concurrently(
        [
            partial(alice.delete, "/manage_friends", friend_id=bob.id),
            _asking(bob, alice),
            _handling("POST", again(alice), bob),
            _handling("POST", again(alice), bob),
        ]
    )

    assert friend_ids(alice) == [
        each["friend_id"] for each in conversations(alice) if not each["is_chat_group"]
    ]
    assert friend_ids(bob) == ([alice.id] if friend_ids(alice) else [])


def test_groups_of_friends_of_one_name_are_made_once(alice: Person) -> None:
    devices = [again(alice) for _ in range(8)]

    replies = run_concurrently(
        [partial(device.post, "/groups", name="Family") for device in devices]
    )

    assert statuses(replies) == {200: 1, 409: 7}
    assert len(done(alice.get("/groups"))["groups"]) == 1


def test_a_friend_is_put_into_a_group_once(alice: Person, bob: Person) -> None:
    befriend(alice, bob)
    done(alice.post("/groups", name="Family"))
    [group] = done(alice.get("/groups"))["groups"]
    fields = {"group_id": group["id"], "member_id": bob.id}
    devices = [again(alice) for _ in range(6)]

    replies = run_concurrently(
        [partial(device.post, "/groups/members", **fields) for device in devices]
    )

    assert statuses(replies) == {200: 1, 400: 5}
    assert len(done(alice.get("/groups/members", group_id=group["id"]))["members"]) == 1


def test_one_invitation_accepted_8_times_lets_in_once(
    alice: Person, bob: Person, carol: Person
) -> None:
    befriend(bob, alice, carol)
    group = make_group(alice, bob)
    invitation = invite(bob, group, carol)

    replies = run_concurrently([_admitting("POST", again(alice), invitation) for _ in range(8)])

    assert statuses(replies) == {200: 1, 403: 7}
    assert {reply.body["info"] for reply in replies} == {"success", "邀请已处理"}
    assert members(alice, group) == {alice.id: 1, bob.id: 3, carol.id: 3}


def _admitting(method: str, person: Person, invitation: int) -> Request:
    path = "/conversations/manage/handle_invitation"
    return partial(person.call, method, path, json={"invite_id": invitation})


@pytest.mark.parametrize("attempt", range(3))
def test_an_invitation_is_accepted_or_rejected(
    alice: Person, bob: Person, carol: Person, attempt: int
) -> None:
    befriend(bob, alice, carol)
    group = make_group(alice, bob)
    invitation = invite(bob, group, carol)

    accepted, rejected = run_concurrently(
        [_admitting("POST", alice, invitation), _admitting("DELETE", again(alice), invitation)]
    )

    [listed] = invitations(alice, group)
    assert {accepted.status, rejected.status} == {200, 403}
    assert listed["status"] == (2 if accepted.status == 200 else 1)
    assert (carol.id in members(alice, group)) is (accepted.status == 200)


def test_two_invitations_of_one_person_accepted_at_once_let_in_once(
    alice: Person, bob: Person, carol: Person
) -> None:
    befriend(carol, alice, bob)
    befriend(alice, bob)
    group = make_group(alice, bob)
    pending = [invite(alice, group, carol), invite(bob, group, carol)]

    replies = run_concurrently([_admitting("POST", again(alice), each) for each in pending])

    assert statuses(replies) == {200: 1, 403: 1}
    assert sorted(each["status"] for each in invitations(alice, group)) == [2, 3]


def test_50_parallel_sends_are_50_messages_in_one_order(
    alice: Person, bob: Person, carol: Person
) -> None:
    befriend(alice, bob, carol)
    group = make_group(alice, bob, carol)
    devices = [again(alice) for _ in range(50)]

    replies = run_concurrently(
        [_sending(device, group, str(n)) for n, device in enumerate(devices)]
    )

    listed = messages(bob, group)
    assert statuses(replies) == {200: 50}
    assert sorted(reply.body["seq"] for reply in replies) == list(range(1, 51))
    assert [each["seq"] for each in listed] == list(range(1, 51))
    assert {each["content"] for each in listed} == {str(n) for n in range(50)}
    assert [each["created_time"] for each in listed] == sorted(
        each["created_time"] for each in listed
    )
    assert conversation(carol, group)["unread_count"] == 50
    assert conversation(alice, group)["unread_count"] == 0
    assert contents(carol, group) == [each["content"] for each in listed]


def _sending(person: Person, group: int, content: str, **more: str) -> Request:
    return partial(
        person.post, "/conversations/messages", conversationId=group, content=content, **more
    )


def test_one_message_sent_from_many_devices_at_once_is_one(alice: Person, bob: Person) -> None:
    befriend(alice, bob)
    group = make_group(alice, bob)

    replies = run_concurrently(
        [_sending(again(alice), group, "once", client_id="c1") for _ in range(10)]
    )

    assert statuses(replies) == {200: 10}
    assert len({reply.body["message_id"] for reply in replies}) == 1
    assert contents(bob, group) == ["once"]
    assert conversation(alice, group)["last_message"] == "once"


def test_one_message_deleted_many_times_is_deleted_once(alice: Person, bob: Person) -> None:
    befriend(alice, bob)
    group = make_group(alice, bob)
    first, second = send(alice, group), send(alice, group)
    devices = [again(alice) for _ in range(6)]

    replies = run_concurrently(
        [partial(device.delete, "/conversations/messages", message_id=first) for device in devices]
    )

    assert statuses(replies) == {200: 1, 404: 5}
    assert conversation(bob, group)["unread_count"] == 1
    assert [each["id"] for each in messages(bob, group)] == [second]


@pytest.mark.parametrize("attempt", range(2))
def test_parallel_transfers_leave_one_owner(
    alice: Person, bob: Person, carol: Person, attempt: int
) -> None:
    befriend(alice, bob, carol)
    group = make_group(alice, bob, carol)
    path = "/conversations/manage/ownership_transfer"

    replies = run_concurrently(
        [
            partial(again(alice).post, path, conversation_id=group, user=heir.id)
            for heir in (bob, carol) * 3
        ]
    )

    assert statuses(replies) == {200: 1, 403: 5}
    assert sorted(members(alice, group).values()) == [1, 3, 3]


@pytest.mark.parametrize("attempt", range(2))
def test_a_message_is_in_or_its_sender_is_out(alice: Person, bob: Person, attempt: int) -> None:
    befriend(alice, bob)
    group = make_group(alice, bob)
    devices = [again(bob) for _ in range(5)]

    removed, *sent = run_concurrently(
        [
            partial(
                alice.delete, "/conversations/member/remove", conversation_id=group, user=bob.id
            ),
            *[_sending(device, group, "hello") for device in devices],
        ]
    )

    assert removed.status == 200
    assert statuses(sent).keys() <= {200, 400}
    assert len(contents(alice, group)) == statuses(sent)[200]


@pytest.mark.parametrize("attempt", range(2))
def test_a_dissolved_group_is_gone_whatever_else_happens(
    alice: Person, bob: Person, carol: Person, attempt: int
) -> None:
    befriend(alice, bob, carol)
    befriend(bob, carol)
    group = make_group(alice, bob)
    invitation = invite(bob, group, carol)
    admin = "/conversations/manage/admin"

    replies = run_concurrently(
        [
            partial(alice.post, "/conversations/member/remove", conversation_id=group),
            _sending(bob, group, "hello"),
            _sending(again(bob), group, "hello"),
            _admitting("POST", again(alice), invitation),
            partial(again(alice).post, admin, conversation_id=group, user=bob.id),
            partial(again(bob).get, "/conversations/messages", conversationId=group),
            partial(again(bob).post, "/conversations/member/remove", conversation_id=group),
            partial(
                again(alice).post, "/conversations/manage/info", conversation_id=group, name="New"
            ),
        ]
    )

    listed = [each["id"] for person in (alice, bob, carol) for each in conversations(person)]
    assert replies[0].status == 200
    assert group not in listed


def test_a_deleted_and_restored_account_is_one_account(alice: Person) -> None:
    done(alice.delete("/account/delete"))
    devices = [Visitor(alice.base_url) for _ in range(8)]

    replies = run_concurrently(
        [
            partial(
                device.post,
                "/account/reg",
                email=alice.email,
                password=alice.password,
                name="Alice",
            )
            for device in devices
        ]
    )

    assert statuses(replies) == {200: 1, 400: 7}
    assert [reply.body["id"] for reply in replies if reply.status == 200] == [alice.id]


def test_two_people_cannot_take_one_address(alice: Person, bob: Person) -> None:
    email = unused_email()

    replies = run_concurrently(
        [
            partial(person.put, "/account/info", origin_password=person.password, email=email)
            for person in (alice, bob)
        ]
    )

    assert statuses(replies) == {200: 1, 400: 1}


def test_a_friend_made_during_requests_of_others_is_a_friend(base_url: str, alice: Person) -> None:
    others = [newcomer(base_url, f"Other{n}") for n in range(6)]
    for other in others:
        done(other.post("/add_friend", target_id=alice.id))

    run_concurrently([_handling("POST", again(alice), other) for other in others])

    assert friend_ids(alice) == sorted(other.id for other in others)
    assert len(conversations(alice)) == 6

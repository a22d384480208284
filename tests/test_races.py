"""Requests at one moment leave what requests one after another would leave."""

import threading
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest
from ims_client import Reply

from tests.client import PASSWORD, ApiClient
from tests.factories import (
    befriend,
    list_contents,
    make_group,
    make_invitation,
    make_user,
    roles_in,
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


def friend_ids(person: ApiClient) -> list[int]:
    return [each["id"] for each in person.get("/friends").result()["friends"]]


def test_the_same_registration_20_times_makes_one_account(base_url: str) -> None:
    email = unused_email()
    visitors = [ApiClient(base_url) for _ in range(20)]

    replies = run_concurrently(
        [
            partial(visitor.post, "/account/reg", email=email, password=PASSWORD, name="Racer")
            for visitor in visitors
        ]
    )

    assert statuses(replies) == {200: 1, 400: 19}


def test_the_same_request_many_times_is_sent_once(alice: ApiClient, bob: ApiClient) -> None:
    devices = [alice.copy() for _ in range(8)]

    replies = run_concurrently([_friend_request(device, bob) for device in devices])

    assert statuses(replies) == {200: 1, 403: 7}
    assert len(bob.get("/friend_requests").result()["requests"]) == 1


def _friend_request(sender: ApiClient, receiver: ApiClient) -> Request:
    return partial(sender.post, "/add_friend", target_id=receiver.id)


def _handling(method: str, receiver: ApiClient, sender: ApiClient) -> Request:
    pair = {"sender_user_id": sender.id, "receiver_user_id": receiver.id}
    return partial(receiver.call, method, "/friend_request_handle", json=pair)


@pytest.mark.parametrize("attempt", range(3))
def test_crosswise_requests_and_accepts_make_one_friendship(
    alice: ApiClient, bob: ApiClient, attempt: int
) -> None:
    run_concurrently([_friend_request(alice, bob), _friend_request(bob, alice)])

    devices = [(alice.copy(), bob.copy()) for _ in range(3)]
    replies = run_concurrently(
        [_handling("POST", hers, bob) for hers, _ in devices]
        + [_handling("POST", his, alice) for _, his in devices]
    )

    assert statuses(replies) == {200: 1, 403: 5}
    assert (friend_ids(alice), friend_ids(bob)) == ([bob.id], [alice.id])
    assert (len(alice.list_conversations()), len(bob.list_conversations())) == (1, 1)


@pytest.mark.parametrize("attempt", range(3))
def test_accept_against_reject_has_one_winner(
    alice: ApiClient, bob: ApiClient, attempt: int
) -> None:
    alice.send_friend_request(bob.id)

    accepted, rejected = run_concurrently(
        [_handling("POST", bob, alice), _handling("DELETE", bob.copy(), alice)]
    )

    [request] = bob.get("/friend_requests").result()["requests"]
    assert {accepted.status, rejected.status} == {200, 403}
    assert request["status"] == (1 if accepted.status == 200 else 2)
    assert friend_ids(alice) == ([bob.id] if accepted.status == 200 else [])


def test_ending_a_friendship_twice_ends_it_once(alice: ApiClient, bob: ApiClient) -> None:
    befriend(alice, bob)

    replies = run_concurrently(
        [
            partial(alice.delete, "/manage_friends", friend_id=bob.id),
            partial(bob.delete, "/manage_friends", friend_id=alice.id),
        ]
    )

    assert statuses(replies) == {200: 1, 404: 1}
    assert (alice.list_conversations(), bob.list_conversations()) == ([], [])


@pytest.mark.parametrize("attempt", range(3))
def test_ending_and_renewing_a_friendship_agrees_with_its_conversation(
    alice: ApiClient, bob: ApiClient, attempt: int
) -> None:
    befriend(alice, bob)

    run_concurrently(
        [
            partial(alice.delete, "/manage_friends", friend_id=bob.id),
            _friend_request(bob, alice),
            _handling("POST", alice.copy(), bob),
            _handling("POST", alice.copy(), bob),
        ]
    )

    assert friend_ids(alice) == [
        each.friend_id for each in alice.list_conversations() if not each.is_group
    ]
    assert friend_ids(bob) == ([alice.id] if friend_ids(alice) else [])


def test_groups_of_friends_of_one_name_are_made_once(alice: ApiClient) -> None:
    devices = [alice.copy() for _ in range(8)]

    replies = run_concurrently(
        [partial(device.post, "/groups", name="Family") for device in devices]
    )

    assert statuses(replies) == {200: 1, 409: 7}
    assert len(alice.get("/groups").result()["groups"]) == 1


def test_a_friend_is_put_into_a_group_once(alice: ApiClient, bob: ApiClient) -> None:
    befriend(alice, bob)
    alice.post("/groups", name="Family").result()
    [group] = alice.get("/groups").result()["groups"]
    fields = {"group_id": group["id"], "member_id": bob.id}
    devices = [alice.copy() for _ in range(6)]

    replies = run_concurrently(
        [partial(device.post, "/groups/members", **fields) for device in devices]
    )

    assert statuses(replies) == {200: 1, 400: 5}
    assert len(alice.get("/groups/members", group_id=group["id"]).result()["members"]) == 1


def test_one_invitation_accepted_8_times_lets_in_once(
    alice: ApiClient, bob: ApiClient, carol: ApiClient
) -> None:
    befriend(bob, alice, carol)
    group = make_group(alice, bob)
    invitation = make_invitation(bob, group, carol)

    replies = run_concurrently([_admitting("POST", alice.copy(), invitation) for _ in range(8)])

    assert statuses(replies) == {200: 1, 403: 7}
    assert {reply.body["info"] for reply in replies} == {"success", "邀请已处理"}
    assert roles_in(alice, group) == {alice.id: 1, bob.id: 3, carol.id: 3}


def _admitting(method: str, person: ApiClient, invitation: int) -> Request:
    path = "/conversations/manage/handle_invitation"
    return partial(person.call, method, path, json={"invite_id": invitation})


@pytest.mark.parametrize("attempt", range(3))
def test_an_invitation_is_accepted_or_rejected(
    alice: ApiClient, bob: ApiClient, carol: ApiClient, attempt: int
) -> None:
    befriend(bob, alice, carol)
    group = make_group(alice, bob)
    invitation = make_invitation(bob, group, carol)

    accepted, rejected = run_concurrently(
        [_admitting("POST", alice, invitation), _admitting("DELETE", alice.copy(), invitation)]
    )

    [listed] = alice.list_invitations(group)
    assert {accepted.status, rejected.status} == {200, 403}
    assert listed.status == (2 if accepted.status == 200 else 1)
    assert (carol.id in roles_in(alice, group)) is (accepted.status == 200)


def test_two_invitations_of_one_person_accepted_at_once_let_in_once(
    alice: ApiClient, bob: ApiClient, carol: ApiClient
) -> None:
    befriend(carol, alice, bob)
    befriend(alice, bob)
    group = make_group(alice, bob)
    pending = [make_invitation(alice, group, carol), make_invitation(bob, group, carol)]

    replies = run_concurrently([_admitting("POST", alice.copy(), each) for each in pending])

    assert statuses(replies) == {200: 1, 403: 1}
    assert sorted(each.status for each in alice.list_invitations(group)) == [2, 3]


def test_50_parallel_sends_are_50_messages_in_one_order(
    alice: ApiClient, bob: ApiClient, carol: ApiClient
) -> None:
    befriend(alice, bob, carol)
    group = make_group(alice, bob, carol)
    devices = [alice.copy() for _ in range(50)]

    replies = run_concurrently(
        [_sending(device, group, str(n)) for n, device in enumerate(devices)]
    )

    listed = bob.list_messages(group).messages
    assert statuses(replies) == {200: 50}
    assert sorted(reply.body["seq"] for reply in replies) == list(range(1, 51))
    assert [each.seq for each in listed] == list(range(1, 51))
    assert {each.content for each in listed} == {str(n) for n in range(50)}
    assert [each.sent_at for each in listed] == sorted(each.sent_at for each in listed)
    assert carol.get_conversation(group).unread_count == 50
    assert alice.get_conversation(group).unread_count == 0
    assert list_contents(carol, group) == [each.content for each in listed]


def _sending(person: ApiClient, group: int, content: str, **more: str) -> Request:
    return partial(
        person.post, "/conversations/messages", conversationId=group, content=content, **more
    )


def test_one_message_sent_from_many_devices_at_once_is_one(
    alice: ApiClient, bob: ApiClient
) -> None:
    befriend(alice, bob)
    group = make_group(alice, bob)

    replies = run_concurrently(
        [_sending(alice.copy(), group, "once", client_id="c1") for _ in range(10)]
    )

    assert statuses(replies) == {200: 10}
    assert len({reply.body["message_id"] for reply in replies}) == 1
    assert list_contents(bob, group) == ["once"]
    assert alice.get_conversation(group).last_message == "once"


def test_one_message_deleted_many_times_is_deleted_once(alice: ApiClient, bob: ApiClient) -> None:
    befriend(alice, bob)
    group = make_group(alice, bob)
    first, second = (
        alice.send_text(group, "hello").message_id,
        alice.send_text(group, "hello").message_id,
    )
    devices = [alice.copy() for _ in range(6)]

    replies = run_concurrently(
        [partial(device.delete, "/conversations/messages", message_id=first) for device in devices]
    )

    assert statuses(replies) == {200: 1, 404: 5}
    assert bob.get_conversation(group).unread_count == 1
    assert [each.id for each in bob.list_messages(group).messages] == [second]


@pytest.mark.parametrize("attempt", range(2))
def test_parallel_transfers_leave_one_owner(
    alice: ApiClient, bob: ApiClient, carol: ApiClient, attempt: int
) -> None:
    befriend(alice, bob, carol)
    group = make_group(alice, bob, carol)
    path = "/conversations/manage/ownership_transfer"

    replies = run_concurrently(
        [
            partial(alice.copy().post, path, conversation_id=group, user=heir.id)
            for heir in (bob, carol) * 3
        ]
    )

    assert statuses(replies) == {200: 1, 403: 5}
    assert Counter(roles_in(alice, group).values()) == {1: 1, 3: 2}


@pytest.mark.parametrize("attempt", range(2))
def test_a_message_is_in_or_its_sender_is_out(
    alice: ApiClient, bob: ApiClient, attempt: int
) -> None:
    befriend(alice, bob)
    group = make_group(alice, bob)
    devices = [bob.copy() for _ in range(5)]

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
    assert len(list_contents(alice, group)) == statuses(sent)[200]


@pytest.mark.parametrize("attempt", range(2))
def test_a_dissolved_group_is_gone_despite_concurrent_changes(
    alice: ApiClient, bob: ApiClient, carol: ApiClient, attempt: int
) -> None:
    befriend(alice, bob, carol)
    befriend(bob, carol)
    group = make_group(alice, bob)
    invitation = make_invitation(bob, group, carol)
    admin = "/conversations/manage/admin"

    replies = run_concurrently(
        [
            partial(alice.post, "/conversations/member/remove", conversation_id=group),
            _sending(bob, group, "hello"),
            _sending(bob.copy(), group, "hello"),
            _admitting("POST", alice.copy(), invitation),
            partial(alice.copy().post, admin, conversation_id=group, user=bob.id),
            partial(bob.copy().get, "/conversations/messages", conversationId=group),
            partial(bob.copy().post, "/conversations/member/remove", conversation_id=group),
            partial(
                alice.copy().post, "/conversations/manage/info", conversation_id=group, name="New"
            ),
        ]
    )

    listed = [each.id for person in (alice, bob, carol) for each in person.list_conversations()]
    assert replies[0].status == 200
    assert group not in listed


def test_a_deleted_and_restored_account_is_one_account(alice: ApiClient) -> None:
    alice.delete("/account/delete").result()
    devices = [ApiClient(alice.base_url) for _ in range(8)]

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


def test_two_people_cannot_take_one_address(alice: ApiClient, bob: ApiClient) -> None:
    email = unused_email()

    replies = run_concurrently(
        [
            partial(person.put, "/account/info", origin_password=person.password, email=email)
            for person in (alice, bob)
        ]
    )

    assert statuses(replies) == {200: 1, 400: 1}


def test_a_friend_made_during_requests_of_others_is_a_friend(
    base_url: str, alice: ApiClient
) -> None:
    others = [make_user(base_url, f"Other{n}") for n in range(6)]
    for other in others:
        other.send_friend_request(alice.id)

    run_concurrently([_handling("POST", alice.copy(), other) for other in others])

    assert friend_ids(alice) == sorted(other.id for other in others)
    assert len(alice.list_conversations()) == 6

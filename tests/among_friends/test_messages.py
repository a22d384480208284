"""在线会话: messages, replies, looking for them, deleting them, and catching up."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from tests.people import (
    Person,
    Reply,
    contents,
    conversation,
    done,
    messages,
    private_chat,
    refused,
    send,
)
from tests.shapes import A_TIME, AN_ID, assert_shows


@pytest.fixture
def client_id() -> str:
    """A new one, of the greatest length."""
    return uuid4().hex * 2


def fetch(person: Person, conversation_id: int, **more: Any) -> dict[str, Any]:
    return done(person.get("/conversations/messages", conversationId=conversation_id, **more))


def post(person: Person, conversation_id: int, content: str = "hello", **more: Any) -> Reply:
    return person.post(
        "/conversations/messages", conversationId=conversation_id, content=content, **more
    )


def delete(person: Person, message_id: int) -> Reply:
    return person.delete("/conversations/messages", message_id=message_id)


def found(person: Person, conversation_id: int, **filters: Any) -> list[str]:
    reply = person.get("/conversations/manage_messages", conversationId=conversation_id, **filters)
    return [each["content"] for each in done(reply)["messages"]]


def moment(**later: int) -> str:
    return (datetime.now(UTC) + timedelta(**later)).strftime("%Y-%m-%dT%H:%M:%SZ")


# 聊天消息发送/conversations/messages: POST


def test_sending_answers_without_a_message(alice: Person, group: int) -> None:
    reply = post(alice, group)

    assert_shows(reply, info="Succeed", message_id=AN_ID, seq=1, created_time=A_TIME)
    assert "message" not in reply.body


@pytest.mark.parametrize(
    "content", ["m", "m" * 255, "言" * 255, "😀" * 255, " m ", "<b>\n'\"\\", "\u202e\u200b!"]
)
def test_a_message_is_any_text_of_1_to_255_characters(
    alice: Person, bob: Person, group: int, content: str
) -> None:
    send(alice, group, content)

    assert contents(bob, group) == [content]


def test_a_conversation_may_be_named_by_a_decimal_string(alice: Person, group: int) -> None:
    done(alice.post("/conversations/messages", conversationId=str(group), content="hello"))

    assert contents(alice, group) == ["hello"]


def test_a_message_in_a_private_conversation_reaches_the_friend(alice: Person, bob: Person) -> None:
    send(alice, private_chat(alice, bob), "Psst")

    assert contents(bob, private_chat(bob, alice))[-1] == "Psst"


def test_repeating_a_send_with_its_client_id_creates_nothing(
    alice: Person, group: int, client_id: str
) -> None:
    first = post(alice, group, "once", client_id=client_id)

    again = post(alice, group, "once", client_id=client_id)

    assert again == first
    assert contents(alice, group) == ["once"]


def test_a_used_client_id_goes_with_no_other_content(
    alice: Person, group: int, client_id: str
) -> None:
    post(alice, group, "once", client_id=client_id)

    reply = post(alice, group, "twice", client_id=client_id)

    assert reply == refused(409, -409, "client_id already used")


def test_a_used_client_id_goes_with_no_other_conversation(
    alice: Person, bob: Person, group: int, client_id: str
) -> None:
    post(alice, group, "once", client_id=client_id)

    reply = post(alice, private_chat(alice, bob), "once", client_id=client_id)

    assert reply == refused(409, -409, "client_id already used")


def test_client_ids_are_the_senders_own(
    alice: Person, bob: Person, group: int, client_id: str
) -> None:
    post(alice, group, "hers", client_id=client_id)

    done(post(bob, group, "his", client_id=client_id))

    assert contents(alice, group) == ["hers", "his"]


def test_repeating_a_send_whose_message_was_deleted_creates_nothing(
    alice: Person, group: int, client_id: str
) -> None:
    first = done(post(alice, group, "once", client_id=client_id))
    done(delete(alice, first["message_id"]))

    again = post(alice, group, "once", client_id=client_id)

    assert (again.status, contents(alice, group)) == (200, [])


# 聊天消息发送/conversations/messages: GET


def test_messages_are_shown_as_documented(alice: Person, bob: Person, group: int) -> None:
    question = send(alice, group, "Where?")
    answer = send(bob, group, "There!", reply_to=question)

    assert_shows(
        alice.get("/conversations/messages", conversationId=group),
        info="success",
        messages=[
            {
                "id": question,
                "type": 0,
                "content": "Where?",
                "senderid": alice.id,
                "sendername": "Alice",
                "senderavatar": "",
                "conversation": group,
                "created_time": A_TIME,
                "seq": 1,
            },
            {
                "id": answer,
                "type": 0,
                "content": "There!",
                "senderid": bob.id,
                "sendername": "Bob",
                "senderavatar": "",
                "reply_to": "Where?",
                "reply_to_id": question,
                "reply_to_type": 0,
                "conversation": group,
                "created_time": A_TIME,
                "seq": 2,
            },
        ],
    )


def test_without_messages_the_list_is_empty(alice: Person, group: int) -> None:
    reply = alice.get("/conversations/messages", conversationId=group)

    assert_shows(reply, info="success", messages=[])


def test_a_message_that_is_no_reply_has_no_fields_of_one(alice: Person, group: int) -> None:
    send(alice, group)

    [message] = messages(alice, group)

    assert message.keys().isdisjoint({"reply_to", "reply_to_id", "reply_to_type"})


def test_a_reply_whose_target_was_deleted_has_no_fields_of_one(alice: Person, group: int) -> None:
    question = send(alice, group)
    send(alice, group, "answer", reply_to=question)
    done(delete(alice, question))

    [answer] = messages(alice, group)

    assert answer.keys().isdisjoint({"reply_to", "reply_to_id", "reply_to_type"})


def test_a_reply_to_a_deleted_message_is_refused(alice: Person, group: int) -> None:
    question = send(alice, group)
    done(delete(alice, question))

    assert post(alice, group, reply_to=question) == refused(400, -4, "Reply message not found")


def test_messages_come_oldest_first(alice: Person, bob: Person, group: int) -> None:
    for number in range(6):
        send([alice, bob][number % 2], group, str(number))

    listed = messages(alice, group)

    assert [each["content"] for each in listed] == ["0", "1", "2", "3", "4", "5"]
    assert [each["seq"] for each in listed] == [1, 2, 3, 4, 5, 6]


@pytest.mark.parametrize(
    "form",
    ["%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%dT%H:%M:%S.000Z", "%Y-%m-%dT%H:%M:%S+00:00",
     "%Y-%m-%dT%H:%M:%S"],
)  # fmt: skip
def test_messages_from_a_moment_include_it(alice: Person, group: int, form: str) -> None:
    send(alice, group)
    [message] = messages(alice, group)
    created = datetime.fromisoformat(message["created_time"])

    at_that = contents(alice, group, **{"from": created.strftime(form)})
    after_it = contents(alice, group, **{"from": (created + timedelta(seconds=1)).strftime(form)})

    assert (at_that, after_it) == (["hello"], [])


def test_an_offset_of_a_moment_is_heeded(alice: Person, group: int) -> None:
    send(alice, group)
    [message] = messages(alice, group)
    created = datetime.fromisoformat(message["created_time"])
    there = (created + timedelta(hours=8)).strftime("%Y-%m-%dT%H:%M:%S")

    assert contents(alice, group, **{"from": f"{there}+08:00"}) == ["hello"]
    assert contents(alice, group, **{"from": f"{there}+07:00"}) == []


@pytest.mark.parametrize(
    ("window", "expected"),
    [
        ({}, "01234"),
        ({"limit": 2}, "34"),
        ({"limit": 1000}, "01234"),
        ({"before": 3}, "012"),
        ({"before": 3, "limit": 2}, "12"),
        ({"after": 1}, "234"),
        ({"after": 1, "limit": 2}, "23"),
        ({"after": 0, "before": 4}, "123"),
        ({"after": 4}, ""),
        ({"before": 0}, ""),
        ({"from": "2020-01-01 00:00:00", "limit": 2}, "01"),
    ],
    ids=str,
)
def test_a_window_of_messages_can_be_fetched(
    alice: Person, group: int, window: dict[str, Any], expected: str
) -> None:
    sent = [send(alice, group, str(number)) for number in range(5)]
    names = {"before": "before_id", "after": "after_id"}
    given = {names.get(k, k): sent[v] if k in names else v for k, v in window.items()}

    assert "".join(contents(alice, group, **given)) == expected


def test_private_messages_say_whether_they_were_read(alice: Person, bob: Person) -> None:
    private = private_chat(alice, bob)
    send(alice, private)

    before = messages(alice, private)[-1]
    messages(bob, private)
    after = messages(alice, private)[-1]

    assert (before["already_read"], after["already_read"]) == (False, True)


# Catching up


def test_catching_up_answers_what_was_sent_and_deleted_since(alice: Person, group: int) -> None:
    first, second = send(alice, group, "1"), send(alice, group, "2")
    version = fetch(alice, group)["version"]
    third = send(alice, group, "3")
    done(delete(alice, first))
    done(delete(alice, third))
    fourth = send(alice, group, "4")

    since = fetch(alice, group, after_version=version)

    assert [each["id"] for each in since["messages"]] == [fourth]
    assert {first, third} >= set(since["deleted_ids"]) >= {first}
    assert second not in since["deleted_ids"]


def test_every_send_and_every_delete_raises_the_version(alice: Person, group: int) -> None:
    versions = [fetch(alice, group)["version"]]
    message_id = send(alice, group)
    versions.append(fetch(alice, group)["version"])
    done(delete(alice, message_id))
    versions.append(fetch(alice, group)["version"])

    assert versions == sorted(set(versions))


def test_nothing_new_leaves_the_version(alice: Person, group: int) -> None:
    send(alice, group)
    version = fetch(alice, group)["version"]

    again = fetch(alice, group, after_version=version)

    assert (again["messages"], again["deleted_ids"], again["version"]) == ([], [], version)


def test_catching_up_from_the_beginning_answers_everything(alice: Person, group: int) -> None:
    send(alice, group, "1")
    gone = send(alice, group, "2")
    done(delete(alice, gone))

    everything = fetch(alice, group, after_version=0)

    assert [each["content"] for each in everything["messages"]] == ["1"]


# 查看回复列表/conversations/get_reply


def test_replies_are_listed_oldest_first(alice: Person, bob: Person, group: int) -> None:
    question = send(alice, group, "Where?")
    first = send(bob, group, "There", reply_to=question)
    second = send(alice, group, "Fine", reply_to=str(question))
    send(bob, group, "by the way")

    assert_shows(
        alice.get("/conversations/get_reply", message_id=question),
        info="success",
        replies=[
            {
                "reply_id": reply_id,
                "sender_id": sender.id,
                "sender_name": sender.name,
                "sender_avatar": "",
                "content": content,
                "timestamp": A_TIME,
                "time": A_TIME,
                "reply_type": 0,
            }
            for reply_id, sender, content in ((first, bob, "There"), (second, alice, "Fine"))
        ],
    )


def test_without_replies_the_list_is_empty(alice: Person, group: int) -> None:
    reply = alice.get("/conversations/get_reply", message_id=send(alice, group))

    assert reply == (200, {"code": 0, "info": "success", "replies": []})


def test_a_deleted_reply_is_not_listed(alice: Person, group: int) -> None:
    question = send(alice, group)
    answer = send(alice, group, reply_to=question)
    done(delete(alice, answer))

    assert done(alice.get("/conversations/get_reply", message_id=question))["replies"] == []


# 聊天记录管理/conversations/manage_messages: 筛选聊天记录


def test_filtered_messages_are_shown_as_documented(alice: Person, bob: Person, group: int) -> None:
    message_id = send(bob, group, "Where?")

    assert_shows(
        alice.get("/conversations/manage_messages", conversationId=group),
        info="success",
        messages=[
            {
                "id": message_id,
                "sender_id": bob.id,
                "sender_name": "Bob",
                "sender_avatar": "",
                "content": "Where?",
                "timestamp": A_TIME,
                "type": 0,
            }
        ],
    )


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({}, ["Hello World", "100%", "a_b", "你好，世界"]),
        ({"content": "world"}, ["Hello World"]),
        ({"content": "HELLO"}, ["Hello World"]),
        ({"content": "%"}, ["100%"]),
        ({"content": "_"}, ["a_b"]),
        ({"content": "\\"}, []),
        ({"content": "世界"}, ["你好，世界"]),
        ({"content": ""}, ["Hello World", "100%", "a_b", "你好，世界"]),
        ({"sender_name": "ali"}, ["Hello World", "a_b"]),
        ({"sender_name": "B"}, ["100%", "你好，世界"]),
        ({"sender_name": "%"}, []),
        ({"sender_name": "bob", "content": "0"}, ["100%"]),
        ({"sender_name": "bob", "content": "hello"}, []),
        ({"sender_id": 2**62}, []),
        ({"start_time": "2020-01-01T00:00:00Z"}, ["Hello World", "100%", "a_b", "你好，世界"]),
        ({"start_time": "2999-01-01T00:00:00Z"}, []),
        ({"end_time": "2020-01-01 00:00:00"}, []),
        ({"end_time": "2999-01-01T00:00:00+08:00", "content": "a_"}, ["a_b"]),
    ],
    ids=str,
)
def test_filters_are_optional_and_combined(
    alice: Person, bob: Person, group: int, filters: dict[str, Any], expected: list[str]
) -> None:
    send(alice, group, "Hello World")
    send(bob, group, "100%")
    send(alice, group, "a_b")
    send(bob, group, "你好，世界")

    assert found(alice, group, **filters) == expected


def test_messages_are_found_by_sender(alice: Person, bob: Person, group: int) -> None:
    send(alice, group, "hers")
    send(bob, group, "his")

    assert found(alice, group, sender_id=bob.id) == ["his"]


def test_the_bounds_of_time_are_inclusive(alice: Person, group: int) -> None:
    send(alice, group)
    created = messages(alice, group)[0]["created_time"]

    assert found(alice, group, start_time=created, end_time=created) == ["hello"]


def test_nothing_is_found_after_or_before_its_time(alice: Person, group: int) -> None:
    send(alice, group)

    assert found(alice, group, start_time=moment(minutes=5)) == []
    assert found(alice, group, end_time=moment(minutes=-5)) == []


# 彻底删除聊天记录/conversations/messages


def test_deleting_a_message_answers_so(alice: Person, group: int) -> None:
    reply = delete(alice, send(alice, group))

    assert reply == (200, {"code": 0, "info": "Succeed", "message": "删除聊天记录成功"})


def test_a_deleted_message_is_gone_for_everybody(alice: Person, bob: Person, group: int) -> None:
    send(alice, group, "stays")
    message_id = send(alice, group, "goes")

    done(delete(alice, message_id))

    assert (contents(alice, group), contents(bob, group)) == (["stays"], ["stays"])
    assert conversation(bob, group)["last_message"] == "stays"
    assert delete(alice, message_id) == refused(404, -1, "消息不存在")


def test_deleting_the_only_message_leaves_none(alice: Person, group: int) -> None:
    done(delete(alice, send(alice, group)))

    listed = conversation(alice, group)

    assert (listed["last_message"], listed["last_message_time"]) == ("", "")


def test_a_message_is_deleted_by_query_string_as_well(alice: Person, group: int) -> None:
    message_id = send(alice, group)

    reply = alice.call("DELETE", "/conversations/messages", params={"message_id": message_id})

    assert (reply.status, contents(alice, group)) == (200, [])


def test_the_owner_may_delete_a_members_message(alice: Person, bob: Person, group: int) -> None:
    done(delete(alice, send(bob, group)))

    assert contents(bob, group) == []


def test_an_admin_may_delete_the_owners_message(alice: Person, bob: Person, group: int) -> None:
    done(alice.post("/conversations/manage/admin", conversation_id=group, user=bob.id))

    done(delete(bob, send(alice, group)))

    assert contents(alice, group) == []


def test_a_former_member_may_not_delete_his_message(alice: Person, bob: Person, group: int) -> None:
    message_id = send(bob, group)
    done(alice.delete("/conversations/member/remove", conversation_id=group, user=bob.id))

    assert delete(bob, message_id) == refused(403, -3, "No permission to delete message")


def test_sequence_numbers_of_deleted_messages_are_not_used_again(alice: Person, group: int) -> None:
    done(delete(alice, send(alice, group)))

    assert done(post(alice, group))["seq"] == 2


# What the existing web client also calls


def test_readers_of_a_message_are_those_who_fetched_it(
    alice: Person, bob: Person, group: int
) -> None:
    message_id = send(alice, group)
    messages(bob, group)

    assert_shows(
        alice.post("/conversations/readlist", message_id=message_id),
        read_users=[{"id": bob.id, "name": "Bob", "avatar": ""}],
    )


def test_the_sender_is_no_reader(alice: Person, group: int) -> None:
    message_id = send(alice, group)
    messages(alice, group)

    assert_shows(alice.post("/conversations/readlist", message_id=message_id), read_users=[])


def test_sifting_finds_what_filtering_finds(alice: Person, bob: Person, group: int) -> None:
    send(alice, group, "hers")
    send(bob, group, "his")
    filters = {"conversationId": group, "sender_name": "bo", "content": "HI"}

    sifted = alice.post("/conversations/sift", **filters)

    filtered = done(alice.get("/conversations/manage_messages", **filters))["messages"]
    assert_shows(sifted, info="Succeed", messages=filtered)
    assert len(filtered) == 1


def test_messages_can_be_deleted_from_ones_own_view(alice: Person, bob: Person, group: int) -> None:
    first, second, _ = (send(alice, group, each) for each in "123")

    reply = alice.delete("/conversations/delete_messages", message_ids=[first, str(second)])

    assert_shows(reply, message="删除聊天记录成功")
    assert (contents(alice, group), contents(bob, group)) == (["3"], ["1", "2", "3"])
    assert (found(alice, group), found(bob, group)) == (["3"], ["1", "2", "3"])


def test_a_message_deleted_for_oneself_is_not_ones_last(
    alice: Person, bob: Person, group: int
) -> None:
    send(alice, group, "first")
    last = send(alice, group, "last")

    done(bob.delete("/conversations/delete_messages", message_ids=[last]))

    assert conversation(bob, group)["last_message"] == "first"
    assert conversation(alice, group)["last_message"] == "last"


def test_one_unknown_message_keeps_all_from_being_deleted(alice: Person, group: int) -> None:
    message_id = send(alice, group)

    reply = alice.delete("/conversations/delete_messages", message_ids=[message_id, 2**62])

    assert reply == refused(404, -1, "Message not found")
    assert contents(alice, group) == ["hello"]

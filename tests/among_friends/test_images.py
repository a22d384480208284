"""聊天消息发送/conversations/image: pictures as messages, and their files."""

from typing import Any

import pytest

from tests.people import (
    Person,
    Reply,
    Visitor,
    bad,
    conversation,
    done,
    messages,
    refused,
    send,
)
from tests.pictures import animation, opened, photograph, picture
from tests.shapes import A_TIME, AN_ID, assert_shows


def send_image(
    person: Person, conversation_id: int, content: bytes, name: str = "a.png", **more: str
) -> Reply:
    where = {"conversationId": str(conversation_id), **more}
    return person.call("POST", "/conversations/image", data=where, files={"image": (name, content)})


def image_url(person: Person, conversation_id: int) -> str:
    url: str = messages(person, conversation_id)[-1]["content"]
    return url


def bomb() -> bytes:
    """A small file of more than 64 megapixels."""
    return picture("PNG", (9000, 8000))


def test_sending_an_image_answers_without_a_message(alice: Person, group: int) -> None:
    reply = send_image(alice, group, picture())

    assert_shows(reply, info="Succeed", message_id=AN_ID, seq=1, created_time=A_TIME)
    assert "message" not in reply.body


def test_an_image_message_holds_the_url_of_the_image(
    base_url: str, alice: Person, bob: Person, group: int
) -> None:
    done(send_image(alice, group, picture()))

    [message] = messages(bob, group)

    assert (message["type"], message["senderid"]) == (1, alice.id)
    assert message["content"].startswith(f"{base_url}/media/")


def test_the_list_of_conversations_says_that_the_last_message_is_an_image(
    alice: Person, group: int
) -> None:
    done(send_image(alice, group, picture()))

    listed = conversation(alice, group)

    assert (listed["last_message_type"], listed["unread_count"]) == (1, 0)
    assert listed["last_message"] == image_url(alice, group)


@pytest.mark.parametrize(
    ("kind", "expected"),
    [("PNG", "image/png"), ("JPEG", "image/jpeg"), ("GIF", "image/gif"), ("WEBP", "image/webp")],
)
def test_an_image_loads_without_a_token_with_the_type_of_its_bytes(
    alice: Person, visitor: Visitor, group: int, kind: str, expected: str
) -> None:
    done(send_image(alice, group, picture(kind), name="wrong.txt"))

    response = visitor.fetch("GET", image_url(alice, group))

    assert (response.status_code, response.headers["Content-Type"]) == (200, expected)
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert "immutable" in response.headers["Cache-Control"]
    assert opened(response.content).size == (40, 30)


def test_metadata_is_removed_from_an_image(alice: Person, visitor: Visitor, group: int) -> None:
    done(send_image(alice, group, photograph()))

    content = visitor.fetch("GET", image_url(alice, group)).content

    assert b"Secret" not in content
    assert not opened(content).getexif()


@pytest.mark.parametrize("kind", ["GIF", "WEBP"])
def test_an_animation_stays_one(alice: Person, visitor: Visitor, group: int, kind: str) -> None:
    done(send_image(alice, group, animation(kind)))

    content = visitor.fetch("GET", image_url(alice, group)).content

    assert getattr(opened(content), "n_frames", 1) == 3


def test_names_of_images_cannot_be_guessed(alice: Person, group: int) -> None:
    done(send_image(alice, group, picture()))
    done(send_image(alice, group, picture()))

    first, second = (each["content"].rpartition("/")[2] for each in messages(alice, group))

    assert first != second
    assert min(len(first), len(second)) >= 22


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"GIF89a",
        b"hello",
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        b"<html><script>alert(1)</script>",
        b"%PDF-1.4",
        picture("BMP"),
        picture("TIFF"),
        picture()[:60],
        picture("JPEG")[:200],
        bomb(),
    ],
    ids=["empty", "gif-head", "text", "svg", "html", "pdf", "bmp", "tiff", "cut-png", "cut-jpeg",
         "bomb"],
)  # fmt: skip
def test_what_is_no_image_is_refused(alice: Person, group: int, content: bytes) -> None:
    reply = send_image(alice, group, content)

    assert (reply, messages(alice, group)) == (bad("image"), [])


def test_an_image_of_more_than_10_mebibytes_is_too_large(alice: Person, group: int) -> None:
    reply = send_image(alice, group, picture() + bytes(10 * 2**20))

    assert (reply, messages(alice, group)) == (refused(413, -413, "Payload too large"), [])


def test_an_image_cannot_be_a_reply(alice: Person, group: int) -> None:
    question = send(alice, group)

    done(send_image(alice, group, picture(), reply_to=str(question)))

    assert "reply_to" not in messages(alice, group)[-1]


def test_an_image_may_be_replied_to(alice: Person, group: int) -> None:
    done(send_image(alice, group, picture()))
    [image] = messages(alice, group)

    send(alice, group, "Nice", reply_to=image["id"])

    answer: dict[str, Any] = messages(alice, group)[-1]
    assert (answer["reply_to_id"], answer["reply_to_type"]) == (image["id"], 1)


def test_the_conversation_of_an_image_goes_by_both_names(alice: Person, group: int) -> None:
    reply = alice.call(
        "POST",
        "/conversations/image",
        data={"conversation_id": str(group)},
        files={"image": picture()},
    )

    assert reply.status == 200


def test_the_file_of_a_deleted_image_is_gone(alice: Person, visitor: Visitor, group: int) -> None:
    sent = done(send_image(alice, group, picture()))
    url = image_url(alice, group)

    done(alice.delete("/conversations/messages", message_id=sent["message_id"]))

    assert visitor.call("GET", url) == refused(404, -404, "Not found")


def test_the_files_of_a_dissolved_group_are_gone(
    alice: Person, visitor: Visitor, group: int
) -> None:
    done(send_image(alice, group, picture()))
    url = image_url(alice, group)

    done(alice.post("/conversations/member/remove", conversation_id=group))

    assert visitor.call("GET", url) == refused(404, -404, "Not found")


@pytest.mark.parametrize(
    "name", ["nothing", "nothing.png", "..%2f..%2fkeys%2fjwt-private.pem", "%00", "a" * 300]
)
def test_an_unknown_file_is_not_found(visitor: Visitor, name: str) -> None:
    assert visitor.fetch("GET", f"/media/{name}").status_code in {401, 404}

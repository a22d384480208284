"""Sending images (聊天消息发送 /conversations/image), and getting them (/media/<name>)."""

import re
from collections.abc import Callable
from io import BytesIO
from typing import Any

import pytest
from flask import Flask
from urllib3 import encode_multipart_formdata

from chat_service import errors
from chat_service.db import db
from chat_service.tests.factories import befriend, list_ids, make_group
from chat_service.tests.images import (
    load_image,
    make_animation,
    make_decompression_bomb,
    make_image,
    make_photo,
    to_data_uri,
)
from shared.testing.cast import ALICE, BOB
from shared.testing.client import ApiClient, Reply, assert_error
from shared.testing.decoding import held_while_waiting
from shared.testing.s3 import media_keys
from shared.web.errors import BAD_PARAMETER, NOT_FOUND, PAYLOAD_TOO_LARGE, UNSUPPORTED_MEDIA_TYPE

pytestmark = pytest.mark.database

PATH = "/conversations/image"
IMAGE = 1
UNKNOWN_ID = 999
MIB = 1024 * 1024


@pytest.fixture
def group(app: Flask) -> int:
    """Alice's group, with bob."""
    return make_group(app, ALICE, BOB)


@pytest.fixture
def stored_keys(app: Flask, settings: dict[str, str]) -> Callable[[], set[str]]:
    """Lists the keys that were added to the media store."""
    before = media_keys(settings)
    return lambda: media_keys(settings) - before


def send(
    caller: ApiClient, conversation: int, data: bytes, name: str = "cat.png", **form: str
) -> Reply:
    fields = {"conversationId": str(conversation), **form}.items()
    body, content_type = encode_multipart_formdata([*fields, ("image", (name, data))])
    return caller.post(PATH, data=body, content_type=content_type)


def list_messages(caller: ApiClient, conversation: int) -> list[dict[str, Any]]:
    reply = caller.get("/conversations/messages", json={"conversationId": conversation})
    shown: list[dict[str, Any]] = reply.json["messages"]
    return shown


def get_path(caller: ApiClient, conversation: int) -> str:
    """Get the path of the image in the newest message."""
    content: str = list_messages(caller, conversation)[-1]["content"]
    return content.removeprefix("http://localhost")


def delete(caller: ApiClient, message_id: int) -> Reply:
    return caller.delete("/conversations/messages", json={"message_id": message_id})


class TestSend:
    def test_an_image_is_a_message_of_type_1(
        self, alice: ApiClient, bob: ApiClient, group: int
    ) -> None:
        sent = send(alice, group, make_image())

        [message] = list_messages(bob, group)
        assert sent.json == {
            "code": 0,
            "info": "Succeed",
            "message_id": message["id"],
            "seq": message["seq"],
            "created_time": message["created_time"],
        }
        assert (message["type"], message["senderid"]) == (IMAGE, ALICE)
        assert re.fullmatch(r"http://localhost/media/[\w-]{32}\.png", message["content"])

    def test_the_other_name_of_the_conversation_id_is_accepted(
        self, alice: ApiClient, group: int
    ) -> None:
        form = {"conversation_id": str(group), "image": (BytesIO(make_image()), "cat.png")}
        reply = alice.post(PATH, data=form, content_type="multipart/form-data")
        assert reply.status_code == 200

    def test_a_reply_target_is_ignored(self, alice: ApiClient, group: int) -> None:
        assert send(alice, group, make_image(), reply_to=str(UNKNOWN_ID)).status_code == 200
        assert "reply_to" not in list_messages(alice, group)[0]

    def test_an_image_is_unread_for_the_other_members(
        self, alice: ApiClient, bob: ApiClient, group: int
    ) -> None:
        send(alice, group, make_image())
        unread = [
            caller.get("/interface", json={"conversation_id": group}).json["unreads"]
            for caller in (alice, bob)
        ]
        assert unread == [0, 1]

    def test_the_same_client_id_sends_one_message_and_stores_one_file(
        self, alice: ApiClient, group: int, stored_keys: Callable[[], set[str]]
    ) -> None:
        first = send(alice, group, make_image(), client_id="once")
        again = send(alice, group, make_image(), client_id="once")
        assert again.json == first.json
        assert len(list_messages(alice, group)) == len(stored_keys()) == 1

    def test_the_client_id_of_another_image_is_refused_and_its_file_remains(
        self, alice: ApiClient, group: int, stored_keys: Callable[[], set[str]]
    ) -> None:
        first = send(alice, group, make_image(), client_id="once")
        other = send(alice, group, make_image("GIF"), client_id="once")
        assert_error(other, errors.CLIENT_ID_USED)
        assert send(alice, group, make_image(), client_id="once").json == first.json
        assert len(list_messages(alice, group)) == len(stored_keys()) == 1

    def test_the_client_id_of_a_text_is_refused_and_no_file_is_stored(
        self, alice: ApiClient, group: int, stored_keys: Callable[[], set[str]]
    ) -> None:
        text = {"conversationId": group, "content": "hello", "client_id": "once"}
        alice.post("/conversations/messages", json=text)
        reply = send(alice, group, make_image(), client_id="once")
        assert_error(reply, errors.CLIENT_ID_USED)
        assert stored_keys() == set()

    def test_conversation_not_found(
        self, alice: ApiClient, stored_keys: Callable[[], set[str]]
    ) -> None:
        assert_error(send(alice, UNKNOWN_ID, b"no picture"), errors.CONVERSATION_NOT_FOUND)
        assert stored_keys() == set()

    def test_a_stranger_is_not_in_the_conversation(
        self, dave: ApiClient, group: int, stored_keys: Callable[[], set[str]]
    ) -> None:
        assert_error(send(dave, group, b"no picture"), errors.NOT_IN_CONVERSATION)
        assert stored_keys() == set()

    def test_a_closed_private_conversation_is_not_found(self, app: Flask, alice: ApiClient) -> None:
        befriend(app, ALICE, BOB)
        [private] = list_ids(alice.get("/conversations"), "conversation")
        befriend(app, ALICE, BOB, active=False, version=2)
        assert_error(send(alice, private, make_image()), errors.CONVERSATION_NOT_FOUND)

    def test_a_body_that_is_not_multipart_is_unsupported(
        self, alice: ApiClient, group: int
    ) -> None:
        reply = alice.post(PATH, json={"conversationId": group, "image": "cat.png"})
        assert_error(reply, UNSUPPORTED_MEDIA_TYPE)

    @pytest.mark.parametrize(
        ("form", "field"),
        [
            ({"conversationId": "1"}, "image"),
            ({"image": (BytesIO(b""), "cat.png")}, "conversationId"),
            ({"conversationId": "x", "image": (BytesIO(b""), "cat.png")}, "conversationId"),
            (
                {"conversationId": "1", "image": (BytesIO(b""), "cat.png"), "client_id": "x" * 65},
                "client_id",
            ),
        ],
    )
    def test_a_missing_or_wrong_field_is_named(
        self, alice: ApiClient, form: dict[str, Any], field: str
    ) -> None:
        reply = alice.post(PATH, data=form, content_type="multipart/form-data")
        assert_error(reply, BAD_PARAMETER, field=field)

    def test_a_text_field_that_is_no_utf_8_is_named(self, alice: ApiClient, group: int) -> None:
        fields: dict[str, Any] = {"conversationId": str(group), "client_id": b"\xff"}
        fields["image"] = ("cat.png", make_image())
        body, content_type = encode_multipart_formdata(fields)
        reply = alice.post(PATH, data=body, content_type=content_type)
        assert_error(reply, BAD_PARAMETER, field="client_id")

    def test_the_part_needs_no_file_name(self, alice: ApiClient, group: int) -> None:
        form: dict[str, str | bytes] = {"conversationId": str(group), "image": make_image()}
        body, content_type = encode_multipart_formdata([*form.items()])
        sent = alice.post(PATH, data=body, content_type=content_type)
        assert sent.status_code == 200

    def test_a_text_in_place_of_the_file_is_no_picture(self, alice: ApiClient, group: int) -> None:
        form = {"conversationId": str(group), "image": "a text"}
        reply = alice.post(PATH, data=form, content_type="multipart/form-data")
        assert_error(reply, BAD_PARAMETER, field="image")

    def test_a_broken_multipart_body_is_refused(self, alice: ApiClient) -> None:
        reply = alice.post(PATH, data=b"--x\r\nnonsense", content_type="multipart/form-data")
        assert reply.status_code == 400

    @pytest.mark.parametrize(
        "data",
        [
            pytest.param(b"", id="empty"),
            pytest.param(b"<svg xmlns='http://www.w3.org/2000/svg'/>", id="svg"),
            pytest.param(b"<html><script>alert(1)</script>", id="html"),
            pytest.param(make_image()[:-30], id="cut off"),
            pytest.param(make_image("BMP"), id="another format"),
            pytest.param(make_decompression_bomb(), id="too many pixels"),
            pytest.param(b"\x89PNG\r\n\x1a\n<script>", id="a beginning only"),
        ],
    )
    def test_a_file_that_is_no_complete_image_is_refused(
        self, alice: ApiClient, group: int, stored_keys: Callable[[], set[str]], data: bytes
    ) -> None:
        assert_error(send(alice, group, data, "cat.png"), BAD_PARAMETER, field="image")
        assert (stored_keys(), list_messages(alice, group)) == (set(), [])

    def test_more_than_10_mib_is_too_large(self, alice: ApiClient, group: int) -> None:
        assert_error(send(alice, group, bytes(10 * MIB + 1)), PAYLOAD_TOO_LARGE)

    def test_a_body_beyond_the_limit_is_not_read(self, alice: ApiClient, group: int) -> None:
        assert_error(send(alice, group, bytes(12 * MIB)), PAYLOAD_TOO_LARGE)

    def test_nearly_10_mib_are_accepted(self, alice: ApiClient, group: int) -> None:
        data = make_image("PNG", (2000, 1700), compress_level=0)
        assert 9.7 * MIB < len(data) <= 10 * MIB
        assert send(alice, group, data).status_code == 200


@pytest.mark.database
@pytest.mark.parametrize("route", ["message", "picture of a group"])
def test_no_connection_is_held_while_a_request_waits_for_the_decoder(
    app: Flask, alice: ApiClient, group: int, route: str
) -> None:
    def put() -> Reply:
        if route == "message":
            return send(alice, group, make_image())
        body = {"conversation_id": group, "avatar": to_data_uri(make_image())}
        return alice.post("/conversations/manage/info", json=body)

    assert held_while_waiting(app, db, put) == (0, 200)


class TestGet:
    @pytest.mark.parametrize(
        ("kind", "extension", "media_type"),
        [
            ("PNG", "png", "image/png"),
            ("JPEG", "jpg", "image/jpeg"),
            ("GIF", "gif", "image/gif"),
            ("WEBP", "webp", "image/webp"),
        ],
    )
    def test_the_media_type_depends_on_the_content(
        self,
        alice: ApiClient,
        anonymous: ApiClient,
        group: int,
        kind: str,
        extension: str,
        media_type: str,
    ) -> None:
        send(alice, group, make_image(kind), name="page.html")
        path = get_path(alice, group)
        seen = anonymous.get(path)

        assert path.endswith(f".{extension}")
        assert seen.headers["Content-Type"] == media_type
        assert load_image(seen.data).format == kind

    def test_an_image_can_be_cached_and_embedded_but_not_executed(
        self, alice: ApiClient, anonymous: ApiClient, group: int
    ) -> None:
        send(alice, group, make_image())
        headers = anonymous.get(get_path(alice, group)).headers
        assert headers["Cache-Control"] == "private, max-age=31536000, immutable"
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Content-Security-Policy"] == "default-src 'none'; sandbox"
        assert headers["Cross-Origin-Resource-Policy"] == "cross-origin"

    def test_a_cached_image_is_revalidated(
        self, alice: ApiClient, anonymous: ApiClient, group: int
    ) -> None:
        send(alice, group, make_image())
        path = get_path(alice, group)
        tag = anonymous.get(path).headers["ETag"]
        again = anonymous.get(path, headers={"If-None-Match": tag})
        assert (again.status_code, again.data) == (304, b"")

    def test_head_returns_the_size(
        self, alice: ApiClient, anonymous: ApiClient, group: int
    ) -> None:
        send(alice, group, make_image())
        path = get_path(alice, group)
        head = anonymous.call("HEAD", path)
        assert head.data == b""
        assert int(head.headers["Content-Length"]) == len(anonymous.get(path).data)

    def test_a_large_image_is_returned_completely(
        self, alice: ApiClient, anonymous: ApiClient, group: int
    ) -> None:
        send(alice, group, make_image("PNG", (2000, 1500), compress_level=0))
        seen = anonymous.get(get_path(alice, group))
        assert load_image(seen.data).size == (2000, 1500)

    @pytest.mark.parametrize("kind", ["GIF", "WEBP"])
    def test_an_animation_has_all_its_frames(
        self, alice: ApiClient, anonymous: ApiClient, group: int, kind: str
    ) -> None:
        send(alice, group, make_animation(kind))
        seen: Any = load_image(anonymous.get(get_path(alice, group)).data)
        assert seen.n_frames == 3

    def test_metadata_are_removed(self, alice: ApiClient, anonymous: ApiClient, group: int) -> None:
        send(alice, group, make_photo())
        seen = anonymous.get(get_path(alice, group)).data
        assert b"secret" not in seen.lower()
        assert not load_image(seen).getexif()

    @pytest.mark.parametrize(
        "name",
        [
            "x" * 32 + ".png",
            "cat.png",
            "x" * 32 + ".svg",
            "x" * 32,
            "..%2Fchat.db",
            "%2e%2e",
            "a" * 5000,
            "%00",
            "%ff",
        ],
    )
    def test_an_unknown_name_is_not_found(self, alice: ApiClient, name: str) -> None:
        assert_error(alice.get(f"/media/{name}"), NOT_FOUND)

    def test_the_url_has_the_base_of_the_request(self, alice: ApiClient, group: int) -> None:
        send(alice, group, make_image())
        reply = alice.get(
            "/conversations/messages",
            query_string={"conversationId": group},
            base_url="https://chat.example",
        )
        assert reply.json["messages"][0]["content"].startswith("https://chat.example/media/")


class TestDelete:
    def test_deleting_a_message_deletes_its_file(
        self, alice: ApiClient, bob: ApiClient, group: int, stored_keys: Callable[[], set[str]]
    ) -> None:
        sent = send(bob, group, make_image())
        path = get_path(alice, group)
        delete(alice, sent.json["message_id"])
        assert_error(bob.get(path), NOT_FOUND)
        assert stored_keys() == set()

    def test_hiding_a_message_does_not_delete_its_file(
        self, alice: ApiClient, bob: ApiClient, group: int
    ) -> None:
        sent = send(alice, group, make_image())
        hidden = {"message_ids": [sent.json["message_id"]]}
        alice.delete("/conversations/delete_messages", json=hidden)
        assert bob.get(get_path(bob, group)).status_code == 200

    def test_dissolving_a_group_deletes_all_files(
        self, alice: ApiClient, bob: ApiClient, group: int, stored_keys: Callable[[], set[str]]
    ) -> None:
        send(alice, group, make_image())
        send(bob, group, make_image("GIF"))
        alice.post("/conversations/member/remove", json={"conversation_id": group})
        assert stored_keys() == set()

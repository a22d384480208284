"""Sending images (聊天消息发送 /conversations/image)."""

import re
from collections.abc import Callable
from io import BytesIO
from typing import Any

import pytest
from flask import Flask
from urllib3 import encode_multipart_formdata

from chat_service import errors
from chat_service.db import db
from chat_service.tests.calls import list_messages, upload_image
from chat_service.tests.factories import befriend, list_ids, make_group
from chat_service.tests.images import (
    make_decompression_bomb,
    make_image,
    to_data_uri,
)
from shared.testing.cast import ALICE, BOB
from shared.testing.client import ApiClient, Reply, assert_error
from shared.testing.decoding import held_while_waiting
from shared.testing.s3 import media_keys
from shared.web.errors import BAD_PARAMETER, PAYLOAD_TOO_LARGE, UNSUPPORTED_MEDIA_TYPE

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


class TestSend:
    def test_an_image_is_a_message_of_type_1(
        self, alice: ApiClient, bob: ApiClient, group: int
    ) -> None:
        sent = upload_image(alice, group, make_image())

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
        assert upload_image(alice, group, make_image(), reply_to=str(UNKNOWN_ID)).status_code == 200
        assert "reply_to" not in list_messages(alice, group)[0]

    def test_an_image_is_unread_for_the_other_members(
        self, alice: ApiClient, bob: ApiClient, group: int
    ) -> None:
        upload_image(alice, group, make_image())
        unread = [
            caller.get("/interface", json={"conversation_id": group}).json["unreads"]
            for caller in (alice, bob)
        ]
        assert unread == [0, 1]

    def test_the_same_client_id_sends_one_message_and_stores_one_file(
        self, alice: ApiClient, group: int, stored_keys: Callable[[], set[str]]
    ) -> None:
        first = upload_image(alice, group, make_image(), client_id="once")
        again = upload_image(alice, group, make_image(), client_id="once")
        assert again.json == first.json
        assert len(list_messages(alice, group)) == len(stored_keys()) == 1

    def test_the_client_id_of_another_image_is_refused_and_its_file_remains(
        self, alice: ApiClient, group: int, stored_keys: Callable[[], set[str]]
    ) -> None:
        first = upload_image(alice, group, make_image(), client_id="once")
        other = upload_image(alice, group, make_image("GIF"), client_id="once")
        assert_error(other, errors.CLIENT_ID_USED)
        assert upload_image(alice, group, make_image(), client_id="once").json == first.json
        assert len(list_messages(alice, group)) == len(stored_keys()) == 1

    def test_the_client_id_of_a_text_is_refused_and_no_file_is_stored(
        self, alice: ApiClient, group: int, stored_keys: Callable[[], set[str]]
    ) -> None:
        text = {"conversationId": group, "content": "hello", "client_id": "once"}
        alice.post("/conversations/messages", json=text)
        reply = upload_image(alice, group, make_image(), client_id="once")
        assert_error(reply, errors.CLIENT_ID_USED)
        assert stored_keys() == set()

    def test_conversation_not_found(
        self, alice: ApiClient, stored_keys: Callable[[], set[str]]
    ) -> None:
        assert_error(upload_image(alice, UNKNOWN_ID, b"no picture"), errors.CONVERSATION_NOT_FOUND)
        assert stored_keys() == set()

    def test_a_stranger_is_not_in_the_conversation(
        self, dave: ApiClient, group: int, stored_keys: Callable[[], set[str]]
    ) -> None:
        assert_error(upload_image(dave, group, b"no picture"), errors.NOT_IN_CONVERSATION)
        assert stored_keys() == set()

    def test_a_closed_private_conversation_is_not_found(self, app: Flask, alice: ApiClient) -> None:
        befriend(app, ALICE, BOB)
        [private] = list_ids(alice.get("/conversations"), "conversation")
        befriend(app, ALICE, BOB, active=False, version=2)
        assert_error(upload_image(alice, private, make_image()), errors.CONVERSATION_NOT_FOUND)

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
        assert_error(upload_image(alice, group, data, "cat.png"), BAD_PARAMETER, field="image")
        assert (stored_keys(), list_messages(alice, group)) == (set(), [])

    def test_more_than_10_mib_is_too_large(self, alice: ApiClient, group: int) -> None:
        assert_error(upload_image(alice, group, bytes(10 * MIB + 1)), PAYLOAD_TOO_LARGE)
        assert_error(upload_image(alice, group, bytes(10 * MIB)), BAD_PARAMETER, field="image")

    def test_a_body_beyond_the_limit_is_not_read(self, alice: ApiClient, group: int) -> None:
        assert_error(upload_image(alice, group, bytes(12 * MIB)), PAYLOAD_TOO_LARGE)

    def test_nearly_10_mib_are_accepted(self, alice: ApiClient, group: int) -> None:
        data = make_image("PNG", (2000, 1700), compress_level=0)
        assert 9.7 * MIB < len(data) <= 10 * MIB
        assert upload_image(alice, group, data).status_code == 200


@pytest.mark.database
@pytest.mark.parametrize("route", ["message", "picture of a group"])
def test_no_connection_is_held_while_a_request_waits_for_the_decoder(
    app: Flask, alice: ApiClient, group: int, route: str
) -> None:
    def put() -> Reply:
        if route == "message":
            return upload_image(alice, group, make_image())
        body = {"conversation_id": group, "avatar": to_data_uri(make_image())}
        return alice.post("/conversations/manage/info", json=body)

    assert held_while_waiting(app, db, put) == (0, 200)

"""Image files (/media/<name>), and their deletion."""

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask

from chat_service.tests.calls import delete_message, list_messages, upload_image
from chat_service.tests.factories import make_group
from chat_service.tests.images import (
    load_image,
    make_animation,
    make_image,
    make_photo,
)
from shared.testing.cast import ALICE, BOB
from shared.testing.client import ApiClient, assert_error
from shared.testing.s3 import media_keys
from shared.web.errors import NOT_FOUND

pytestmark = pytest.mark.database


@pytest.fixture
def group(app: Flask) -> int:
    """Alice's group, with bob."""
    return make_group(app, ALICE, BOB)


@pytest.fixture
def stored_keys(app: Flask, settings: dict[str, str]) -> Callable[[], set[str]]:
    """Lists the keys that were added to the media store."""
    before = media_keys(settings)
    return lambda: media_keys(settings) - before


def get_path(caller: ApiClient, conversation: int) -> str:
    """Get the path of the image in the newest message."""
    content: str = list_messages(caller, conversation)[-1]["content"]
    return content.removeprefix("http://localhost")


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
        upload_image(alice, group, make_image(kind), name="page.html")
        path = get_path(alice, group)
        seen = anonymous.get(path)

        assert path.endswith(f".{extension}")
        assert seen.headers["Content-Type"] == media_type
        assert load_image(seen.data).format == kind

    def test_an_image_can_be_cached_and_embedded_but_not_executed(
        self, alice: ApiClient, anonymous: ApiClient, group: int
    ) -> None:
        upload_image(alice, group, make_image())
        headers = anonymous.get(get_path(alice, group)).headers
        assert headers["Cache-Control"] == "private, max-age=31536000, immutable"
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Content-Security-Policy"] == "default-src 'none'; sandbox"
        assert headers["Cross-Origin-Resource-Policy"] == "cross-origin"

    def test_a_cached_image_is_revalidated(
        self, alice: ApiClient, anonymous: ApiClient, group: int
    ) -> None:
        upload_image(alice, group, make_image())
        path = get_path(alice, group)
        tag = anonymous.get(path).headers["ETag"]
        again = anonymous.get(path, headers={"If-None-Match": tag})
        assert (again.status_code, again.data) == (304, b"")

    def test_head_returns_the_size(
        self, alice: ApiClient, anonymous: ApiClient, group: int
    ) -> None:
        upload_image(alice, group, make_image())
        path = get_path(alice, group)
        head = anonymous.call("HEAD", path)
        assert head.data == b""
        assert int(head.headers["Content-Length"]) == len(anonymous.get(path).data)

    def test_a_large_image_is_returned_completely(
        self, alice: ApiClient, anonymous: ApiClient, group: int
    ) -> None:
        upload_image(alice, group, make_image("PNG", (2000, 1500), compress_level=0))
        seen = anonymous.get(get_path(alice, group))
        assert load_image(seen.data).size == (2000, 1500)

    @pytest.mark.parametrize("kind", ["GIF", "WEBP"])
    def test_an_animation_has_all_its_frames(
        self, alice: ApiClient, anonymous: ApiClient, group: int, kind: str
    ) -> None:
        upload_image(alice, group, make_animation(kind))
        seen: Any = load_image(anonymous.get(get_path(alice, group)).data)
        assert seen.n_frames == 3

    def test_metadata_are_removed(self, alice: ApiClient, anonymous: ApiClient, group: int) -> None:
        upload_image(alice, group, make_photo())
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
        upload_image(alice, group, make_image())
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
        sent = upload_image(bob, group, make_image())
        path = get_path(alice, group)
        delete_message(alice, sent.json["message_id"])
        assert_error(bob.get(path), NOT_FOUND)
        assert stored_keys() == set()

    def test_hiding_a_message_does_not_delete_its_file(
        self, alice: ApiClient, bob: ApiClient, group: int
    ) -> None:
        sent = upload_image(alice, group, make_image())
        hidden = {"message_ids": [sent.json["message_id"]]}
        alice.delete("/conversations/delete_messages", json=hidden)
        assert bob.get(get_path(bob, group)).status_code == 200

    def test_dissolving_a_group_deletes_all_files(
        self, alice: ApiClient, bob: ApiClient, group: int, stored_keys: Callable[[], set[str]]
    ) -> None:
        upload_image(alice, group, make_image())
        upload_image(bob, group, make_image("GIF"))
        alice.post("/conversations/member/remove", json={"conversation_id": group})
        assert stored_keys() == set()

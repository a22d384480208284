"""Avatars: 修改个人信息/account/info stores them, and all users see them by their URL."""

import base64
from collections.abc import Callable
from io import BytesIO
from textwrap import wrap
from typing import Any

import pytest
from flask import Flask
from PIL import Image

from auth_service.db import db
from auth_service.tests.factories import (
    ALICE,
    BOB,
    PASSWORD,
    bare,
    data_uri,
    email_of,
    picture,
)
from shared.testing.client import ApiClient, Reply, assert_error
from shared.testing.decoding import held_while_waiting
from shared.testing.fake_services import FakeService
from shared.web.errors import BAD_PARAMETER, NOT_FOUND, PAYLOAD_TOO_LARGE

FORMATS = ("PNG", "JPEG", "GIF", "WEBP")
BASE = "http://localhost"


def _put(client: ApiClient, avatar: Any) -> Reply:
    return client.put("/account/info", json={"origin_password": PASSWORD, "avatar": avatar})


def _avatar(client: ApiClient) -> str:
    avatar: str = client.get("/account/info").json["avatar"]
    return avatar


@pytest.fixture
def path(alice: ApiClient, fake_services: dict[str, FakeService]) -> Callable[[], str]:
    """The path of Alice's image in the latest event to the other services."""

    def latest_avatar_url() -> str:
        states = fake_services["chat"].states("account")
        digest = [state["avatar_digest"] for state in states if state["id"] == ALICE][-1]
        return f"/account/avatar/{ALICE}/{digest}"

    return latest_avatar_url


@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize("form", [bare, data_uri])
def test_an_avatar_is_returned_exactly_as_it_was_put(
    alice: ApiClient, kind: str, form: Callable[[bytes], str]
) -> None:
    sent = form(picture(kind))
    assert _put(alice, sent).status_code == 200
    assert _avatar(alice) == sent


@pytest.mark.parametrize(
    "written",
    [
        pytest.param(base64.encodebytes(picture()).decode(), id="in lines"),
        pytest.param("\r\n\t".join(wrap(bare(picture()), 4)), id="in short lines"),
        pytest.param(bare(picture()).rstrip("="), id="without padding"),
        pytest.param(f" {bare(picture())}\r\n", id="with white space around it"),
    ],
)
@pytest.mark.parametrize("head", ["", "data:image/png;base64,", "data:image/png; base64, "])
def test_base64_is_taken_as_clients_write_it(
    alice: ApiClient, anonymous: ApiClient, path: Callable[[], str], head: str, written: str
) -> None:
    assert _put(alice, head + written).status_code == 200
    assert _avatar(alice) == head + written
    assert anonymous.get(path()).status_code == 200


@pytest.mark.parametrize("kind", FORMATS)
def test_all_users_see_a_thumbnail_of_at_most_512_pixels(
    alice: ApiClient, anonymous: ApiClient, path: Callable[[], str], kind: str
) -> None:
    _put(alice, bare(picture(kind, (2000, 1000))))

    response = anonymous.get(path())

    with Image.open(BytesIO(response.data)) as seen:
        assert (seen.format, seen.size) == ("WEBP", (512, 256))
    assert response.headers["Content-Type"] == "image/webp"


def test_a_thumbnail_is_cacheable_for_a_year_and_not_sniffed(
    alice: ApiClient, anonymous: ApiClient, path: Callable[[], str]
) -> None:
    _put(alice, bare(picture()))

    response = anonymous.get(path())
    again = anonymous.get(path(), headers={"If-None-Match": response.headers["ETag"]})

    assert response.headers["Cache-Control"] == "private, max-age=31536000, immutable"
    assert response.headers["Cross-Origin-Resource-Policy"] == "cross-origin"
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert (again.status_code, again.data) == (304, b"")


@pytest.mark.parametrize(
    "path", ["1/" + "0" * 48, "1/x", "x/" + "0" * 48, "-1/" + "0" * 48, "1/..", "9" * 30 + "/1"]
)
def test_an_avatar_that_is_not_there_is_not_found(anonymous: ApiClient, path: str) -> None:
    assert_error(anonymous.get(f"/account/avatar/{path}"), NOT_FOUND)


@pytest.mark.parametrize(
    "reference",
    ["https://example.com/me.png", "builtin:cat-7", "猫", "data", "/9", "x" * 2048, "a b"],
)
def test_a_short_reference_is_stored_unchanged(alice: ApiClient, reference: str) -> None:
    assert _put(alice, reference).status_code == 200
    assert _avatar(alice) == reference


LARGE = picture() + bytes(2 * 1024 * 1024)
TRUNCATED = picture("JPEG")[:-400]
REFUSED = {
    "a reference too long": "x" * 2049,
    "a script": "javascript:alert(1)",
    "a script in disguise": " \u2003JavaScript:alert(1)",
    "a script of another language": "vbscript:x",
    "a line break": "https://example.com/\nx",
    "a control character": "cat\x85",
    "HTML": "data:text/html;base64,PGI+",
    "HTML as a picture": data_uri(b"<html><script>alert(1)</script></html>"),
    "SVG": "data:image/svg+xml;base64,PHN2Zy8+",
    "SVG as a picture": data_uri(b'<svg xmlns="http://www.w3.org/2000/svg"/>'),
    "a data URI without base64": "data:image/png,abc",
    "an empty data URI": "data:image/png;base64,",
    "a data URI that is cut off": "data:image/png;base64",
    "base64 that is none": data_uri(picture())[:-8] + "****",
    "a truncated picture": data_uri(TRUNCATED, "jpeg"),
    "a bare truncated picture": bare(TRUNCATED),
    "a picture of another format": data_uri(picture("BMP"), "png"),
    "more than 2 MiB": data_uri(LARGE),
    "more than 2 MiB in bare base64": bare(LARGE),
}


@pytest.mark.parametrize("sent", REFUSED.values(), ids=REFUSED.keys())
def test_info_put_rejects_an_invalid_avatar_and_leaves_the_old_one(
    alice: ApiClient, media: Callable[[], set[str]], sent: str
) -> None:
    _put(alice, "cat")
    before = media()
    assert_error(_put(alice, sent), BAD_PARAMETER, field="avatar")
    assert _avatar(alice) == "cat"
    assert media() == before


def test_info_put_refuses_a_body_beyond_8_mib(alice: ApiClient) -> None:
    assert_error(_put(alice, "x" * (8 * 1024 * 1024)), PAYLOAD_TOO_LARGE)


@pytest.mark.database
def test_no_connection_is_held_while_the_decoder_is_waited_for(
    app: Flask, alice: ApiClient
) -> None:
    assert held_while_waiting(app, db, lambda: _put(alice, bare(picture()))) == (0, 200)


@pytest.mark.parametrize("sent", [bare(picture()), "cat"])
def test_putting_an_avatar_back_changes_nothing(
    alice: ApiClient,
    fake_services: dict[str, FakeService],
    media: Callable[[], set[str]],
    sent: str,
) -> None:
    _put(alice, sent)
    before = media(), len(fake_services["chat"].events)
    _put(alice, _avatar(alice))
    assert (media(), len(fake_services["chat"].events)) == before


def test_putting_the_url_of_the_picture_changes_nothing(
    alice: ApiClient, path: Callable[[], str]
) -> None:
    _put(alice, bare(picture()))
    _put(alice, BASE + path())
    assert _avatar(alice) == bare(picture())


def test_the_url_of_anothers_picture_is_a_reference(
    alice: ApiClient, bob: ApiClient, path: Callable[[], str]
) -> None:
    _put(alice, bare(picture()))
    _put(bob, BASE + path())
    assert _avatar(bob) == BASE + path()


@pytest.mark.parametrize("replacement", ["", "cat", bare(picture(colour="red"))])
def test_a_replaced_picture_is_gone(
    alice: ApiClient,
    anonymous: ApiClient,
    path: Callable[[], str],
    media: Callable[[], set[str]],
    replacement: str,
) -> None:
    _put(alice, bare(picture()))
    old_path, old_files = path(), media()

    _put(alice, replacement)

    assert_error(anonymous.get(old_path), NOT_FOUND)
    assert not old_files & media()
    assert _avatar(alice) == replacement


def test_the_same_picture_put_again_later_has_a_url_of_its_own(
    alice: ApiClient, anonymous: ApiClient, path: Callable[[], str]
) -> None:
    _put(alice, bare(picture()))
    first = path()
    _put(alice, "")
    _put(alice, bare(picture()))
    assert path() != first
    assert anonymous.get(path()).status_code == 200


def test_two_people_may_have_the_same_picture(
    app: Flask, alice: ApiClient, bob: ApiClient, fake_services: dict[str, FakeService]
) -> None:
    _put(alice, bare(picture()))
    _put(bob, bare(picture()))
    _put(alice, "")
    digest = fake_services["chat"].states("account")[1]["avatar_digest"]
    assert bob.get(f"/account/avatar/{BOB}/{digest}").status_code == 200
    assert _avatar(bob) == bare(picture())


def test_a_deleted_accounts_picture_stays_for_its_return(
    app: Flask, alice: ApiClient, anonymous: ApiClient, path: Callable[[], str]
) -> None:
    _put(alice, bare(picture()))
    alice.delete("/account/delete")
    body = {"email": email_of("alice"), "name": "Alice", "password": PASSWORD}
    token = anonymous.post("/account/reg", json=body).json["token"]
    assert _avatar(ApiClient(app, token, ALICE)) == bare(picture())
    assert anonymous.get(path()).status_code == 200


def test_a_store_that_does_not_answer_is_a_503_and_changes_nothing(
    alice: ApiClient, configured: Callable[..., ApiClient]
) -> None:
    service = configured(
        MEDIA_URL="s3://nowhere",
        AWS_ENDPOINT_URL="http://127.0.0.1:9",
        AWS_ACCESS_KEY_ID="id",
        AWS_SECRET_ACCESS_KEY="secret",
    )
    service.token = alice.token
    assert _put(service, bare(picture())).status_code == 503
    assert _avatar(service) == ""

"""Irreversible erasure of an account: ``accounts erase``."""

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from click.testing import Result
from flask import Flask

from auth_service import errors
from auth_service.db import db
from auth_service.tests.factories import ALICE, PASSWORD, data_uri, email_of, picture
from shared.testing.client import ApiClient, assert_error
from shared.testing.databases import everything_in
from shared.testing.fake_services import FakeService
from shared.web.errors import INVALID_JWT

pytestmark = pytest.mark.database


def erase(app: Flask, account_id: int = ALICE, *options: str, stdin: str | None = None) -> Result:
    command = ["accounts", "erase", str(account_id), *options]
    return app.test_cli_runner().invoke(args=command, input=stdin)


@pytest.fixture
def erased_alice(app: Flask, alice: ApiClient) -> ApiClient:
    """Alice, who had a profile text before the erasure of her account."""
    change = {"origin_password": PASSWORD, "user_info": "likes tea", "avatar": data_uri(picture())}
    assert alice.put("/account/info", json=change).status_code == 200
    assert erase(app, ALICE, "--yes").exit_code == 0
    return alice


def test_nothing_of_the_person_is_left(
    app: Flask, media: Callable[[], set[str]], erased_alice: ApiClient
) -> None:
    left = everything_in(app, db).lower()
    assert [text for text in ("alice", "likes tea", "argon2") if text in left] == []
    assert media() == set()


def test_mail_to_the_person_that_was_written_into_the_folder_is_gone(
    app: Flask, env: Mapping[str, str], alice: ApiClient
) -> None:
    folder = Path(env["DATA_DIR"]) / "mail"
    for name in ("alice", "bob"):
        alice.post("/verify", json={"email": email_of(name)})
    erase(app, ALICE, "--yes")
    left = "".join(path.read_text() for path in folder.glob("*.eml"))
    assert (email_of("alice") in left, email_of("bob") in left) == (False, True)


def test_mail_to_a_former_address_of_the_person_is_gone(
    app: Flask, env: Mapping[str, str], alice: ApiClient
) -> None:
    folder = Path(env["DATA_DIR"]) / "mail"
    alice.post("/verify", json={"email": "Alice@Example.com"})
    change = {"origin_password": PASSWORD, "email": "alice@münchen.de"}
    assert alice.put("/account/info", json=change).status_code == 200
    alice.post("/verify", json={"email": "alice@xn--mnchen-3ya.de"})

    erase(app, ALICE, "--yes")

    assert "alice" not in "".join(path.read_text() for path in folder.glob("*.eml")).lower()


def test_the_account_answers_like_a_deleted_one(erased_alice: ApiClient) -> None:
    info = erased_alice.get("/account/info").json
    assert (info["id"], info["name"], info["email"], info["deleted"]) == (ALICE, "", "", True)
    assert_error(erased_alice.delete("/account/delete"), INVALID_JWT)


def test_login_fails(erased_alice: ApiClient) -> None:
    login = {"email": email_of("alice"), "password": PASSWORD}
    assert_error(erased_alice.post("/account/login", json=login), errors.USER_NOT_FOUND)


def test_its_address_is_free_for_another_account(app: Flask, anonymous: ApiClient) -> None:
    body = {"email": email_of("alice"), "name": "Alice", "password": PASSWORD}
    first = anonymous.post("/account/reg", json=body).json["id"]
    erase(app, first, "--yes")
    second = anonymous.post("/account/reg", json=body).json
    assert (second["message"], second["id"] > first) == ("注册成功", True)


def test_other_services_receive_only_the_erasure(
    erased_alice: ApiClient, fake_services: dict[str, FakeService]
) -> None:
    for name in ("social", "chat"):
        state = fake_services[name].states("account")[-1]
        assert (state["erased"], state["deleted"]) == (True, True)
        assert "alice" not in str(state).lower()


def test_erasing_a_deleted_account_leaves_nothing_of_it_either(
    app: Flask, alice: ApiClient
) -> None:
    alice.delete("/account/delete")
    erase(app, ALICE, "--yes")
    assert "alice" not in everything_in(app, db).lower()


def test_no_command_brings_it_back(app: Flask, erased_alice: ApiClient) -> None:
    result = app.test_cli_runner().invoke(args=["accounts", "reactivate", str(ALICE)])
    assert (result.exit_code, result.output) == (1, "Error: User not found\n")
    assert erased_alice.get("/account/info").json["deleted"] is True


def test_erasing_again_sends_the_event_again(
    app: Flask, erased_alice: ApiClient, fake_services: dict[str, FakeService]
) -> None:
    assert erase(app, ALICE, "--yes").exit_code == 0
    assert [state["erased"] for state in fake_services["chat"].states("account")][-2:] == [True] * 2


def test_what_a_neighbour_cannot_take_yet_is_said_and_waits(
    app: Flask, alice: ApiClient, fake_services: dict[str, FakeService]
) -> None:
    fake_services["social"].set_mode("failing")
    assert "Undelivered: 1 event" in erase(app, ALICE, "--yes").output


def test_nothing_is_erased_without_a_yes(app: Flask, alice: ApiClient) -> None:
    result = erase(app, stdin="n\n")
    assert (result.exit_code, "Alice@Example.com" in result.output) == (1, True)
    assert alice.get("/account/info").json["name"] == "Alice"


def test_an_account_that_does_not_exist_is_refused_in_a_line(app: Flask) -> None:
    result = erase(app, 77, "--yes")
    assert (result.exit_code, result.output) == (1, "Error: User not found\n")

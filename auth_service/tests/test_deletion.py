"""用户注销/account/delete."""

import pytest
from flask import Flask

from auth_service.tests.factories import ALICE, PASSWORD, email_of
from shared.testing.client import ApiClient, assert_error
from shared.web.errors import INVALID_JWT

pytestmark = pytest.mark.database


@pytest.fixture
def deleted_alice(alice: ApiClient) -> ApiClient:
    """Alice, who has just deleted her account, with her old token."""
    alice.delete("/account/delete")
    return alice


@pytest.fixture
def restored_alice(app: Flask, deleted_alice: ApiClient) -> ApiClient:
    """Alice with the token of the restoration of her account."""
    body = {"email": email_of("alice"), "name": "Alice", "password": PASSWORD}
    token = deleted_alice.post("/account/reg", json=body, headers={"Authorization": ""}).json
    return ApiClient(app, token["token"], ALICE)


def test_deleting_ones_account_succeeds(alice: ApiClient) -> None:
    response = alice.delete("/account/delete").json
    assert response == {"code": 0, "info": "Succeed", "message": "注销成功"}


def test_a_delete_with_a_json_content_type_and_no_body_is_well_formed(alice: ApiClient) -> None:
    assert alice.delete("/account/delete", content_type="application/json").status_code == 200


def test_a_deleted_account_can_still_read_what_it_said(deleted_alice: ApiClient) -> None:
    info = deleted_alice.get("/account/info").json
    assert (info["id"], info["name"], info["deleted"]) == (ALICE, "Alice", True)


def test_a_deleted_account_cannot_change_anything(deleted_alice: ApiClient) -> None:
    change = {"origin_password": PASSWORD, "name": "Ghost"}
    assert_error(deleted_alice.put("/account/info", json=change), INVALID_JWT)


def test_a_deleted_account_cannot_be_deleted_again(deleted_alice: ApiClient) -> None:
    assert_error(deleted_alice.delete("/account/delete"), INVALID_JWT)


def test_tokens_from_before_the_deletion_stay_dead_after_restoring(
    deleted_alice: ApiClient, restored_alice: ApiClient
) -> None:
    assert restored_alice.get("/account/info").status_code == 200
    assert_error(deleted_alice.get("/account/info"), INVALID_JWT)


def test_only_the_last_generation_of_a_deleted_account_can_read(
    deleted_alice: ApiClient, restored_alice: ApiClient
) -> None:
    restored_alice.delete("/account/delete")
    assert restored_alice.get("/account/info").json["deleted"] is True
    assert_error(deleted_alice.get("/account/info"), INVALID_JWT)


def test_others_stay_as_they_are(alice: ApiClient, bob: ApiClient) -> None:
    alice.delete("/account/delete")
    assert bob.get("/account/info").json["deleted"] is False

"""Sessions: signing out, listing, ending one or the others."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import update

from auth_service import errors
from auth_service.db import db
from auth_service.domain import sessions
from auth_service.models import Session
from auth_service.tests.factories import ALICE, BOB, PASSWORD, email_of, encrypted
from shared.data.client import SECRET_HEADER
from shared.testing.client import ApiClient, Reply, assert_error
from shared.testing.databases import counted_queries
from shared.testing.fake_services import FakeService
from shared.testing.races import run_concurrently
from shared.testing.tokens import issue
from shared.web.account_state import SessionEnds
from shared.web.errors import INVALID_JWT, bad_parameter

SIGNED_OUT = "退出登录成功"


def sign_in(app: Flask, name: str = "alice", **headers: str) -> ApiClient:
    """Create a session of an account."""
    body = {"email": email_of(name), "password": PASSWORD}
    response = ApiClient(app).post("/account/login", json=body, headers=headers)
    return ApiClient(app, response.json["token"], response.json["id"])


def sessions_of(client: ApiClient) -> list[dict[str, Any]]:
    sessions: list[dict[str, Any]] = client.get("/account/sessions").json["sessions"]
    return sessions


def works(client: ApiClient) -> bool:
    return client.get("/account/info").status_code == 200


def _put(client: ApiClient, **change: str) -> Reply:
    return client.put("/account/info", json={"origin_password": PASSWORD} | change)


def test_signing_out_ends_the_session_of_the_token_alone(app: Flask, alice: ApiClient) -> None:
    phone, laptop = sign_in(app), sign_in(app)

    response = phone.post("/account/logout").json

    assert (response["info"], response["message"]) == ("Succeed", SIGNED_OUT)
    assert_error(phone.get("/account/info"), INVALID_JWT)
    assert works(laptop)
    assert works(sign_in(app))


def test_sessions_are_listed_newest_first_with_where_they_come_from(
    app: Flask, alice: ApiClient
) -> None:
    phone = sign_in(app, **{"X-Forwarded-For": "192.0.2.7:4711", "User-Agent": "Phone/1"})
    laptop = sign_in(app, **{"X-Forwarded-For": "2001:db8::1", "User-Agent": "L" * 300})

    listed = sessions_of(phone)

    shown = [(each["device"], each["address"], each["current"]) for each in listed]
    assert shown == [("L" * 255, "2001:db8::1", False), ("Phone/1", "192.0.2.7", True)]
    assert [each["id"] for each in listed] == sorted((each["id"] for each in listed), reverse=True)
    assert [each["current"] for each in sessions_of(laptop)] == [True, False]


def test_a_session_is_seen_once_a_day(app: Flask, alice: ApiClient) -> None:
    phone = sign_in(app)
    sign_in(app)
    today, yesterday = (datetime.now(UTC) - timedelta(days=days) for days in (0, 1))
    with app.app_context(), db.transaction():
        db.session.execute(update(Session).values(last_seen_at=yesterday))
    [laptop_id, phone_id] = [each["id"] for each in sessions_of(phone)]

    for _ in range(2):
        body = {"ids": [phone_id, phone_id + 1000]}
        headers = {SECRET_HEADER: "current-test-secret"}
        ApiClient(app).post("/internal/sessions/seen", json=body, headers=headers)
        seen = {each["id"]: each["last_seen_at"][:10] for each in sessions_of(phone)}
        assert seen == {phone_id: f"{today:%Y-%m-%d}", laptop_id: f"{yesterday:%Y-%m-%d}"}


def test_registering_begins_a_session(app: Flask, anonymous: ApiClient) -> None:
    body = {"email": "ann@example.com", "name": "Ann", "password": PASSWORD}
    ann = ApiClient(app, anonymous.post("/account/reg", json=body).json["token"])
    assert [each["current"] for each in sessions_of(ann)] == [True]


@pytest.mark.parametrize("where", ["query_string", "json"])
def test_one_session_is_ended_by_its_id(app: Flask, alice: ApiClient, where: str) -> None:
    phone, laptop = sign_in(app), sign_in(app)
    [session_id] = [each["id"] for each in sessions_of(phone) if not each["current"]]

    response = phone.delete("/account/sessions", **{where: {"session_id": session_id}})

    assert response.json["message"] == SIGNED_OUT
    assert (works(phone), works(laptop)) == (True, False)
    assert [each["current"] for each in sessions_of(phone)] == [True]


def test_ending_a_foreign_or_ended_session_is_rejected(
    app: Flask, alice: ApiClient, bob: ApiClient
) -> None:
    phone, other = sign_in(app), sign_in(app, "bob")
    [own] = [each["id"] for each in sessions_of(other)]
    for session_id in (own, own + 1000):
        response = phone.delete("/account/sessions", json={"session_id": session_id})
        assert_error(response, errors.SESSION_NOT_FOUND)
    assert works(other)
    other.delete("/account/sessions", json={"session_id": own})
    assert not works(other)


@pytest.mark.parametrize("body", [{}, {"others": False}, {"session_id": None}])
def test_what_to_end_must_be_said(app: Flask, alice: ApiClient, body: dict[str, Any]) -> None:
    phone, laptop = sign_in(app), sign_in(app)
    refusal = bad_parameter("session_id")
    response = phone.delete("/account/sessions", json=body)
    assert_error(response, refusal.spec, field="session_id")
    assert works(laptop)


@pytest.mark.parametrize("where", ["query_string", "json"])
def test_all_others_are_ended_at_once(app: Flask, alice: ApiClient, where: str) -> None:
    before, phone, later = sign_in(app), sign_in(app), sign_in(app)
    others: Any = "true" if where == "query_string" else True

    assert phone.delete("/account/sessions", **{where: {"others": others}}).status_code == 200

    assert [works(each) for each in (before, phone, later)] == [False, True, False]
    assert works(sign_in(app))
    assert len(sessions_of(phone)) == 2


def test_another_password_ends_the_other_sessions(app: Flask, alice: ApiClient) -> None:
    phone, laptop = sign_in(app), sign_in(app)
    assert _put(phone, password="another_1").status_code == 200
    assert [works(each) for each in (alice, phone, laptop)] == [False, True, False]


@pytest.mark.parametrize("sent", [PASSWORD, encrypted(PASSWORD)])
def test_the_same_password_sent_back_ends_nothing(app: Flask, alice: ApiClient, sent: str) -> None:
    phone, laptop = sign_in(app), sign_in(app)
    assert _put(phone, password=sent, name="Alicia").status_code == 200
    assert [works(each) for each in (alice, phone, laptop)] == [True, True, True]


def test_a_refused_change_ends_nothing(app: Flask, alice: ApiClient) -> None:
    phone, laptop = sign_in(app), sign_in(app)
    assert_error(_put(phone, password="another_1", name=""), errors.NAME_TOO_LONG)
    assert works(laptop)


def test_a_token_older_than_sessions_is_one_as_well(app: Flask, alice: ApiClient) -> None:
    laptop = sign_in(app)
    assert [each["current"] for each in sessions_of(alice)] == [False, True]
    assert [each["current"] for each in sessions_of(alice)] == [False, True]

    alice.post("/account/logout")

    assert (works(alice), works(laptop)) == (False, True)
    assert works(ApiClient(app, issue(ALICE)))


def test_tokens_older_than_sessions_end_with_the_others(app: Flask, alice: ApiClient) -> None:
    old, never_seen = ApiClient(app, issue(ALICE)), ApiClient(app, issue(ALICE))
    laptop = sign_in(app)

    alice.delete("/account/sessions", json={"others": True})

    assert [works(each) for each in (alice, old, never_seen, laptop)] == [True, False, False, False]
    phone = sign_in(app)
    phone.post("/account/logout")
    assert [works(each) for each in (alice, old, phone)] == [True, False, False]
    alice.post("/account/logout")
    assert not works(alice)


@pytest.mark.slow
def test_at_most_a_hundred_sessions_are_open_and_their_event_stays_small(
    app: Flask, alice: ApiClient, fake_services: dict[str, FakeService]
) -> None:
    first = sign_in(app)
    for _ in range(105):
        last = sign_in(app)
    assert (works(first), works(last), len(sessions_of(last))) == (False, True, 100)
    for _ in range(3):
        sign_in(app).post("/account/logout")
    assert len(fake_services["chat"].states("account")[-1]["session_ends"]) < 1_000


def test_the_account_event_contains_ended_sessions(
    app: Flask, alice: ApiClient, fake_services: dict[str, FakeService]
) -> None:
    phone, laptop = sign_in(app), sign_in(app)
    phone_id, laptop_id = sorted(each["id"] for each in sessions_of(phone))

    laptop.post("/account/logout")

    for name in ("social", "chat"):
        [state] = fake_services[name].states("account")
        ends = SessionEnds.from_text(state["session_ends"])
        assert (ends.up_to, ends.open, state["version"]) == (laptop_id, frozenset([phone_id]), 2)


def test_signing_in_sends_no_event(
    app: Flask, alice: ApiClient, fake_services: dict[str, FakeService]
) -> None:
    sign_in(app)
    assert fake_services["chat"].events == []


def test_deleting_and_restoring_an_account_ends_its_sessions(app: Flask, alice: ApiClient) -> None:
    phone = sign_in(app)
    phone.delete("/account/delete")
    body = {"email": email_of("alice"), "name": "Alice", "password": PASSWORD}
    back = ApiClient(app, phone.post("/account/reg", json=body, headers={}).json["token"])
    assert [each["current"] for each in sessions_of(back)] == [True]
    assert not works(phone)


def test_an_ended_session_of_a_deleted_account_shows_nothing(app: Flask, alice: ApiClient) -> None:
    phone, laptop = sign_in(app), sign_in(app)
    phone.post("/account/logout")
    laptop.delete("/account/delete")
    assert (works(phone), works(laptop)) == (False, True)


def test_of_two_that_end_each_other_at_once_one_stays(app: Flask, alice: ApiClient) -> None:
    phone, laptop = sign_in(app), sign_in(app)
    replies = run_concurrently(
        lambda: phone.delete("/account/sessions", json={"others": True}),
        lambda: laptop.delete("/account/sessions", json={"others": True}),
    )
    assert {reply.status_code for reply in replies} <= {200, 401}
    assert works(phone) + works(laptop) == 1


def test_who_signs_in_while_others_are_ended_is_in_or_out_for_good(
    app: Flask, alice: ApiClient, fake_services: dict[str, FakeService]
) -> None:
    phone = sign_in(app)
    coming: list[ApiClient] = []
    run_concurrently(
        lambda: coming.append(sign_in(app)),
        lambda: phone.delete("/account/sessions", json={"others": True}),
        lambda: coming.append(sign_in(app)),
    )
    assert sum(map(works, coming)) + 1 == len(sessions_of(phone))


def test_expired_sessions_are_deleted(app: Flask, alice: ApiClient) -> None:
    phone = sign_in(app)
    with app.app_context():
        with db.transaction():
            long_ago = datetime.now(UTC) - timedelta(days=8)
            for row in db.session.query(Session):
                row.expires_at = long_ago
        assert sessions_of(phone) == []
        sessions.delete_expired()
        assert db.session.query(Session).count() == 0


def test_looking_at_a_token_costs_no_more_statements_than_before(
    app: Flask, alice: ApiClient
) -> None:
    phone = sign_in(app)
    sign_in(app).post("/account/logout")
    with counted_queries(app, db) as queries:
        phone.get("/nowhere")
    assert len(queries) == 1


def test_erasing_leaves_no_session(app: Flask, alice: ApiClient, bob: ApiClient) -> None:
    sign_in(app)
    sign_in(app, "bob")
    app.test_cli_runner().invoke(args=["accounts", "erase", str(ALICE), "--yes"])
    with app.app_context():
        assert [row.account_id for row in db.session.query(Session)] == [BOB]

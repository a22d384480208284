"""The use of sessions is reported to the auth service once a day per session, without losses."""

from typing import Any

import pytest
from flask import Flask

from shared.data.client import UnreachableError
from shared.data.session_activity import SessionActivity
from shared.testing.client import ApiClient
from shared.testing.contracts import newest
from shared.testing.fake_services import FakeService
from shared.testing.tokens import issue
from shared.tests.conftest import ALICE

CALL = newest("calls/record_sessions_seen")


@pytest.fixture
def auth(fake_services: dict[str, FakeService]) -> FakeService:
    fake_services["auth"].responses[CALL["path"]] = CALL["answer"]
    return fake_services["auth"]


@pytest.fixture
def activity(app: Flask, auth: FakeService) -> SessionActivity:
    """The session activity of the tiny service, without that of earlier tests."""
    activity: SessionActivity = app.extensions["session_activity"]
    activity.report_sessions()
    auth.requests.clear()
    return activity


def _use(app: Flask, *session_ids: int) -> None:
    for session_id in session_ids:
        assert ApiClient(app, issue(ALICE, session=session_id)).get("/me").status_code == 200


def _reported(auth: FakeService) -> list[Any]:
    return [body for path, body in auth.requests if path == CALL["path"]]


def test_a_session_is_reported_once_however_often_it_was_used(
    app: Flask, alice: ApiClient, auth: FakeService, activity: SessionActivity
) -> None:
    _use(app, 107, 107, 103, 107)
    activity.report_sessions()
    _use(app, 103)
    activity.report_sessions()

    assert _reported(auth) == [CALL["fields"] | {"ids": [103, 107]}]


def test_what_auth_did_not_take_is_reported_again(
    app: Flask, alice: ApiClient, auth: FakeService, activity: SessionActivity
) -> None:
    auth.set_mode("failing")
    _use(app, 203)
    with pytest.raises(UnreachableError):
        activity.report_sessions()
    auth.set_mode("ok")
    _use(app, 207)

    activity.report_sessions()

    assert _reported(auth) == [{"ids": [203, 207]}]


def test_a_session_is_reported_again_on_the_next_day() -> None:
    reported: list[list[int]] = []
    hours = iter([1.0, 23.0, 25.0])
    activity = SessionActivity(reported.append, clock=lambda: next(hours) * 3600)

    for _ in range(3):
        activity.note(7)
        activity.report_sessions()

    assert reported == [[7], [7]]

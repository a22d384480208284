"""The copy of the accounts: updated by events, completed by requests, rebuilt by a command."""

import time
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask

from shared.data.accounts import avatar_url
from shared.testing.client import ApiClient, Reply
from shared.testing.databases import counted_queries
from shared.testing.fake_services import FakeService
from shared.testing.tokens import issue
from shared.tests.conftest import account, event
from shared.tests.tiny import accounts, db
from shared.web.account_state import SessionEnds

pytestmark = pytest.mark.database

Deliver = Callable[..., Reply]
FIND = "/internal/accounts/find"


@pytest.fixture
def auth(fake_services: dict[str, FakeService]) -> FakeService:
    """An auth service with the accounts 1 to 5."""
    known = {number: account(number) for number in range(1, 6)}

    def find_accounts(body: dict[str, Any]) -> dict[str, Any]:
        return {"accounts": [known[number] for number in body["ids"] if number in known]}

    def page(parameters: dict[str, str]) -> dict[str, Any]:
        after = int(parameters["after"])
        return {"accounts": [known[number] for number in known if number > after][:2]}

    fake_services["auth"].responses |= {FIND: find_accounts, "/internal/accounts": page}
    return fake_services["auth"]


def _names(app: Flask, *ids: int) -> dict[int, str]:
    with app.app_context():
        return {row.id: row.name for row in accounts.get_many(ids).values()}


def test_a_copied_account_is_not_fetched(app: Flask, auth: FakeService, deliver: Deliver) -> None:
    deliver(event(name="copied"))
    with counted_queries(app, db) as queries:
        assert _names(app, 1) == {1: "copied"}
    assert (auth.requests, len(queries)) == ([], 1)


def test_missing_accounts_are_fetched_in_one_call_and_stored(
    app: Flask, auth: FakeService, deliver: Deliver
) -> None:
    deliver(event(name="copied"))
    assert _names(app, 1, 4, 3, 99) == {1: "copied", 3: "user3", 4: "user4"}
    assert auth.requests == [(FIND, {"ids": [3, 4, 99]})]
    assert _names(app, 3, 4) == {3: "user3", 4: "user4"}
    assert len(auth.requests) == 1


def test_accounts_are_fetched_in_batches(app: Flask, auth: FakeService) -> None:
    assert _names(app, *range(1, 2502)).keys() == {1, 2, 3, 4, 5}
    assert [len(body["ids"]) for _, body in auth.requests] == [1000, 1000, 501]


@pytest.mark.parametrize("mode", ["failing", "hung"])
def test_while_auth_does_not_answer_an_unknown_account_does_not_exist(
    app: Flask, auth: FakeService, deliver: Deliver, mode: str
) -> None:
    deliver(event(name="copied"))
    auth.set_mode(mode)
    assert _names(app, 1, 2) == {1: "copied"}


def test_the_token_of_an_account_that_is_not_copied_yet_works(
    app: Flask, auth: FakeService
) -> None:
    assert ApiClient(app, issue(2)).get("/me").json["id"] == 2


def test_the_token_of_an_unknown_account_is_invalid(app: Flask, auth: FakeService) -> None:
    assert ApiClient(app, issue(99)).get("/me").status_code == 401


def _ended(session_id: int) -> str:
    return SessionEnds(up_to=session_id).to_text()


def _event_of_an_earlier_version(**fields: Any) -> dict[str, Any]:
    earlier = event(**fields)
    del earlier["state"]["session_ends"]
    return earlier


def test_the_token_of_an_ended_session_does_not_work(app: Flask, deliver: Deliver) -> None:
    deliver(event(session_ends=_ended(7)))
    with counted_queries(app, db) as queries:
        assert ApiClient(app, issue(1, session=8)).get("/me").status_code == 200
    assert ApiClient(app, issue(1, session=7)).get("/me").status_code == 401
    assert len(queries) == 1


@pytest.mark.parametrize("text", ["[]", "{", '{"up_to":"1"}', "1"])
def test_ends_of_sessions_that_cannot_be_read_change_nothing(
    app: Flask, deliver: Deliver, text: str
) -> None:
    deliver(event(session_ends=_ended(7)), event(session_ends=text, version=9))
    assert ApiClient(app, issue(1, session=7)).get("/me").status_code == 401


def test_ends_of_sessions_that_an_earlier_version_passed_over_count(
    app: Flask, fake_services: dict[str, FakeService], deliver: Deliver
) -> None:
    fake_services["auth"].responses[FIND] = {
        "accounts": [account(session_ends=_ended(7), version=5)]
    }
    deliver(_event_of_an_earlier_version(version=5))
    ended, deadline = ApiClient(app, issue(1, session=7)), time.monotonic() + 10
    # Seconds pass until auth is asked again, if it could not be asked in another test.
    while ended.get("/me").status_code != 401:
        assert time.monotonic() < deadline
    assert ApiClient(app, issue(1, session=8)).get("/me").status_code == 200
    assert len(fake_services["auth"].requests) == 1


@pytest.mark.parametrize("mode", ["failing", "of an earlier version"])
def test_until_ends_of_sessions_can_be_had_tokens_work(
    app: Flask, fake_services: dict[str, FakeService], deliver: Deliver, mode: str
) -> None:
    response = _event_of_an_earlier_version(version=5)["state"]
    fake_services["auth"].responses[FIND] = {"accounts": [response]}
    fake_services["auth"].set_mode(mode)
    deliver(_event_of_an_earlier_version(version=5))
    for _ in range(3):
        assert ApiClient(app, issue(1, session=7)).get("/me").status_code == 200
    assert len(fake_services["auth"].requests) <= 1


def test_resync_brings_ends_of_sessions(
    app: Flask, fake_services: dict[str, FakeService], deliver: Deliver
) -> None:
    deliver(_event_of_an_earlier_version(version=5))
    known = {"accounts": [account(session_ends=_ended(7), version=5)]}
    fake_services["auth"].responses["/internal/accounts"] = lambda query: (
        known if query["after"] == "0" else {"accounts": []}
    )
    app.test_cli_runner().invoke(args=["accounts", "resync"])
    fake_services["auth"].set_mode("failing")
    assert ApiClient(app, issue(1, session=7)).get("/me").status_code == 401


def test_who_is_deleted_is_not_active(app: Flask, auth: FakeService, deliver: Deliver) -> None:
    deliver(event(account_id=1), event(account_id=2, deleted=True))
    with app.app_context():
        active = [accounts.is_active(number) for number in (1, 2, 99)]
    assert active == [True, False, False]


def test_resync_copies_every_account_page_by_page(app: Flask, auth: FakeService) -> None:
    done = app.test_cli_runner().invoke(args=["accounts", "resync"])
    assert done.output.splitlines()[-1] == ("Done: the copy holds the newest state of 5 accounts.")
    auth.responses.clear()
    assert list(_names(app, *range(1, 6))) == [1, 2, 3, 4, 5]


def test_resync_moves_no_account_backwards(app: Flask, auth: FakeService, deliver: Deliver) -> None:
    deliver(event(name="newer", version=7), event(account_id=2, name="older", version=0))
    app.test_cli_runner().invoke(args=["accounts", "resync"])
    assert _names(app, 1, 2) == {1: "newer", 2: "user2"}


@pytest.mark.parametrize(
    ("digest", "reference", "shown"),
    [("", "", ""), ("", "cat", "cat"), ("abc", "", "http://x/account/avatar/7/abc")],
)
def test_a_list_shows_a_url_or_a_reference_or_nothing(
    digest: str, reference: str, shown: str
) -> None:
    assert avatar_url("http://x", 7, digest, reference) == shown

"""Downloading everything that is kept of oneself (``GET /account/export``)."""

import json
from collections.abc import Callable
from io import BytesIO
from typing import Any
from zipfile import ZipFile

import orjson
import pytest
from flask import Flask

from auth_service.tests.factories import ALICE, BOB, email_of
from shared.testing.client import Caller, Reply, assert_error
from shared.testing.contracts import every_version, newest
from shared.testing.neighbours import Neighbour
from shared.testing.tokens import issue
from shared.web.errors import SERVICE_UNAVAILABLE, TOO_MANY_REQUESTS

pytestmark = pytest.mark.database

PATH = "/internal/export"
NEIGHBOURS = pytest.mark.parametrize("neighbour", ["social", "chat"])


def lines(*fields: dict[str, Any]) -> bytes:
    return b"".join(orjson.dumps(each) + b"\n" for each in fields)


@pytest.fixture(autouse=True)
def others(neighbours: dict[str, Neighbour]) -> dict[str, Neighbour]:
    """The other services, each of which has something to hand over."""
    for name in ("social", "chat"):
        readme = {"name": f"{name}/README.txt", "data": "aGVsbG8="}
        neighbours[name].answers[PATH] = lines(readme, {"is_whole": True})
    return neighbours


def archive_of(reply: Reply) -> ZipFile:
    assert reply.status_code == 200
    archive = ZipFile(BytesIO(reply.data))
    assert archive.testzip() is None
    return archive


def test_the_archive_holds_what_all_services_keep(alice: Caller) -> None:
    reply = alice.get("/account/export")
    archive = archive_of(reply)
    [account] = json.loads(archive.read("auth/account.json"))
    assert reply.headers["Content-Type"] == "application/zip"
    assert reply.headers["Cache-Control"] == "no-store"
    assert "attachment" in reply.headers["Content-Disposition"]
    assert (account["id"], account["email"].lower()) == (ALICE, email_of("alice"))
    assert archive.read("social/README.txt") == archive.read("chat/README.txt") == b"hello"
    assert f"account {ALICE}" in archive.read("README.txt").decode()


@NEIGHBOURS
def test_others_are_asked_for_the_callers_own_data(
    alice: Caller, bob: Caller, others: dict[str, Neighbour], neighbour: str
) -> None:
    bob.get("/account/export")
    assert {str(fields) for _, fields in others[neighbour].asked} == {str({"account_id": str(BOB)})}


@NEIGHBOURS
@pytest.mark.parametrize("mood", ["failing", "of an older version"])
def test_while_a_service_is_down_nothing_is_sent(
    alice: Caller, others: dict[str, Neighbour], neighbour: str, mood: str
) -> None:
    if mood == "failing":
        others[neighbour].feels(mood)
    else:
        others[neighbour].answers.clear()
    reply = alice.get("/account/export")
    assert_error(reply, SERVICE_UNAVAILABLE)
    assert int(reply.headers["Retry-After"]) > 0


@pytest.mark.parametrize("said", [[], [{"name": "chat/a.json", "data": "WyJh"}]])
def test_an_archive_whose_part_is_not_whole_breaks_off(
    alice: Caller, others: dict[str, Neighbour], said: list[dict[str, Any]]
) -> None:
    others["chat"].answers[PATH] = lines({"name": "chat/README.txt", "data": ""}, *said)
    with pytest.raises(ConnectionResetError):
        alice.get("/account/export")


@pytest.mark.parametrize(("name", "said"), every_version("calls/export_account"))
def test_what_any_version_hands_over_is_taken(
    alice: Caller, others: dict[str, Neighbour], name: str, said: dict[str, Any]
) -> None:
    others["social"].answers[said["path"]] = lines(*said["lines"])
    archive = archive_of(alice.get("/account/export"))
    assert archive.read("social/friends.json") == b"[]\n"
    asked = others["social"].asked[0]
    assert asked == (said["path"], newest(name)["fields"])


def test_two_archives_a_day_are_enough(
    configured: Callable[..., Caller], alice: Caller, bob: Caller, others: dict[str, Neighbour]
) -> None:
    app: Flask = configured(RATE_LIMITS="on").app
    limited, other = (Caller(app, issue(id_), id_) for id_ in (ALICE, BOB))
    others["chat"].feels("failing")
    uncounted = limited.get("/account/export")
    others["chat"].feels("ok")
    replies = [limited.get("/account/export") for _ in range(3)]
    assert_error(uncounted, SERVICE_UNAVAILABLE)
    assert [reply.status_code for reply in replies] == [200, 200, 429]
    assert_error(replies[-1], TOO_MANY_REQUESTS)
    assert other.get("/account/export").status_code == 200

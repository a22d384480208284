"""Download of all data of the caller's account (``GET /account/export``)."""

import json
from collections.abc import Callable
from io import BytesIO
from time import monotonic
from typing import Any
from zipfile import ZipFile

import orjson
import pytest
from flask import Flask

from auth_service.tests.factories import ALICE, BOB, email_of
from shared.testing.client import ApiClient, Reply, assert_error
from shared.testing.contracts import all_versions, newest
from shared.testing.fake_services import FakeService
from shared.testing.tokens import issue
from shared.web.errors import SERVICE_UNAVAILABLE, TOO_MANY_REQUESTS

pytestmark = pytest.mark.database

PATH = "/internal/export"
GATEWAY_TIMEOUT = 10
NEIGHBOURS = pytest.mark.parametrize("fake_service", ["social", "chat"])


def lines(*fields: dict[str, Any]) -> bytes:
    return b"".join(orjson.dumps(each) + b"\n" for each in fields)


@pytest.fixture(autouse=True)
def others(fake_services: dict[str, FakeService]) -> dict[str, FakeService]:
    """The other services, each with data to export."""
    for name in ("social", "chat"):
        readme = {"name": f"{name}/README.txt", "data": "aGVsbG8="}
        fake_services[name].responses[PATH] = lines(readme, {"is_whole": True})
    return fake_services


def archive_of(reply: Reply) -> ZipFile:
    assert reply.status_code == 200
    archive = ZipFile(BytesIO(reply.data))
    assert archive.testzip() is None
    return archive


def test_the_archive_holds_what_all_services_keep(alice: ApiClient) -> None:
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
def test_other_services_export_the_data_of_the_caller(
    alice: ApiClient, bob: ApiClient, others: dict[str, FakeService], fake_service: str
) -> None:
    bob.get("/account/export")
    assert {str(fields) for _, fields in others[fake_service].requests} == {
        str({"account_id": str(BOB)})
    }


@NEIGHBOURS
@pytest.mark.parametrize("mode", ["failing", "hung", "of an older version"])
def test_while_a_service_is_down_nothing_is_sent(
    alice: ApiClient, others: dict[str, FakeService], fake_service: str, mode: str
) -> None:
    if mode == "of an older version":
        others[fake_service].responses.clear()
    else:
        others[fake_service].set_mode(mode)
    started_at = monotonic()
    reply = alice.get("/account/export")
    assert monotonic() - started_at < GATEWAY_TIMEOUT
    assert_error(reply, SERVICE_UNAVAILABLE)
    assert int(reply.headers["Retry-After"]) > 0


@pytest.mark.parametrize("last_lines", [[], [{"name": "chat/a.json", "data": "WyJh"}]])
def test_an_archive_whose_part_is_not_whole_breaks_off(
    alice: ApiClient, others: dict[str, FakeService], last_lines: list[dict[str, Any]]
) -> None:
    others["chat"].responses[PATH] = lines({"name": "chat/README.txt", "data": ""}, *last_lines)
    with pytest.raises(ConnectionResetError):
        alice.get("/account/export")


@pytest.mark.parametrize(("name", "contract"), all_versions("calls/export_account"))
def test_what_any_version_hands_over_is_taken(
    alice: ApiClient, others: dict[str, FakeService], name: str, contract: dict[str, Any]
) -> None:
    others["social"].responses[contract["path"]] = lines(*contract["lines"])
    archive = archive_of(alice.get("/account/export"))
    assert archive.read("social/friends.json") == b"[]\n"
    request = others["social"].requests[0]
    assert request == (contract["path"], newest(name)["fields"])


def test_two_archives_a_day_are_enough(
    configured: Callable[..., ApiClient],
    alice: ApiClient,
    bob: ApiClient,
    others: dict[str, FakeService],
) -> None:
    app: Flask = configured(RATE_LIMITS="on").app
    limited, other = (ApiClient(app, issue(id_), id_) for id_ in (ALICE, BOB))
    others["chat"].set_mode("failing")
    uncounted = limited.get("/account/export")
    others["chat"].set_mode("ok")
    assert limited.call("HEAD", "/account/export").status_code == 200
    replies = [limited.get("/account/export") for _ in range(3)]
    assert_error(uncounted, SERVICE_UNAVAILABLE)
    assert [reply.status_code for reply in replies] == [200, 200, 429]
    assert_error(replies[-1], TOO_MANY_REQUESTS)
    assert other.get("/account/export").status_code == 200

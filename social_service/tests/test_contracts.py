"""Compatibility with all versions of the other services."""

import json
from typing import Any

import pytest
from flask import Flask

from shared.testing.cast import ALICE, BOB
from shared.testing.client import ApiClient
from shared.testing.contracts import (
    all_versions,
    call,
    json_shape,
    list_undocumented,
    malformed_events,
    newest,
    state,
)
from shared.testing.fake_services import FakeService
from social_service.tests.calls import befriend, remove_friend
from social_service.tests.factories import make_friends

ZOE = 20


def _deliver(app: Flask, *events: Any) -> None:
    reply = call(app, newest("calls/deliver_events") | {"fields": {"events": events}})
    assert reply.status_code == 200


def _name_of_zoe(alice: ApiClient) -> str:
    reply = alice.get("/search_user_detail", json={"userId": ZOE})
    assert reply.status_code == 200
    name: str = reply.json["user"]["name"]
    return name


def test_every_event_has_the_newest_form(
    alice: ApiClient, bob: ApiClient, chat: FakeService
) -> None:
    befriend(alice, bob)
    remove_friend(alice, bob)

    sent = {f"events/{event['type']}": json_shape(event) for event in chat.events}

    ours = ("events/friendship", "events/friendship_ended", "events/friend_request_changed")
    assert sent == {name: json_shape(newest(name)) for name in ours}


@pytest.mark.parametrize(
    ("name", "contract"), all_versions("calls/list_friendships", "calls/deliver_events")
)
def test_requests_of_any_version_get_the_newest_form(
    app: Flask, name: str, contract: dict[str, Any]
) -> None:
    make_friends(app, ALICE, BOB)
    assert json_shape(call(app, contract).json) == json_shape(newest(name)["answer"])


@pytest.mark.parametrize(("name", "contract"), all_versions("events/account"))
def test_an_account_is_taken_from_any_version(
    app: Flask, alice: ApiClient, name: str, contract: dict[str, Any]
) -> None:
    _deliver(app, contract)
    assert _name_of_zoe(alice) == contract["state"]["name"]


def test_malformed_accounts_do_not_block_later_events(app: Flask, alice: ApiClient) -> None:
    good = {"type": "account", "state": state("account", name="Good", version=1000)}
    _deliver(app, *malformed_events("account"), good)
    assert _name_of_zoe(alice) == "Good"


@pytest.mark.parametrize(("name", "contract"), all_versions("calls/find_accounts"))
def test_missing_accounts_are_fetched_from_any_version_of_auth(
    alice: ApiClient, auth: FakeService, name: str, contract: dict[str, Any]
) -> None:
    auth.responses[contract["path"]] = contract["answer"]
    assert _name_of_zoe(alice) == "Zoe"
    assert auth.requests == [(contract["path"], newest(name)["fields"])]


@pytest.mark.parametrize(("name", "contract"), all_versions("calls/list_accounts"))
def test_the_copy_is_rebuilt_from_any_version_of_auth(
    app: Flask, alice: ApiClient, auth: FakeService, name: str, contract: dict[str, Any]
) -> None:
    auth.responses[contract["path"]] = lambda query: (
        contract["answer"] if query["after"] == "0" else {"accounts": []}
    )
    assert app.test_cli_runner().invoke(args=["accounts", "resync"]).exit_code == 0
    assert auth.requests[0] == (contract["path"], newest(name)["fields"])
    assert _name_of_zoe(alice) == "Zoe"


def test_every_internal_endpoint_and_event_has_a_contract(app: Flask) -> None:
    assert list_undocumented(app) == set()


@pytest.mark.parametrize(("name", "contract"), all_versions("calls/export_account"))
def test_an_account_is_exported_in_the_newest_form(
    app: Flask, name: str, contract: dict[str, Any]
) -> None:
    first, *_, last = map(json.loads, call(app, contract).data.splitlines())
    expected = newest(name)["lines"]
    assert (json_shape(first), last) == (json_shape(expected[0]), expected[-1])

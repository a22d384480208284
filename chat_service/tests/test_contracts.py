"""Events and internal calls of all supported versions of the services."""

import json
from typing import Any

import pytest
from flask import Flask

from chat_service.tests.calls import list_conversations
from chat_service.tests.factories import befriend
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

ZOE = 20


def _make_delivery(*events: Any) -> dict[str, Any]:
    return newest("calls/deliver_events") | {"fields": {"events": events}}


def _send_events(app: Flask, *events: Any) -> None:
    assert call(app, _make_delivery(*events)).status_code == 200


def _get_name_of_zoe(app: Flask, alice: ApiClient) -> str:
    befriend(app, ALICE, ZOE)
    [conversation] = list_conversations(alice)
    name: str = conversation["name"]
    return name


@pytest.mark.parametrize(("name", "contract"), all_versions("calls/deliver_events"))
def test_events_of_any_version_get_a_response_in_the_newest_form(
    app: Flask, name: str, contract: dict[str, Any]
) -> None:
    assert json_shape(call(app, contract).json) == json_shape(newest(name)["answer"])


@pytest.mark.parametrize(("name", "contract"), all_versions("events/account"))
def test_an_account_event_of_any_version_is_applied(
    app: Flask, alice: ApiClient, name: str, contract: dict[str, Any]
) -> None:
    _send_events(app, contract)
    assert _get_name_of_zoe(app, alice) == contract["state"]["name"]


@pytest.mark.parametrize(("name", "contract"), all_versions("events/friendship"))
def test_a_friendship_event_of_any_version_is_applied(
    app: Flask, alice: ApiClient, name: str, contract: dict[str, Any]
) -> None:
    _send_events(app, contract)
    assert [row["friend_id"] for row in list_conversations(alice)] == [BOB]


def test_malformed_events_do_not_block_later_ones(app: Flask, alice: ApiClient) -> None:
    kinds = ("account", "friendship", "friendship_ended", "friend_request_changed")
    malformed = [event for kind in kinds for event in malformed_events(kind)]
    good = [
        {"type": "account", "state": state("account", name="Good", version=1000)},
        {"type": "friendship", "state": state("friendship", active=False, version=1000)},
    ]

    _send_events(app, *malformed, *good)

    named = {row["friend_id"]: row["name"] for row in list_conversations(alice)}
    assert BOB not in named
    befriend(app, ALICE, ZOE)
    assert "Good" in {row["name"] for row in list_conversations(alice)}


@pytest.mark.parametrize(("name", "contract"), all_versions("calls/find_accounts"))
def test_unknown_accounts_are_fetched_from_any_version_of_auth(
    app: Flask,
    alice: ApiClient,
    fake_services: dict[str, FakeService],
    name: str,
    contract: dict[str, Any],
) -> None:
    fake_services["auth"].responses[contract["path"]] = contract["answer"]
    assert _get_name_of_zoe(app, alice) == "Zoe"
    assert fake_services["auth"].requests == [(contract["path"], newest(name)["fields"])]


@pytest.mark.parametrize(
    ("name", "contract"), all_versions("calls/list_accounts", "calls/list_friendships")
)
def test_the_copies_are_rebuilt_from_any_version(
    app: Flask,
    alice: ApiClient,
    fake_services: dict[str, FakeService],
    name: str,
    contract: dict[str, Any],
) -> None:
    owner, command, key = {
        "calls/list_accounts": ("auth", "accounts", "accounts"),
        "calls/list_friendships": ("social", "friendships", "friendships"),
    }[name]
    fake_services[owner].responses[contract["path"]] = lambda query: (
        contract["answer"] if query["after"] == "0" else {key: []}
    )

    done = app.test_cli_runner().invoke(args=[command, "resync"])

    assert done.output.splitlines()[-1].startswith("Done: ")
    assert fake_services[owner].requests[0] == (contract["path"], newest(name)["fields"])


def test_every_internal_endpoint_and_event_has_a_contract(app: Flask) -> None:
    assert list_undocumented(app) == set()


@pytest.mark.parametrize(("name", "contract"), all_versions("calls/export_account"))
def test_an_account_is_exported_in_the_newest_form(
    app: Flask, name: str, contract: dict[str, Any]
) -> None:
    first, *_, last = map(json.loads, call(app, contract).data.splitlines())
    expected = newest(name)["lines"]
    assert (json_shape(first), last) == (json_shape(expected[0]), expected[-1])

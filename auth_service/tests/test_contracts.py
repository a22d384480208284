"""Events and responses to other services match their contracts."""

from typing import Any

import pytest
from flask import Flask

from auth_service.tests.factories import PASSWORD, make_account
from shared.testing.client import ApiClient
from shared.testing.contracts import all_versions, call, json_shape, list_undocumented, newest
from shared.testing.fake_services import FakeService


@pytest.mark.parametrize("consumer", ["social", "chat"])
def test_an_account_event_has_the_newest_form(
    anonymous: ApiClient, fake_services: dict[str, FakeService], consumer: str
) -> None:
    ann = {"email": "ann@example.com", "name": "Ann", "password": PASSWORD}
    anonymous.post("/account/reg", json=ann)

    [event] = fake_services[consumer].events

    assert json_shape(event) == json_shape(newest("events/account"))


@pytest.mark.parametrize(
    ("name", "contract"),
    all_versions("calls/find_accounts", "calls/list_accounts", "calls/record_sessions_seen"),
)
def test_requests_of_any_version_get_the_newest_form(
    app: Flask, name: str, contract: dict[str, Any]
) -> None:
    make_account(app, 20, "Zoe")
    assert json_shape(call(app, contract).json) == json_shape(newest(name)["answer"])


def test_every_internal_endpoint_and_event_has_a_contract(app: Flask) -> None:
    assert list_undocumented(app) == set()

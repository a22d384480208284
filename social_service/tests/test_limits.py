"""The limit of repeated requests to a user who has rejected one."""

from collections.abc import Callable

import pytest
from flask import Flask

from shared.testing.cast import ALICE, BOB, CAROL, signed_in
from shared.testing.client import ApiClient, assert_error
from shared.web.errors import TOO_MANY_REQUESTS
from social_service import errors
from social_service.tests.calls import (
    accept_friend_request,
    block_user,
    list_request_statuses,
    reject_friend_request,
    send_friend_request,
)

pytestmark = pytest.mark.database

REFUSED_REQUESTS = 3


@pytest.fixture
def people(limited: Callable[..., Flask]) -> tuple[ApiClient, ApiClient, ApiClient]:
    """Alice, Bob and Carol, with rate limits."""
    app = limited()
    return signed_in(app, ALICE), signed_in(app, BOB), signed_in(app, CAROL)


def _be_refused(sender: ApiClient, receiver: ApiClient) -> None:
    assert send_friend_request(sender, receiver).status_code == 200
    assert reject_friend_request(receiver, sender).status_code == 200


def _use_up(sender: ApiClient, receiver: ApiClient) -> None:
    for _ in range(1 + REFUSED_REQUESTS):
        _be_refused(sender, receiver)


def test_after_refusals_three_requests_a_day_reach_one_person(
    people: tuple[ApiClient, ApiClient, ApiClient],
) -> None:
    alice, bob, carol = people
    _use_up(alice, bob)
    rejection = send_friend_request(alice, bob)
    assert_error(rejection, TOO_MANY_REQUESTS)
    assert 0 < int(rejection.headers["Retry-After"]) <= 24 * 3600
    assert list_request_statuses(bob) == [2]
    assert send_friend_request(alice, carol).status_code == 200
    assert send_friend_request(carol, bob).status_code == 200
    assert send_friend_request(bob, alice).status_code == 200


def test_another_process_knows_what_was_counted(
    people: tuple[ApiClient, ApiClient, ApiClient], limited: Callable[..., Flask]
) -> None:
    _use_up(*people[:2])
    assert_error(send_friend_request(signed_in(limited(), ALICE), people[1]), TOO_MANY_REQUESTS)


def test_a_request_that_waits_was_already_sent_also_at_the_limit(
    people: tuple[ApiClient, ApiClient, ApiClient],
) -> None:
    alice, bob, _ = people
    for _ in range(REFUSED_REQUESTS):
        _be_refused(alice, bob)
    send_friend_request(alice, bob)
    assert_error(send_friend_request(alice, bob), errors.REQUEST_ALREADY_SENT)
    assert accept_friend_request(bob, alice).status_code == 200


def test_a_block_does_not_show_in_the_limit(people: tuple[ApiClient, ApiClient, ApiClient]) -> None:
    alice, bob, _ = people
    _use_up(alice, bob)
    block_user(bob, alice)
    assert_error(send_friend_request(alice, bob), TOO_MANY_REQUESTS)


def test_without_limits_there_is_none(app: Flask, alice: ApiClient, bob: ApiClient) -> None:
    _use_up(alice, bob)
    assert send_friend_request(alice, bob).status_code == 200

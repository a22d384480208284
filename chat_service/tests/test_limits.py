"""The rate limit of creating groups (创建会话/conversations)."""

from collections.abc import Callable, Iterator

import pytest
from flask import Flask

from chat_service import errors
from chat_service.app import create_app
from chat_service.db import db
from chat_service.tests.factories import befriend
from shared.testing.cast import ALICE, BOB, CAROL, signed_in
from shared.testing.client import ApiClient, Reply, assert_error
from shared.testing.races import run_concurrently
from shared.testing.redis import redis_server
from shared.web.errors import TOO_MANY_REQUESTS

AN_HOUR = 3600


def _create(user: ApiClient, *member_ids: int) -> Reply:
    return user.post("/conversations", json={"members": list(member_ids), "name": "Group"})


@pytest.fixture(params=["in the database", "in Redis"])
def limited(
    request: pytest.FixtureRequest, app: Flask, settings: dict[str, str]
) -> Iterator[Callable[..., Flask]]:
    """The service with rate limits, where Alice and Bob, and Bob and Carol, are friends."""
    befriend(app, ALICE, BOB)
    befriend(app, BOB, CAROL)
    made = []

    def configure(**more: str) -> Flask:
        made.append(create_app({**settings, "RATE_LIMITS": "on", **more}))
        return made[-1]

    if request.param == "in Redis":
        with redis_server() as redis:
            yield lambda **more: configure(REDIS_URL=redis.url, **more)
    else:
        yield configure
    made.append(create_app(settings))
    for each in made:
        with each.app_context():
            db.engine.dispose()


def test_a_user_creates_sixty_groups_an_hour(limited: Callable[..., Flask]) -> None:
    app = limited()
    alice = signed_in(app, ALICE)
    created = [_create(alice, BOB).status_code for _ in range(60)]
    rejection = _create(alice, BOB)
    assert created == [200] * 60
    assert_error(rejection, TOO_MANY_REQUESTS)
    assert 0 < int(rejection.headers["Retry-After"]) <= AN_HOUR
    assert (
        len(alice.get("/conversations").json["conversation"]) == 61
    )  # And the private conversation.
    assert _create(signed_in(app, BOB), ALICE).status_code == 200


def test_another_process_reads_the_counter(limited: Callable[..., Flask]) -> None:
    few = {"RATE_LIMIT_NEW_GROUPS": "1/hour"}
    assert _create(signed_in(limited(**few), ALICE), BOB).status_code == 200
    assert_error(_create(signed_in(limited(**few), ALICE), BOB), TOO_MANY_REQUESTS)


def test_refused_requests_are_not_counted(limited: Callable[..., Flask]) -> None:
    alice = signed_in(limited(RATE_LIMIT_NEW_GROUPS="1/hour"), ALICE)
    assert_error(_create(alice, CAROL), errors.NOT_FRIEND)
    assert _create(alice, BOB).status_code == 200
    assert_error(_create(alice, CAROL), errors.NOT_FRIEND)


def test_concurrent_requests_do_not_exceed_the_limit(
    limited: Callable[..., Flask],
) -> None:
    app = limited(RATE_LIMIT_NEW_GROUPS="3/hour")
    alices = [signed_in(app, ALICE) for _ in range(8)]
    replies = run_concurrently(*(lambda each=each: _create(each, BOB) for each in alices))
    assert sorted(reply.status_code for reply in replies) == [200] * 3 + [429] * 5

"""Live delivery during a failover of Redis."""

import pytest
from flask import Flask
from limits import parse
from limits.strategies import FixedWindowRateLimiter

from chat_service.tests.calls import send_text
from chat_service.tests.factories import make_group
from chat_service.tests.live_server import LiveSocket, ServerClient, run_server
from shared.data.rate_limits_in_redis import FailFastRedisStorage
from shared.testing.cast import ALICE, BOB
from shared.testing.redis import failover

pytestmark = pytest.mark.timeout(300)


def test_frames_and_limits_survive_a_failover(app: Flask, settings: dict[str, str]) -> None:
    group = make_group(app, ALICE, BOB)
    with failover() as redis, run_server(settings | {"REDIS_URL": redis.url}) as server:
        limits = FixedWindowRateLimiter(FailFastRedisStorage(redis.url))
        alice = ServerClient(server, ALICE)
        with LiveSocket(server, BOB) as bob:
            send_text(alice, group, "before")
            assert bob.receive_frame()["message"]["content"] == "before"
            assert limits.hit(parse("9/minute"), "sign-in")

            redis.primary.kill()
            send_text(alice, group, "meanwhile")

            assert bob.receive_frame()["message"]["content"] == "meanwhile"
            assert limits.hit(parse("9/minute"), "sign-in")
        alice.close()

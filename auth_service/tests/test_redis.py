"""Outages of Redis in the log and in ``/healthz``."""

from collections.abc import Callable

import pytest

from shared.data import redis_pool
from shared.testing.client import ApiClient
from shared.testing.redis import redis_server


def test_an_outage_of_redis_is_logged_once_with_its_reason(
    configured: Callable[..., ApiClient],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    updates: list[Callable[[], None]] = []
    monkeypatch.setattr(
        redis_pool, "update_gauges_periodically", lambda _app, update: updates.append(update)
    )
    with redis_server() as redis:
        service = configured(REDIS_URL=redis.url)
        [ping] = updates
        ping()
        redis.kill()
        ping()
        ping()
        state_of_outage = service.get("/healthz").json["parts"]["redis"]
        redis.start()
        ping()
        state_afterwards = service.get("/healthz").json["parts"]["redis"]
        redis.kill()
        ping()

    outages = [line for line in capsys.readouterr().err.splitlines() if "redis_unreachable" in line]
    assert [state_of_outage, state_afterwards] == ["unreachable", "ok"]
    assert ["Connection refused" in outage for outage in outages] == [True, True]

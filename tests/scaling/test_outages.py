"""The services use a database or Redis again after its outage, without a restart."""

import time
from collections.abc import Callable

import pytest
from websocket import create_connection
from websocket._abnf import ABNF

from chat_service.live.frames import LiveEvent
from shared.testing.postgres import PostgresServer
from tests.cluster import ProductionCluster, until
from tests.factories import make_user
from tests.product import SECONDS_TO_START
from tests.scaling.load import Crowd

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("cluster")]


def until_ready(cluster: ProductionCluster) -> float:
    """Wait until every replica is ready; return the time."""
    for replica in cluster.all():
        until(replica.is_ready)
    return time.monotonic()


@pytest.mark.parametrize("ended", [PostgresServer.stop, PostgresServer.kill])
def test_a_restart_of_postgresql_is_503_meanwhile_and_loses_nothing(
    cluster: ProductionCluster, busy: Crowd, ended: Callable[[PostgresServer], None]
) -> None:
    ended(cluster.postgres)
    busy.goes_on()
    cluster.postgres.start()
    ready_at = until_ready(cluster)
    busy.goes_on()
    busy.fall_silent()

    assert {answer.status for answer in busy.failures} == {503}
    assert busy.failures_since(ready_at) == []
    busy.assert_nothing_lost()


def test_a_restart_of_redis_fails_nothing_and_loses_nothing(
    cluster: ProductionCluster, busy: Crowd
) -> None:
    cluster.redis.kill()
    busy.goes_on()
    cluster.redis.start()
    busy.goes_on()
    busy.fall_silent()

    assert busy.failures == []
    busy.assert_nothing_lost()


def test_while_postgresql_hangs_every_request_ends_in_time(
    cluster: ProductionCluster, busy: Crowd
) -> None:
    with cluster.postgres.frozen():
        until(lambda: len(busy.failures) >= busy.size)
    ready_at = until_ready(cluster)
    busy.goes_on()
    busy.fall_silent()

    assert {answer.status for answer in busy.failures} <= {503, 504}
    assert busy.failures_since(ready_at) == []
    busy.assert_nothing_lost()


def test_while_redis_hangs_nothing_fails(cluster: ProductionCluster, busy: Crowd) -> None:
    with cluster.redis.frozen():
        busy.goes_on()
    busy.goes_on()
    busy.fall_silent()

    assert busy.failures == []
    busy.assert_nothing_lost()


def test_without_postgresql_and_redis_live_delivery_logs_lines_and_no_traces(
    cluster: ProductionCluster,
) -> None:
    ann = make_user(cluster.base_url, "Ann")
    [chat, _] = cluster.of("chat_service")
    url = f"{chat.url.replace('http', 'ws')}/ws/?token={ann.token}"
    live = create_connection(url, timeout=SECONDS_TO_START)
    joined = LiveEvent(frame={"type": "conv_setting"}, users=[ann.id], room=1, joined=[ann.id])
    began_at = {replica.name: len(replica.log()) for replica in cluster.all()}

    cluster.postgres.stop()
    with cluster.redis.client() as redis:
        entry = {"sender": "test", "number": 1, "event": joined.to_bytes()}
        redis.xadd("ims:live:events", entry)
    until(lambda: "members_refresh_failed" in chat.log())
    cluster.redis.kill()
    until(lambda: "redis_unreachable" in chat.log()[began_at[chat.name] :])
    cluster.redis.start()
    until(lambda: "sockets_resync_failed" in chat.log())
    while live.recv_data(control_frame=True)[0] != ABNF.OPCODE_CLOSE:
        pass
    live.shutdown()
    cluster.postgres.start()
    until_ready(cluster)

    for replica in cluster.all():
        assert "Traceback" not in replica.log()[began_at[replica.name] :]

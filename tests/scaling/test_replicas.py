"""The failure of a replica affects only its requests in flight."""

import time

import pytest

from tests.cluster import ProductionCluster
from tests.scaling.load import NOTHING, Crowd

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("cluster")]


def test_killing_a_chat_replica_fails_only_writes_that_were_in_its_hands(
    cluster: ProductionCluster, busy: Crowd
) -> None:
    replica = cluster.of("chat_service")[0]

    replica.kill()
    busy.goes_on()  # Time for the gateway to detect closed connections.
    noticed_at = time.monotonic()
    busy.goes_on()
    replica.start()
    busy.goes_on()
    busy.fall_silent()

    assert busy.failures_since(noticed_at) == []
    assert {answer.status for answer in busy.failures} <= {503}
    assert not any(answer.request.reads for answer in busy.failures)
    busy.assert_nothing_lost()


def test_killing_a_gateway_fails_only_what_was_in_its_hands(
    cluster: ProductionCluster, busy: Crowd
) -> None:
    replica = cluster.of("gateway")[0]

    replica.kill()
    busy.goes_on()  # Time for the balancer to close the connections of clients.
    noticed_at = time.monotonic()
    busy.goes_on()
    replica.start()
    busy.goes_on()
    busy.fall_silent()

    assert busy.failures_since(noticed_at) == []
    assert {answer.status for answer in busy.failures} <= {NOTHING}
    busy.assert_nothing_lost()


def test_a_chat_replica_that_hangs_holds_up_only_what_it_was_given(
    cluster: ProductionCluster, busy: Crowd
) -> None:
    with cluster.of("chat_service")[0].frozen():
        busy.goes_on(150)
    thawed_at = time.monotonic()
    busy.goes_on()
    busy.fall_silent()

    assert busy.failures_since(thawed_at) == []
    assert {answer.status for answer in busy.failures} <= {504}
    assert len(busy.failures) <= 2 * busy.size
    busy.assert_nothing_lost()

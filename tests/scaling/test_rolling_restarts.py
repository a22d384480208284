"""Every program can be restarted, replica by replica, without a failed request."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest

from deploy.programs import GATEWAY, SERVICES
from tests.cluster import ProductionCluster, Replica
from tests.scaling.load import Crowd

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("cluster")]


@pytest.mark.parametrize("programs", [[GATEWAY], SERVICES], ids=["gateway", "services"])
def test_a_rolling_restart_fails_no_request_and_loses_no_frame(
    cluster: ProductionCluster, busy: Crowd, programs: Sequence[str]
) -> None:
    for one_of_each in zip(*map(cluster.of, programs), strict=True):
        restart(one_of_each)
        busy.goes_on()
    busy.fall_silent()

    assert busy.failures == []
    assert busy.friends_without_chat == []
    busy.assert_nothing_lost()


def restart(replicas: Sequence[Replica]) -> None:
    """Restart replicas of different programs at the same time."""
    with ThreadPoolExecutor(len(replicas)) as threads:
        assert set(threads.map(Replica.stop, replicas)) == {0}
    for replica in replicas:
        replica.begin()
    for replica in replicas:
        replica.wait_until_ready()

"""Two replicas of every program, on PostgreSQL and Redis, behind a load balancer."""

from collections.abc import Iterator

import pytest

from deploy.programs import PROGRAMS
from tests.cluster import ProductionCluster, running_production
from tests.scaling.load import Crowd, crowd
from tests.ways import Balancer, balanced


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ProductionCluster]:
    """The cluster. A test that stops a program starts it again."""
    with running_production(
        tmp_path_factory.mktemp("cluster"),
        dict.fromkeys(PROGRAMS, 2),
        LOG_LEVEL="WARNING",
        SHUTDOWN_DELAY_SECONDS="1",
        UPSTREAM_TIMEOUT_SECONDS="5",
    ) as cluster:
        yield cluster


@pytest.fixture(scope="session")
def balancer(cluster: ProductionCluster) -> Iterator[Balancer]:
    """The load balancer for clients."""
    with balanced(cluster.of("gateway")) as balancer:
        yield balancer


@pytest.fixture
def busy(balancer: Balancer) -> Iterator[Crowd]:
    """Users who use the cluster during a test."""
    with crowd(balancer.base_url) as busy:
        yield busy

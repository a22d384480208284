"""Failover of PostgreSQL: a killed primary, a promoted standby, and poolers."""

import os
import random
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path

import pytest

from deploy.ports import free_ports
from deploy.programs import SERVICES, environment_of
from shared.testing.pgbouncer import is_installed, pgbouncer
from shared.testing.postgres import PostgresServer, postgres_server
from shared.testing.redis import failover
from tests.chaos import checker
from tests.chaos.trial import used
from tests.cluster import LOOPBACK, Cluster, until
from tests.factories import list_contents, make_private, make_user
from tests.product import ROOT

pytestmark = [
    pytest.mark.slow,
    pytest.mark.xdist_group("failover"),
]
needs_pgbouncer = pytest.mark.skipif(
    not is_installed() and "CI" not in os.environ, reason="NOT TESTED: there is no PgBouncer"
)


@pytest.fixture
def primary_and_standby() -> Iterator[tuple[PostgresServer, PostgresServer]]:
    """A primary, and a synchronous standby that follows it."""
    ports = free_ports(LOOPBACK, random.randrange(2**16), 2)
    with (
        postgres_server(port=ports[0]) as primary,
        postgres_server(port=ports[1], primary=primary) as standby,
    ):
        primary.sql("ALTER SYSTEM SET synchronous_standby_names = '*'")
        primary.sql("SELECT pg_reload_conf()")
        until(lambda: primary.sql("SELECT sync_state FROM pg_stat_replication") == "sync")
        yield primary, standby


def test_the_product_finds_the_promoted_standby_by_itself(
    tmp_path: Path, primary_and_standby: tuple[PostgresServer, PostgresServer]
) -> None:
    primary, standby = primary_and_standby
    places = ",".join(f"{LOOPBACK}:{server.port}" for server in primary_and_standby)
    urls = {}
    for service in SERVICES:
        primary.create_database(service)
        urls[f"{service.upper()}_DATABASE_URL"] = (
            f"postgresql://ims@{places}/{service}?target_session_attrs=read-write"
        )
    cluster = Cluster(tmp_path, {}, urls)
    with ExitStack() as stack:
        stack.callback(cluster.kill)
        cluster.start()
        with used(cluster, tmp_path) as (record, town):
            until(lambda: len(record.sent) >= 50)
            primary.kill()
            retries = record.requests["retries"]
            until(lambda: record.requests["retries"] >= retries + 10)
            standby.promote()
            standby.sql("ALTER SYSTEM RESET synchronous_standby_names")
            standby.sql("SELECT pg_reload_conf()")
            sent = len(record.sent)
            until(lambda: len(record.sent) >= sent + 50)

        checker.wait_for_events(cluster)
        assert [*checker.broken_words(cluster, record, town)] == []
        assert [*checker.broken_promises(cluster)] == []
        for replica in cluster.all():
            assert not replica.has_ended()
            assert "Traceback" not in replica.log()
            assert replica.log().count('"work":"relay"') <= 1


def test_the_product_finds_the_redis_that_a_sentinel_names(tmp_path: Path) -> None:
    with ExitStack() as stack:
        redis, server = stack.enter_context(failover()), stack.enter_context(postgres_server())
        urls = {
            f"{service.upper()}_DATABASE_URL": server.create_database(service)
            for service in SERVICES
        }
        replicas = {"chat_service": 2}
        cluster = Cluster(tmp_path, replicas, {"REDIS_URL": redis.url} | urls)
        stack.callback(cluster.kill)
        cluster.start()
        with used(cluster, tmp_path) as (record, town):
            until(lambda: len(record.sent) >= 50)
            redis.primary.kill()
            sent = len(record.sent)
            until(lambda: len(record.sent) >= sent + 100)

        checker.wait_for_events(cluster)
        assert [*checker.broken_words(cluster, record, town)] == []
        assert [*checker.broken_promises(cluster)] == []
        for replica in cluster.all():
            assert not replica.has_ended()
            assert "Traceback" not in replica.log()


@pytest.fixture
def behind_pgbouncer(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Cluster]:
    """A product, not started, with a pooler of the mode that the test names before its database."""
    with postgres_server() as server, pgbouncer(server.folder, request.param) as url:
        urls = {
            f"{service.upper()}_DATABASE_URL": url.format(
                server.create_database(service).split("/")[3].partition("?")[0]
            )
            for service in SERVICES
        }
        cluster = Cluster(tmp_path, {}, urls)
        yield cluster
        cluster.kill()


@needs_pgbouncer
@pytest.mark.parametrize("behind_pgbouncer", ["session"], indirect=True)
def test_the_product_works_behind_pgbouncer(behind_pgbouncer: Cluster) -> None:
    behind_pgbouncer.start()
    ann, ben = (make_user(behind_pgbouncer.base_url, name) for name in ("Ann", "Ben"))
    conversation_id = make_private(ann, ben)

    ann.send_text(conversation_id, "hello")

    assert list_contents(ben, conversation_id) == ["hello"]
    [message] = ben.list_messages(conversation_id).messages
    assert message.sent_at.utcoffset() == timedelta(0)


@needs_pgbouncer
@pytest.mark.parametrize("behind_pgbouncer", ["transaction"], indirect=True)
def test_a_pooler_that_shares_sessions_stops_the_start(behind_pgbouncer: Cluster) -> None:
    [replica] = behind_pgbouncer.of("chat_service")

    replica.begin()
    until(replica.has_ended)
    migration = subprocess.run(
        [sys.executable, "-m", "chat_service", "migrate"],
        cwd=ROOT,
        env=os.environ | environment_of("chat_service", behind_pgbouncer.env),
        capture_output=True,
        text=True,
        check=False,
    )

    assert "DATABASE_URL: the pooler in front of the database" in replica.log()
    assert migration.returncode == 1
    assert "pool_mode = session" in migration.stderr

"""The product on each column, with a proxy between any two programs."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from deploy.programs import GATEWAY, SERVICES
from shared.testing.postgres import PostgresServer, postgres_server
from shared.testing.redis import RedisServer, redis_server
from tests.chaos.wires import Wire
from tests.cluster import LOOPBACK, Cluster
from tests.ways import opened

COLUMNS = ("sqlite", "production")
_REPLICAS = {
    "sqlite": dict.fromkeys((GATEWAY, *SERVICES), 1),
    "production": {GATEWAY: 2, "auth_service": 1, "social_service": 1, "chat_service": 2},
}


class Arena(NamedTuple):
    """A running product and its points of attack.

    Attributes:
        cluster: the programs.
        wires: proxies between the programs, and to the servers.
        postgres: the server of the production column.
        redis: the server of the production column.
    """

    cluster: Cluster
    wires: list[Wire]
    postgres: PostgresServer | None
    redis: RedisServer | None


@contextmanager
def arena(folder: Path, column: str) -> Iterator[Arena]:
    """Run the product until the block ends.

    Args:
        folder: for its data, and a log of each program.
        column: one of `COLUMNS`.
    """
    with ExitStack() as stack:
        wires: list[Wire] = []

        def wire(name: str) -> Wire:
            wires.append(stack.enter_context(opened(Wire(name))))
            return wires[-1]

        replicas = _REPLICAS[column]
        settings = {"SQLITE_SYNCHRONOUS": "NORMAL"}  # Only processes are killed, never the machine.
        ways: dict[str, list[list[Wire]]] = {}
        for service in SERVICES:
            ways[service] = [
                [wire(f"{caller} to {service}") for _ in range(replicas[service])]
                for caller in (GATEWAY, "services")
            ]
            for prefix, own in zip((f"{GATEWAY.upper()}_", ""), ways[service], strict=True):
                settings[f"{prefix}{service.upper()}_URL"] = ",".join(w.base_url for w in own)
        postgres = redis = None
        if column == "production":
            postgres = stack.enter_context(postgres_server())
            redis = stack.enter_context(redis_server())
            to_redis = wire("programs to redis")
            to_redis.target = (LOOPBACK, urlsplit(redis.url).port or 0)
            settings["REDIS_URL"] = f"redis://{LOOPBACK}:{to_redis.port}/0"
            for service in SERVICES:
                socket_folder = urlsplit(postgres.create_database(service)).query.partition("=")[2]
                to_postgres = wire(f"{service} to postgres")
                to_postgres.target = f"{socket_folder}/.s.PGSQL.5432"
                settings[f"{service.upper()}_DATABASE_URL"] = (
                    f"postgresql+psycopg://ims@{LOOPBACK}:{to_postgres.port}/{service}"
                )
        cluster = Cluster(folder, replicas, settings)
        for service, callers in ways.items():
            for own in callers:
                for each, replica in zip(own, cluster.of(service), strict=True):
                    each.target = (LOOPBACK, urlsplit(replica.url).port or 0)
        stack.callback(cluster.kill)
        cluster.start()
        yield Arena(cluster, wires, postgres, redis)

"""The databases that deploy/postgres makes: three, and who has one gets into no other."""

import subprocess
from collections.abc import Callable, Iterator
from itertools import product
from pathlib import Path

import pytest
from sqlalchemy import Engine, create_engine, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.pool import NullPool

from deploy import keyring
from deploy.programs import SERVICES
from deploy.run import ROOT
from shared.testing.postgres import PostgresServer, postgres_server
from shared.tests.versions import connected

pytestmark = pytest.mark.xdist_group("databases")  # One server for all.

OWNERS = tuple(service.removesuffix("_service") for service in SERVICES)
NOT_THEIRS = [
    (user, database)
    for user, database in product(OWNERS, (*OWNERS, "postgres", "template1"))
    if user != database
]
LIMITS = ("statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresServer]:
    """A server on whose empty volume the script has run."""
    secrets = tmp_path_factory.mktemp("server") / "secrets"
    keyring.make_for_containers(secrets)
    script = (ROOT / "deploy" / "postgres" / "create-databases.sh").read_text()
    with postgres_server() as server:
        subprocess.run(
            ["sh", "-c", script.replace("/run/secrets", str(secrets))],
            env=server.environment | {"PGDATABASE": "postgres"},
            check=True,
        )
        yield server


@pytest.fixture
def url(server: PostgresServer) -> Callable[[str, str], str]:
    """The address of a database, for a user."""
    host = server.environment["PGHOST"]
    return lambda user, database: f"postgresql+psycopg://{user}@/{database}?host={host}"


def engine(url: str) -> Engine:
    return create_engine(url, poolclass=NullPool)


@pytest.mark.parametrize("owner", OWNERS)
def test_a_service_may_make_tables_in_its_own_database(
    url: Callable[[str, str], str], owner: str
) -> None:
    with engine(url(owner, owner)).begin() as connection:
        connection.execute(text("CREATE TABLE made (id integer)"))
        connection.execute(text("DROP TABLE made"))


@pytest.mark.parametrize(("user", "database"), NOT_THEIRS)
def test_a_service_gets_into_no_other_database(
    url: Callable[[str, str], str], user: str, database: str
) -> None:
    with pytest.raises(OperationalError, match="permission denied"):
        engine(url(user, database)).connect()


@pytest.mark.parametrize("owner", OWNERS)
def test_a_service_has_a_password_and_no_power_over_the_server(
    server: PostgresServer, owner: str
) -> None:
    role = text(
        "SELECT rolpassword LIKE 'SCRAM-SHA-256$%', rolsuper OR rolcreatedb OR rolcreaterole"
        " FROM pg_authid WHERE rolname = :owner"
    )
    with engine(server.url).connect() as connection:
        assert tuple(connection.execute(role, {"owner": owner}).one()) == (True, False)


def test_a_service_waits_for_nothing_without_end(
    url: Callable[[str, str], str], tmp_path: Path
) -> None:
    with (
        connected(tmp_path, url("chat", "chat")) as database,
        database.engine.connect() as connection,
    ):
        limits = [connection.execute(text(f"SHOW {name}")).scalar() for name in LIMITS]
        assert limits == ["10s", "5s", "30s"]

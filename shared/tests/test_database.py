"""The database connection of a request: from a bounded pool, and possibly lost at any time."""

import time
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack, suppress

import pytest
from flask import Flask
from pydantic import SecretStr
from sqlalchemy import text
from sqlalchemy.pool import QueuePool

from shared.data.client import ServiceClient, UnreachableError
from shared.server.offload import OffloadPool
from shared.testing.client import ApiClient, assert_error
from shared.testing.fake_services import FakeService
from shared.tests.tiny import db
from shared.web.errors import SERVICE_UNAVAILABLE, ApiError


@pytest.mark.database
def test_a_connection_that_dies_after_its_last_question_changes_no_answer(app: Flask) -> None:
    with app.app_context():
        connection = db.session.connection().connection.driver_connection
        assert connection is not None
        connection.close()

    with app.app_context():
        assert db.session.execute(text("SELECT 1")).scalar() == 1


@pytest.mark.database
def test_a_request_holds_one_connection_however_it_reads(app: Flask) -> None:
    with app.app_context():
        pool = db.engine.pool
        assert isinstance(pool, QueuePool)

        db.execute(text("SELECT 1"))
        db.session.execute(text("SELECT 1"))
        assert pool.checkedout() == 1

        db.release()
        assert pool.checkedout() == 0


@pytest.mark.database
def test_nothing_is_held_after_a_transaction(app: Flask) -> None:
    with app.app_context():
        pool = db.engine.pool
        assert isinstance(pool, QueuePool)

        with db.transaction():
            db.session.execute(text("SELECT 1"))

        assert pool.checkedout() == 0


@pytest.mark.database
def test_nothing_is_held_while_a_thread_or_another_service_is_waited_for(
    app: Flask, fake_services: dict[str, FakeService]
) -> None:
    auth = ServiceClient((fake_services["auth"].url,), SecretStr("current-test-secret"))
    with app.app_context():
        pool = db.engine.pool
        assert isinstance(pool, QueuePool)

        db.execute(text("SELECT 1"))
        assert OffloadPool(1).run(pool.checkedout) == 0

        db.execute(text("SELECT 1"))
        with suppress(UnreachableError):
            auth.get("/internal/accounts")
        assert pool.checkedout() == 0


@pytest.mark.database
def test_nothing_may_be_waited_for_in_a_transaction(app: Flask) -> None:
    with app.app_context(), pytest.raises(RuntimeError), db.transaction():
        OffloadPool(1).run(int)


@pytest.mark.database
def test_a_snapshot_is_held_while_a_thread_is_waited_for(app: Flask) -> None:
    with app.app_context(), db.snapshot():
        OffloadPool(1).run(int)
        assert db.session.execute(text("SELECT 1")).scalar() == 1


@pytest.mark.parametrize("path", ["/me", "/lost"], ids=["account first", "account deferred"])
def test_after_five_seconds_without_a_connection_the_client_gets_503(
    app: Flask, alice: ApiClient, path: str
) -> None:
    with app.app_context(), ExitStack() as held:
        pool = db.engine.pool
        assert isinstance(pool, QueuePool)
        for _ in range(pool.size()):
            held.enter_context(db.engine.connect())
        began = time.monotonic()

        assert_error(alice.get(path), SERVICE_UNAVAILABLE)

        assert 5 <= time.monotonic() - began < 9


@pytest.mark.database
def test_a_full_pool_is_seen_without_waiting_for_a_connection(app: Flask) -> None:
    with app.app_context(), ExitStack() as held:
        pool = db.engine.pool
        assert isinstance(pool, QueuePool)
        for _ in range(pool.size()):
            held.enter_context(db.engine.connect())

        assert db.state() == "pool full"


@pytest.mark.database
@pytest.mark.parametrize("block", [db.transaction, db.autocommit], ids=lambda block: block.__name__)
def test_what_waits_for_a_commit_is_done_after_it_and_never_without(
    app: Flask, block: Callable[[], AbstractContextManager[None]]
) -> None:
    done: list[str] = []
    with app.app_context():
        with suppress(ApiError), block():
            db.after_commit(lambda: done.append("refused"))
            raise ApiError(SERVICE_UNAVAILABLE)
        with block():
            db.execute(text("SELECT 1"))
            db.after_commit(lambda: done.append("committed"))
            assert done == []
    assert done == ["committed"]

"""Migrations of the chat service."""

from pathlib import Path

import pytest
from flask import Flask

from chat_service.db import db
from chat_service.tests.calls import send_text
from chat_service.tests.factories import make_group
from shared.testing.cast import ALICE, BOB
from shared.testing.client import ApiClient
from shared.testing.migrations import (
    check_every_step_down_and_up,
    check_migrations_block_no_requests,
    check_models_match_migrations,
)

pytestmark = pytest.mark.database


def test_every_migration_can_be_undone_and_done_again(app: Flask, alice: ApiClient) -> None:
    group = make_group(app, ALICE, BOB)
    send_text(alice, group)

    check_every_step_down_and_up(app, db)


def test_the_models_equal_the_migrated_schema(app: Flask) -> None:
    check_models_match_migrations(app, db)


def test_no_migration_blocks_requests(app: Flask, tmp_path: Path) -> None:
    check_migrations_block_no_requests(Path(app.root_path) / "migrations", tmp_path)


def test_migrating_twice_changes_nothing(app: Flask) -> None:
    done = app.test_cli_runner().invoke(args=["migrate"])

    assert done.output.startswith("chat_service: the database is up to date (")

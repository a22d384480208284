"""Commands work while the product runs, and all services learn of their changes."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.client import INVALID_JWT, PASSWORD, ApiClient
from tests.product import ROOT

pytestmark = pytest.mark.slow


def _run(data_dir: Path, service: str, *command: str, stdin: str = "") -> str:
    done = subprocess.run(
        [sys.executable, "-m", "deploy.command", service, *command],
        cwd=ROOT,
        env=os.environ | {"DATA_DIR": str(data_dir)},
        input=stdin,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


def test_a_deactivated_account_is_rejected_by_every_service_at_once(
    data_dir: Path, alice: ApiClient
) -> None:
    _run(data_dir, "auth_service", "accounts", "deactivate", alice.email)
    assert alice.get("/friends") == INVALID_JWT
    assert alice.get("/conversations") == INVALID_JWT


def test_a_reset_password_ends_tokens_in_every_service(data_dir: Path, alice: ApiClient) -> None:
    reset = ("accounts", "reset-password", str(alice.id), "--password-stdin")
    _run(data_dir, "auth_service", *reset, stdin=PASSWORD)
    assert alice.get("/conversations") == INVALID_JWT
    assert alice.sign_in().get("/conversations").status == 200


def test_the_outbox_is_replayed_and_shown_beside_the_running_product(data_dir: Path) -> None:
    _run(data_dir, "auth_service", "outbox", "replay")
    lines = _run(data_dir, "auth_service", "outbox", "show").splitlines()
    assert [line.split()[0] for line in lines] == ["consumer", "social", "chat"]


def test_copies_are_rebuilt_beside_the_running_product(data_dir: Path, alice: ApiClient) -> None:
    for service in ("social_service", "chat_service"):
        assert _run(data_dir, service, "accounts", "resync").startswith("Done: ")
    assert _run(data_dir, "chat_service", "friendships", "resync").startswith("Done: ")

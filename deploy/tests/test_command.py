"""The command of a service on the machine of the product."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from deploy.run import ROOT
from deploy.tests.conftest import PATIENCE_SECONDS, Copies

pytestmark = [
    pytest.mark.timeout(300),
    pytest.mark.xdist_group(
        "launcher"
    ),  # These tests share copies of the product with those of the launcher.
]


def _run(module: str, *args: str, data_dir: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", module, *args],
        cwd=ROOT,
        env=os.environ | {"DATA_DIR": str(data_dir)},
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )


def test_a_command_finds_the_data_and_the_keys_of_the_product(copies: Copies) -> None:
    data_dir = copies.running().data_dir
    done = _run("deploy.command", "auth_service", "outbox", "show", data_dir=data_dir)
    assert done.returncode == 0
    assert [line.split()[0] for line in done.stdout.splitlines()] == ["consumer", "social", "chat"]


def test_a_database_without_tables_is_said_in_a_line(copies: Copies, tmp_path: Path) -> None:
    data_dir = copies.running().data_dir
    for folder in ("keys", "run"):
        shutil.copytree(data_dir / folder, tmp_path / folder)
    done = _run("deploy.command", "social_service", "outbox", "show", data_dir=tmp_path)
    assert done.returncode == 1
    assert done.stderr.startswith("Error: social_service: the database is at revision base, ")
    assert done.stderr.endswith("; run: python -m social_service migrate\n")


def test_data_on_which_nothing_was_ever_started_is_said_in_a_line(tmp_path: Path) -> None:
    done = _run("deploy.command", "auth_service", "outbox", "show", data_dir=tmp_path)
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert done.stderr.startswith("DATA_DIR: ")


def test_a_service_that_does_not_exist_is_answered_with_those_that_do(tmp_path: Path) -> None:
    done = _run("deploy.command", "mail_service", data_dir=tmp_path)
    assert done.returncode == 1
    assert done.stderr.startswith("Usage: python -m deploy.command {auth_service,")


def test_a_command_without_the_settings_of_its_service_names_them(tmp_path: Path) -> None:
    done = _run("chat_service", "--help", data_dir=tmp_path)
    assert done.returncode == 1
    assert "INTERNAL_SECRETS: Field required" in done.stderr.splitlines()

"""The launcher behind ``make run``, with the real programs."""

import json
import signal
import socket
import sys
from pathlib import Path

import pytest

from deploy.ports import refusal
from deploy.run import LOOPBACK
from deploy.tests.conftest import Start, until

pytestmark = pytest.mark.timeout(180)  # Four programs take their time on a busy machine.

ALICE = {"email": "alice@example.com", "name": "alice", "password": "secret_1"}


def test_a_stop_lets_a_request_in_flight_finish(start: Start) -> None:
    copy = start().until_ready()
    body = json.dumps(ALICE).encode()
    head = (
        f"POST /account/reg HTTP/1.1\r\nHost: ims\r\nContent-Length: {len(body)}\r\n\r\n".encode()
    )

    with socket.create_connection((LOOPBACK, copy.port), timeout=20) as client:
        client.sendall(head + body[:10])
        copy.process.send_signal(signal.SIGTERM)
        until(lambda: refusal(LOOPBACK, copy.port) is None)
        client.sendall(body[10:])
        status_line = client.makefile("rb").readline()

    assert b" 200 " in status_line
    assert copy.has_ended()
    assert copy.process.returncode == 0


def test_a_killed_copy_ends_whole_and_starts_again_on_the_same_data(start: Start) -> None:
    killed = start().until_ready()
    killed.post("/account/reg", ALICE)

    killed.process.kill()
    again = start().until_ready()

    assert killed.has_ended()
    assert again.post("/account/login", ALICE).ok


def test_everything_ends_with_the_process_manager(start: Start) -> None:
    copy = start().until_ready()

    copy.running("deploy.supervise").kill()

    assert copy.has_ended()
    assert copy.process.returncode == 1
    assert refusal(LOOPBACK, copy.port) is None


def test_everything_ends_with_the_process_that_started_the_launcher(start: Start) -> None:
    shell = ["sh", "-c", f"'{sys.executable}' -m deploy.run --parent $$; true"]
    copy = start(command=shell).until_ready()

    copy.process.kill()

    assert copy.has_ended()


def test_a_program_that_ends_is_started_again(start: Start) -> None:
    copy = start().until_ready()
    auth = copy.running("auth_service.app")

    auth.kill()
    auth.wait()

    until(copy.is_healthy)


def test_two_copies_run_side_by_side(start: Start, port: int, tmp_path: Path) -> None:
    one = start()
    other = start(on=port + 1, data_dir=tmp_path / "other")

    assert one.until_ready().is_healthy()
    assert other.until_ready().is_healthy()
    assert "already" in start(on=port + 2).refusal()
    assert f"{LOOPBACK}:{port}" in start(data_dir=tmp_path / "third").refusal()


def test_a_folder_that_cannot_be_written_is_named(start: Start, tmp_path: Path) -> None:
    a_file = tmp_path / "file"
    a_file.touch()

    assert start(data_dir=a_file).refusal() == f"Cannot start: DATA_DIR: File exists: {a_file}\n"


def test_wrong_settings_are_named_one_line_each(start: Start) -> None:
    said = start(RATE_LIMITS="perhaps", CHAT_SERVICE_DATABASE_POOL="0").refusal()

    assert [line.split(":")[:2] for line in said.splitlines()] == [
        ["Cannot start", " RATE_LIMITS"],
        ["Cannot start", " DATABASE_POOL"],
    ]


def test_a_program_that_cannot_start_ends_the_attempt(start: Start) -> None:
    said = start(GUNICORN_CMD_ARGS="--no-such-option").refusal()

    assert said.splitlines()[-1].startswith("Cannot start: a program ended at once")


def test_a_failing_migration_ends_the_attempt(start: Start, tmp_path: Path) -> None:
    nowhere = f"sqlite:///{tmp_path}/nowhere/chat.db"

    said = start(CHAT_SERVICE_DATABASE_URL=nowhere).refusal()

    assert said.splitlines()[-1].startswith("Cannot start: chat_service: its migration failed")


def test_keys_are_made_once_and_only_their_owner_reads_them(start: Start) -> None:
    refused = start(RATE_LIMITS="perhaps")
    refused.refusal()
    folder = refused.data_dir / "keys"
    first = {path.name: path.read_text() for path in folder.iterdir()}

    start(RATE_LIMITS="perhaps").refusal()

    assert {path.name: path.read_text() for path in folder.iterdir()} == first
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o600}

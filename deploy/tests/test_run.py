"""The launcher behind ``make run``, with the real programs.

Tests that leave a copy complete come first, so that few must be started; those that need another
one are slow.
"""

import json
import signal
import socket
import subprocess
import sys
from http import HTTPStatus
from pathlib import Path

import psutil
import pytest
import requests

from deploy.ports import bind_error
from deploy.run import LOOPBACK
from deploy.tests.conftest import PATIENCE_SECONDS, Copies, Copy, until
from shared.testing.processes import all_end

pytestmark = [
    pytest.mark.timeout(300),  # Starting four programs takes long on a busy machine.
    pytest.mark.xdist_group("launcher"),  # One stock of copies for all tests.
]

BOB = {"email": "bob@example.com", "name": "bob", "password": "secret_1"}
ALICE = {"email": "alice@example.com", "name": "alice", "password": "secret_1"}


def test_what_it_writes_is_its_owners_alone(copies: Copies) -> None:
    folder = copies.running().data_dir
    written = [path for path in (folder, *folder.rglob("*")) if not path.is_symlink()]
    assert [path for path in written if path.stat().st_mode & 0o077] == []


def test_a_second_copy_on_the_same_data_is_refused(copies: Copies) -> None:
    assert "already" in copies.start(data_dir=copies.running().data_dir).startup_error()


def test_an_address_that_is_taken_is_named(copies: Copies) -> None:
    port = copies.running().port

    assert f"{LOOPBACK}:{port}" in copies.start(on=port).startup_error()


def test_a_program_that_ends_is_started_again(copies: Copies) -> None:
    copy = copies.running()

    copy.kill("auth_service.app")

    until(lambda: copy.post("/account/login", ALICE).status_code != HTTPStatus.SERVICE_UNAVAILABLE)


def test_a_killed_copy_ends_whole_and_starts_again_on_the_same_data(copies: Copies) -> None:
    killed = copies.running()
    assert killed.post("/account/reg", BOB).ok

    killed.process.kill()
    again = copies.start(on=killed.port, data_dir=killed.data_dir).until_ready()

    assert killed.has_ended()
    assert again.post("/account/login", BOB).ok


def test_a_stop_lets_a_request_in_flight_finish(copies: Copies) -> None:
    copy = copies.running()
    body = json.dumps(ALICE).encode()
    head = (
        f"POST /account/reg HTTP/1.1\r\nHost: ims\r\nContent-Length: {len(body)}\r\n\r\n".encode()
    )

    with socket.create_connection((LOOPBACK, copy.port), timeout=PATIENCE_SECONDS) as client:
        client.sendall(head + body[:10])
        copy.process.send_signal(signal.SIGTERM)
        until(lambda: bind_error(LOOPBACK, copy.port) is None)
        client.sendall(body[10:])
        status_line = client.makefile("rb").readline()

    assert b" 200 " in status_line
    assert copy.has_ended()
    assert copy.process.returncode == 0


def test_a_folder_that_cannot_be_written_is_named(copies: Copies, tmp_path: Path) -> None:
    a_file = tmp_path / "file"
    a_file.touch()

    assert (
        copies.start(data_dir=a_file).startup_error()
        == f"Cannot start: DATA_DIR: File exists: {a_file}\n"
    )


def test_wrong_settings_are_named_one_line_each(copies: Copies) -> None:
    output = copies.start(RATE_LIMITS="perhaps", CHAT_SERVICE_DATABASE_POOL="0").startup_error()

    assert [line.split(":")[:2] for line in output.splitlines()] == [
        ["Cannot start", " RATE_LIMITS"],
        ["Cannot start", " DATABASE_POOL_SIZE"],
    ]


def test_keys_are_made_once_and_only_their_owner_reads_them(copies: Copies) -> None:
    refused = copies.start(RATE_LIMITS="perhaps")
    refused.startup_error()
    folder = refused.data_dir / "keys"
    first = {path.name: path.read_text() for path in folder.iterdir()}

    copies.start(RATE_LIMITS="perhaps", data_dir=refused.data_dir).startup_error()

    assert {path.name: path.read_text() for path in folder.iterdir()} == first
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o600}


@pytest.mark.slow
def test_two_copies_run_side_by_side(copies: Copies) -> None:
    one, other = copies.running(), copies.running()

    assert one.is_healthy()
    assert other.is_healthy()


@pytest.mark.slow
def test_a_second_start_takes_little_of_a_processor(copies: Copies) -> None:
    first = copies.running()
    first.process.terminate()
    assert first.has_ended()

    again = copies.start(on=first.port, data_dir=first.data_dir).until_ready()

    # Four programs and the launcher, relative to an import: seconds would depend on the machine.
    assert sum(map(cpu_seconds, again.family)) <= 10 * seconds_to_import()


def test_a_killed_worker_is_replaced_without_loading_the_program_again(copies: Copies) -> None:
    copy = copies.running()
    [worker] = workers(copy)

    worker.kill()
    assert all_end([worker], PATIENCE_SECONDS)
    url = f"http://{LOOPBACK}:{copy.port}/csrf"
    until(lambda: requests.get(url, timeout=PATIENCE_SECONDS).ok)

    [replacement] = workers(copy)
    assert cpu_seconds(replacement) < seconds_to_import() / 2


def workers(copy: Copy) -> list[psutil.Process]:
    """List the workers of the chat service: processes with the command of their parent."""
    copy.find_family()
    chat = [each for each in copy.family if "chat_service" in " ".join(each.cmdline())]
    return [each for each in chat if each.parent() in chat]


def cpu_seconds(process: psutil.Process) -> float:
    """Return the processor time of a process and its ended children."""
    times = process.cpu_times()
    return float(times.user + times.system + times.children_user + times.children_system)


def seconds_to_import() -> float:
    """Measure the processor time to import the libraries of a service."""
    program = """
import gevent, flask, flask_smorest, marshmallow, pydantic, requests, sqlalchemy.orm
import cryptography.hazmat.primitives.serialization, resource
used = resource.getrusage(resource.RUSAGE_SELF)
print(used.ru_utime + used.ru_stime)
"""
    return float(subprocess.check_output([sys.executable, "-c", program]))


def test_everything_ends_with_the_process_manager(copies: Copies) -> None:
    copy = copies.running()

    copy.kill("deploy.supervise")

    assert copy.has_ended()
    assert copy.process.returncode == 1
    assert bind_error(LOOPBACK, copy.port) is None


@pytest.mark.slow
def test_everything_ends_with_the_process_that_started_the_launcher(copies: Copies) -> None:
    shell = ["sh", "-c", f"'{sys.executable}' -m deploy.run --parent $$; true"]
    copy = copies.start(command=shell).until_ready()

    copy.process.kill()

    assert copy.has_ended()


@pytest.mark.slow
def test_a_program_that_cannot_start_ends_the_attempt(copies: Copies) -> None:
    output = copies.start(GUNICORN_CMD_ARGS="--no-such-option").startup_error()

    assert output.splitlines()[-1].startswith("Cannot start: a program ended at once")


@pytest.mark.slow
def test_a_failing_migration_ends_the_attempt(copies: Copies, tmp_path: Path) -> None:
    nowhere = f"sqlite:///{tmp_path}/nowhere/chat.db"

    output = copies.start(CHAT_SERVICE_DATABASE_URL=nowhere).startup_error()

    assert output.splitlines()[-1].startswith("Cannot start: chat_service: its migration failed")

"""gunicorn with the configuration of shared.server.gunicorn_conf."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path

import pytest

from deploy import keyring
from deploy.programs import PROGRAMS, SERVICES, environment_of
from deploy.run import LOOPBACK, ROOT
from deploy.tests.conftest import PATIENCE_SECONDS, free_port, until

pytestmark = pytest.mark.slow

GUNICORN = [sys.executable, "-m", "gunicorn", "-c", "python:shared.server.gunicorn_conf"]
SECONDS_TO_STOP = 15  # Less than the 20 seconds for requests in flight.


class Server:
    """A running gunicorn."""

    def __init__(self, port: int, **settings: str) -> None:
        app = "deploy.tests.sample:create_app()"
        self.port = port
        self.process = subprocess.Popen(
            [*GUNICORN, "-b", f"{LOOPBACK}:{port}", app],
            cwd=ROOT,
            env=os.environ | {"LOG_LEVEL": "WARNING"} | settings,  # No line per request.
            stderr=subprocess.PIPE,
            text=True,
        )

    def connect(self) -> HTTPConnection:
        """Open a connection, and send one request over it."""
        connection = HTTPConnection(LOOPBACK, self.port, timeout=PATIENCE_SECONDS)
        connection.request("GET", "/")
        assert connection.getresponse().read() == b"hello"
        return connection

    def is_up(self) -> bool:
        """Whether it responds."""
        try:
            self.connect().close()
        except ConnectionRefusedError:
            return False
        return True

    def stop(self) -> list[dict[str, str]]:
        """Stop it, and wait for less time than requests in flight have."""
        self.process.terminate()
        _, log = self.process.communicate(timeout=SECONDS_TO_STOP)
        return [json.loads(line) for line in log.splitlines()]


@contextmanager
def running(**settings: str) -> Iterator[Server]:
    """A server with the sample application."""
    server = Server(free_port(), **settings)
    until(server.is_up)
    yield server
    server.process.kill()
    server.process.communicate()


@pytest.fixture
def server() -> Iterator[Server]:
    """A server that stops without a delay."""
    with running() as server:
        yield server


def test_an_idle_connection_does_not_hold_up_a_stop(server: Server) -> None:
    connection = server.connect()

    log = server.stop()

    assert [line["event"] for line in log] == ["background_started", "told_to_stop"]
    assert {line["service"] for line in log} == {"deploy"}
    connection.close()


def test_a_server_that_is_leaving_says_so_while_it_answers() -> None:
    with running(SHUTDOWN_DELAY_SECONDS="60") as server:
        open_before = server.connect()
        server.process.terminate()
        until(lambda: send(server, "/readyz").status == 503)

        for connection in (open_before, HTTPConnection(LOOPBACK, server.port)):
            connection.request("GET", "/")
            response = connection.getresponse()
            assert (response.status, response.headers["Connection"]) == (200, "close")
            response.read()
            connection.close()
        assert send(server, "/livez").status == 200


def test_what_is_no_http_is_refused_in_json(server: Server) -> None:
    connection = HTTPConnection(LOOPBACK, server.port, timeout=PATIENCE_SECONDS)
    connection.putrequest("GET", "/")
    connection.putheader("Content-Length", "many")
    connection.endheaders()

    response = connection.getresponse()

    assert (response.status, response.headers["Content-Type"]) == (400, "application/json")
    assert json.load(response) == {"code": -400, "info": "Bad request"}
    connection.close()


def send(server: Server, path: str) -> HTTPResponse:
    """Send a request over a new connection."""
    connection = HTTPConnection(LOOPBACK, server.port, timeout=PATIENCE_SECONDS)
    connection.request("GET", path)
    response = connection.getresponse()
    response.read()  # An unread body would keep the connection open.
    connection.close()
    return response


def start_in_vain(program: str, secrets: Path, tmp_path: Path, **settings: str) -> str:
    """Start a program that fails; return its output."""
    urls = {f"{name.upper()}_URL": f"http://{LOOPBACK}:1" for name in SERVICES}
    env = urls | keyring.key_files(secrets) | {"DATA_DIR": str(tmp_path)} | settings
    bind = f"{LOOPBACK}:{free_port()}"

    done = subprocess.run(
        [*GUNICORN, "-b", bind, f"{program}.app:create_app()"],
        cwd=ROOT,
        env=os.environ | environment_of(program, env),
        stderr=subprocess.PIPE,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )

    assert done.returncode != 0
    assert "Traceback" not in done.stderr
    return done.stderr


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_without_its_tables_says_what_to_run_and_ends(
    service: str, secrets: Path, tmp_path: Path
) -> None:
    output = start_in_vain(service, secrets, tmp_path)

    assert output.count(f"run: python -m {service} migrate\n") == 1


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_program_with_a_wrong_setting_names_it_and_ends(
    program: str, secrets: Path, tmp_path: Path
) -> None:
    output = start_in_vain(program, secrets, tmp_path, PUBLIC_BASE_URL="ims.example.com")

    assert output.count("PUBLIC_BASE_URL: is not like https://ims.example.com\n") == 1

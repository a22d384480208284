"""A gateway under gunicorn, with fake services and raw clients."""

import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
import websocket
from flask.testing import FlaskClient

from gateway.app import create_app
from gateway.tests.upstreams import Upstream, echo_websocket, run_upstream
from gateway.tests.wire import TIMEOUT, Gateway
from shared.testing.processes import environment_of_tests
from shared.testing.tokens import PUBLIC_KEYS_PEM, issue

Connect = Callable[..., websocket.WebSocket]

ROOT = Path(__file__).parents[2]
ALICE = 7

BOUNDS = {
    "MAX_BODY_BYTES": str(1024 * 1024),
    "BODY_TIMEOUT_SECONDS": "2",
    "UPSTREAM_CONNECT_TIMEOUT_SECONDS": "0.5",
    "UPSTREAM_TIMEOUT_SECONDS": "1",
    "UPSTREAM_CONCURRENCY": "16",
}


@pytest.fixture(scope="session")
def _services() -> Iterator[dict[str, Upstream]]:
    with ExitStack() as stack:
        names = ("auth", "social", "chat")
        yield {name: stack.enter_context(run_upstream(name)) for name in names}


@pytest.fixture
def services(_services: dict[str, Upstream]) -> Iterator[dict[str, Upstream]]:
    yield _services
    for service in _services.values():
        service.reset()


@pytest.fixture
def auth(services: dict[str, Upstream]) -> Upstream:
    return services["auth"]


@pytest.fixture
def social(services: dict[str, Upstream]) -> Upstream:
    return services["social"]


@pytest.fixture
def chat(services: dict[str, Upstream]) -> Upstream:
    return services["chat"]


@pytest.fixture(scope="session")
def environment(
    _services: dict[str, Upstream], tmp_path_factory: pytest.TempPathFactory
) -> dict[str, str]:
    urls = {f"{name.upper()}_SERVICE_URL": service.url for name, service in _services.items()}
    return {
        **urls,
        **BOUNDS,
        "JWT_PUBLIC_KEYS": PUBLIC_KEYS_PEM,
        "LOG_FORMAT": "json",
        "DATA_DIR": str(tmp_path_factory.mktemp("data")),
    }


@pytest.fixture
def start_gateway() -> Iterator[Callable[[Mapping[str, str]], Gateway]]:
    with ExitStack() as stack:
        yield lambda environment: stack.enter_context(_gateway(environment))


@pytest.fixture(scope="session")
def _running_gateway(environment: dict[str, str]) -> Iterator[Gateway]:
    with _gateway(environment) as gateway:
        yield gateway


@pytest.fixture
def gateway(_running_gateway: Gateway, services: dict[str, Upstream]) -> Gateway:
    """A gateway under gunicorn for all tests; the services are reset after each."""
    return _running_gateway


@pytest.fixture
def connect(gateway: Gateway, chat: Upstream) -> Iterator[Connect]:
    """Open websockets, and close them at the end."""
    chat.handler = echo_websocket
    with ExitStack() as stack:

        def connect(token: str, path: str = "/ws/", to: Gateway = gateway) -> websocket.WebSocket:
            connection = websocket.create_connection(
                f"ws://127.0.0.1:{to.port}{path}?token={token}",
                timeout=TIMEOUT,
                origin="http://elsewhere.example",
            )
            stack.callback(connection.shutdown)
            return connection

        yield connect


@pytest.fixture
def token() -> str:
    return issue(ALICE)


@pytest.fixture
def local_client(environment: dict[str, str], services: dict[str, Upstream]) -> FlaskClient:
    """A client of a gateway in the process of the tests."""
    return create_app(environment).test_client()


@contextmanager
def _gateway(environment: Mapping[str, str]) -> Iterator[Gateway]:
    port = free_port()
    command = (sys.executable, "-m", "gunicorn", "-c", "python:shared.server.gunicorn_conf")
    program = subprocess.Popen(
        (*command, "--bind", f"127.0.0.1:{port}", "gateway.app:create_app()"),
        cwd=ROOT,
        env=environment_of_tests() | dict(environment),
        stderr=subprocess.PIPE,
    )
    gateway = Gateway(port, program)
    try:
        gateway.wait_until_up()
        yield gateway
    finally:
        gateway.stop(signal.SIGQUIT)


def free_port() -> int:
    """Get a free port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port

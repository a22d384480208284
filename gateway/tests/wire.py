"""A client of a running gateway that says exactly what a test wants on the wire."""

import json
import signal
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from http.client import HTTPResponse
from typing import Any

from shared.testing.secret_leaks import scan_text

SECONDS = 20


@dataclass
class Answer:
    """A whole answer."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes

    @property
    def json(self) -> Any:
        """Its body, which must be JSON and say so."""
        assert self.header("Content-Type") == ["application/json"]
        return json.loads(self.body)

    def header(self, name: str) -> list[str]:
        """Every value of a header."""
        return [value for key, value in self.headers if key.lower() == name.lower()]


class Gateway:
    """A gateway program.

    Attributes:
        port: where it listens.
        program: its process.
        log: what it has logged, line by line.
    """

    def __init__(self, port: int, program: subprocess.Popen[bytes]) -> None:
        self.port = port
        self.program = program
        self.log: list[str] = []
        self.logged = threading.Condition()
        self._reader = threading.Thread(target=self._read_log, daemon=True)
        self._reader.start()

    def wait_until_up(self) -> None:
        """Return when it answers."""
        while True:
            assert self.program.poll() is None, self.log
            try:
                assert self.ask("GET", "/livez").status == 200
            except ConnectionError:  # Refused, or reset by a listener that does not listen yet.
                self._reader.join(0.05)
            else:
                return

    def stop(self, by: signal.Signals = signal.SIGTERM) -> int:
        """Tell it to stop, at once by ``SIGQUIT``; its exit status."""
        self.program.send_signal(by)
        status = self.program.wait(SECONDS)
        self._reader.join()
        assert self.program.stderr is not None
        self.program.stderr.close()
        return status

    def ask(
        self, method: str, target: str, *headers: str, token: str = "", body: bytes = b""
    ) -> Answer:
        """The answer to a request; a body gets its length unless the headers say otherwise."""
        with self.asking(method, target, *headers, token=token, body=body) as response:
            return whole(response)

    @contextmanager
    def asking(
        self, method: str, target: str, *headers: str, token: str = "", body: bytes = b""
    ) -> Iterator[HTTPResponse]:
        """The answer to a request, its body yet to be read."""
        lines = [f"{method} {target} HTTP/1.1", f"Host: 127.0.0.1:{self.port}", *headers]
        if token:
            lines.append(f"Authorization: {token}")
        if body and not any(line.startswith("Transfer-Encoding") for line in headers):
            lines.append(f"Content-Length: {len(body)}")
        with self.saying(*lines, body=body) as connection:
            yield answer_on(connection, method)

    def say(self, *lines: str, body: bytes = b"") -> Answer:
        """The answer to the very lines of a head."""
        with self.saying(*lines, body=body) as connection:
            return whole(answer_on(connection))

    @contextmanager
    def saying(self, *lines: str, body: bytes = b"") -> Iterator[socket.socket]:
        """A connection on which the very lines of a head, and some of a body, were sent."""
        with closing(socket.create_connection(("127.0.0.1", self.port), SECONDS)) as connection:
            connection.sendall("\r\n".join((*lines, "", "")).encode("latin-1") + body)
            yield connection

    def wait_for_log(self, text: str, after: int = 0) -> str:
        """The first line of the log with ``text`` in it, behind the first ``after`` lines."""
        with self.logged:
            self.logged.wait_for(lambda: any(text in line for line in self.log[after:]), SECONDS)
        return next(line for line in self.log[after:] if text in line)

    def _read_log(self) -> None:
        assert self.program.stderr is not None
        for line in self.program.stderr:
            scan_text(line.decode())
            with self.logged:
                self.log.append(line.decode())
                self.logged.notify_all()


def answer_on(connection: socket.socket, method: str = "GET") -> HTTPResponse:
    """The head of the answer on a connection."""
    response = HTTPResponse(connection, method=method)
    response.begin()
    return response


def whole(response: HTTPResponse) -> Answer:
    """An answer with its body read."""
    with response:
        return Answer(response.status, response.getheaders(), response.read())


def chunk(block: bytes) -> bytes:
    """A block as it goes in a chunked body; the empty one ends it."""
    return b"%x\r\n%b\r\n" % (len(block), block)

"""The decoder process: ``python -m shared.media.imaging.server SOCKET [LOCK]``.

It receives requests over the socket: a JSON object with an ``operation`` and its ``arguments``, and
two file descriptors, one of the image and one for the result. A child process with limited memory
and processor time handles each image, so no state of one image is left for the next. The response
is a line of JSON: ``outcome`` is ``done`` (with the ``format`` of the result), ``bad`` (the image
is invalid or exceeds a limit), ``failed`` (with a
``trace``: an error in this program) or ``killed`` (the child was killed from outside).

The process and its child exit when the other end of the socket is closed.
"""

import fcntl
import json
import os
import resource
import select
import signal
import socket
import sys
import traceback
from collections.abc import Callable
from typing import Any, NoReturn

from shared.media.imaging import images
from shared.media.imaging.container import BadImageError
from shared.media.imaging.images import EncodedImage
from shared.server.parent_death import set_parent_death_signal

MEMORY_LIMIT = 768 << 20
"""Bytes of address space, of which Python and its libraries use about 60 MiB."""
CPU_LIMIT_SECONDS = 6
_FILE_LIMIT = 64 << 20
_OPERATIONS: dict[str, Callable[..., EncodedImage]] = {
    "clean": images.clean,
    "thumbnail": images.thumbnail,
}
_SIGNALS_OF_OPERATORS = {
    signal.SIGKILL,
    signal.SIGTERM,
    signal.SIGINT,
    signal.SIGHUP,
    signal.SIGQUIT,
}


def main() -> None:
    """Serve until the other end closes the socket."""
    peer = socket.socket(fileno=int(sys.argv[1]))
    peer.setblocking(True)  # gevent created the socket in non-blocking mode.
    lock = int(sys.argv[2]) if len(sys.argv) > 2 else None
    os.nice(5)  # Other processes have priority.
    while True:
        message, descriptors, _, _ = socket.recv_fds(peer, 4096, 2)
        if not message:
            return
        if lock is not None:  # The workers of a program take turns.
            fcntl.lockf(lock, fcntl.LOCK_EX)
        outcome = _work(peer, json.loads(message), *descriptors)
        if lock is not None:
            fcntl.lockf(lock, fcntl.LOCK_UN)
        for descriptor in descriptors:
            os.close(descriptor)
        peer.sendall(json.dumps(outcome).encode() + b"\n")


def _work(peer: socket.socket, request: dict[str, Any], source: int, target: int) -> dict[str, str]:
    """Run a request in a child process, and return its outcome."""
    result, child_end = os.pipe()
    own = os.getpid()
    child = os.fork()
    if child == 0:
        set_parent_death_signal(own, signal.SIGKILL)
        _limit()
        _respond(child_end, request, source, target)
    os.close(child_end)
    readable, _, _ = select.select([result, peer.fileno()], [], [])
    if peer.fileno() in readable:  # The caller has gone.
        os.kill(child, signal.SIGKILL)
    with os.fdopen(result, "rb") as reader:
        response = reader.read()
    _, status = os.waitpid(child, 0)
    if response and not status:
        outcome: dict[str, str] = json.loads(response)
        return outcome
    ended_by_operator = os.WIFSIGNALED(status) and os.WTERMSIG(status) in _SIGNALS_OF_OPERATORS
    return {"outcome": "killed" if ended_by_operator else "bad"}


def _limit() -> None:
    """Limit the resources of this process; the kernel or an exception ends it beyond them."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_LIMIT, MEMORY_LIMIT))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_LIMIT_SECONDS, CPU_LIMIT_SECONDS + 1))
    resource.setrlimit(resource.RLIMIT_FSIZE, (_FILE_LIMIT, _FILE_LIMIT))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _respond(pipe: int, request: dict[str, Any], source: int, target: int) -> NoReturn:
    """Process a request, write its result, and exit in any case."""
    try:
        with os.fdopen(source, "rb") as file:
            file.seek(0)
            data = file.read()
        encoded = _OPERATIONS[request["operation"]](data, **request["arguments"])
        with os.fdopen(target, "wb") as file:
            file.write(encoded.data)
        outcome = {"outcome": "done", "format": encoded.format}
    except (BadImageError, MemoryError):
        outcome = {"outcome": "bad"}
    except BaseException:
        outcome = {"outcome": "failed", "trace": traceback.format_exc()}
    os.write(pipe, json.dumps(outcome).encode())
    os._exit(0)


if __name__ == "__main__":
    main()

"""Sanitize uploaded images and make thumbnails in a separate process.

A worker has one decoder process (`shared.media.imaging.server`), which is started with the first
image and restarted when it has ended. Images wait in temporary files, and users take turns.
"""

import json
import logging
import os
import socket
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Any

from pydantic import Field

from shared.media.imaging.container import BadImageError
from shared.settings import Settings
from shared.web.errors import overloaded
from shared.web.fair_queue import FairQueue
from shared.web.request_waits import release_database_connection, requester_is_gone
from shared.web.spool import SpoolFile, spool

log = logging.getLogger(__name__)

PROGRAM = "shared.media.imaging.server"
MAX_WAITING = 32
MAX_WAITING_PER_USER = 4
LOCK = "IMS_DECODER_LOCK"
"""Variable with the descriptor of a file that the workers of a program share."""
_TYPES = {
    "PNG": ("image/png", "png"),
    "JPEG": ("image/jpeg", "jpg"),
    "GIF": ("image/gif", "gif"),
    "WEBP": ("image/webp", "webp"),
}
# The variables that the process inherits; secrets are not among them.
_ENVIRONMENT = (
    "PATH",
    "PYTHONDONTWRITEBYTECODE",
    "COVERAGE_PROCESS_START",
    "COVERAGE_PROCESS_CONFIG",
)


class DecoderSettings(Settings):
    """Settings of the decoder."""

    image_timeout_seconds: float = Field(
        8,
        gt=0,
        description="Maximum time to wait for and decode an image; less than "
        "`UPSTREAM_TIMEOUT_SECONDS`.",
    )


@dataclass(frozen=True, slots=True)
class EncodedImage:
    """A sanitized image."""

    file: SpoolFile
    media_type: str
    extension: str


class Decoder:
    """The decoder process of this worker and its queue."""

    def __init__(self) -> None:
        self._queue = FairQueue(MAX_WAITING, MAX_WAITING_PER_USER)
        self._timeout = 8.0
        self._process: subprocess.Popen[bytes] | None = None
        self._socket: socket.socket | None = None

    def configure(self, settings: DecoderSettings) -> None:
        """Set the timeout of an image."""
        self._timeout = settings.image_timeout_seconds

    def clean(self, image: SpoolFile, user_id: int) -> EncodedImage:
        """Convert an image to an upright one in sRGB without metadata.

        Args:
            image: the uploaded file.
            user_id: the user who uploaded it.

        Raises:
            BadImageError: it is not a complete PNG, JPEG, GIF or WebP of an accepted size.
            ApiError: too many images wait, or it could not be decoded in time (503).
        """
        return self._run(image, user_id, {"operation": "clean", "arguments": {}})

    def thumbnail(self, image: SpoolFile, user_id: int, max_side: int) -> EncodedImage:
        """Make a still WebP of the image with no side longer than ``max_side`` pixels.

        Raises:
            BadImageError: it is not a complete PNG, JPEG, GIF or WebP of an accepted size.
            ApiError: too many images wait, or it could not be decoded in time (503).
        """
        arguments = {"max_side": max_side}
        return self._run(image, user_id, {"operation": "thumbnail", "arguments": arguments})

    def stop(self) -> None:
        """Stop the process; the next image starts another one."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _run(self, image: SpoolFile, user_id: int, request: dict[str, Any]) -> EncodedImage:
        release_database_connection()
        deadline = monotonic() + self._timeout
        with self._queue.turn(user_id, deadline, requester_is_gone):
            target = spool.create_file()
            outcome = self._exchange(request, image, target, deadline)
        if outcome["outcome"] == "done":
            target.count_size()
            return EncodedImage(target, *_TYPES[outcome["format"]])
        target.close()
        if outcome["outcome"] == "bad":
            raise BadImageError
        if outcome["outcome"] == "failed":
            raise RuntimeError(f"the decoder failed:\n{outcome['trace']}")
        raise overloaded()

    def _exchange(
        self, request: dict[str, Any], source: SpoolFile, target: SpoolFile, deadline: float
    ) -> dict[str, str]:
        """Read the response of the process; kill the process on a timeout."""
        response = b""
        try:
            peer = self._connected()
            peer.settimeout(max(0.001, deadline - monotonic()))
            files = [source.fileno(), target.fileno()]
            socket.send_fds(peer, [json.dumps(request).encode()], files)
            with peer.makefile("rb") as lines:
                response = lines.readline()
        except OSError as error:
            log.warning("decoder_failed", extra={"error": type(error).__name__})
        finally:
            if not response.endswith(
                b"\n"
            ):  # A late response must not be mistaken for the next one.
                self.stop()
                response = b'{"outcome": "killed"}'
        outcome: dict[str, str] = json.loads(response)
        return outcome

    def _connected(self) -> socket.socket:
        if self._process is not None and self._process.poll() is not None:
            self.stop()
        if self._socket is None:
            self._socket, other_end = socket.socketpair()
            descriptors = [str(other_end.fileno()), *filter(None, [os.environ.get(LOCK)])]
            with other_end:
                self._process = subprocess.Popen(
                    [sys.executable, "-m", PROGRAM, *descriptors],
                    cwd=Path(__file__).parents[2],
                    env={name: os.environ[name] for name in _ENVIRONMENT if name in os.environ},
                    pass_fds=list(map(int, descriptors)),
                    stdin=subprocess.DEVNULL,
                    start_new_session=True,  # Ctrl-C stops the worker, which stops the process.
                )
        return self._socket


decoder = Decoder()
"""The decoder of this worker."""

"""A user who uses every service during an attack, and measures the effects."""

import json
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from io import BytesIO
from statistics import median
from typing import Any

import requests
import websocket
from ims_client import UnreachableError
from PIL import Image

from tests.client import ApiClient
from tests.factories import befriend, make_group, make_user

REQUESTS_PER_SECOND = 5
_TIMEOUT = 15.0
_FRAME_TIMEOUT = 10.0


@dataclass
class Experience:
    """The results of a bystander's requests; latencies in seconds."""

    latencies: list[float] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)

    @property
    def p50(self) -> float:
        return median(self.latencies)

    @property
    def p99(self) -> float:
        return sorted(self.latencies)[int(0.99 * (len(self.latencies) - 1))]


class Bystander:
    """Alice, who signs in, reads, writes and uploads, with an open websocket.

    Args:
        base_url: the URL of the gateway.
    """

    def __init__(self, base_url: str) -> None:
        self.alice = make_user(base_url, "Alice")
        self.bob = make_user(base_url, "Bob")
        befriend(self.alice, self.bob)
        self._group = make_group(self.alice, self.bob)
        self._experience = Experience()
        self._sent: set[int] = set()
        self._received: set[int] = set()
        self._socket = websocket.create_connection(
            f"{base_url.replace('http', 'ws', 1)}/ws/?token={self.alice.token}", timeout=_TIMEOUT
        )
        self._socket.settimeout(None)  # No timeout: no frames arrive while nothing happens.
        self._reader = threading.Thread(target=self._read_frames, daemon=True)
        self._reader.start()
        picture = BytesIO()
        Image.new("RGB", (40, 40), "teal").save(picture, "PNG")
        self._picture = picture.getvalue()
        self._steps = self._make_steps()

    def use(self, requests_in_all: int) -> Experience:
        """Send five requests per second, independent of the results of earlier ones."""
        began = time.monotonic()
        with ThreadPoolExecutor(max_workers=32) as pool:
            for number in range(requests_in_all):
                time.sleep(max(0.0, began + number / REQUESTS_PER_SECOND - time.monotonic()))
                pool.submit(self._measure, *self._steps[number % len(self._steps)])
        self._await_frames()
        return self._experience

    def close(self) -> None:
        """Close the websocket."""
        with suppress(OSError, websocket.WebSocketException):
            self._socket.abort()  # Unlike close, this wakes the reading thread up.
        self._reader.join()
        self._socket.shutdown()

    def _make_steps(self) -> list[tuple[str, Callable[[ApiClient], requests.Response]]]:
        conversation = {"conversationId": self._group}

        def get(path: str, **query: Any) -> tuple[str, Callable[[ApiClient], requests.Response]]:
            return f"GET {path}", lambda who: who.fetch("GET", path, params=query)

        def sign_in(who: ApiClient) -> requests.Response:
            return who.fetch(
                "POST", "/account/login", json={"email": who.email, "password": who.password}
            )

        def upload(who: ApiClient) -> requests.Response:
            files = {"image": ("teal.png", self._picture)}
            return who.fetch("POST", "/conversations/image", data=conversation, files=files)

        def send(who: ApiClient) -> requests.Response:
            sent = who.fetch(
                "POST", "/conversations/messages", json=conversation | {"content": "still here"}
            )
            self._sent.add(sent.json()["message_id"])
            return sent

        sending = ("POST /conversations/messages", send)
        return [
            ("POST /account/login", sign_in),
            get("/conversations"),
            get("/friends"),
            sending,
            get("/conversations/messages", **conversation, limit=20),
            get("/account/info"),
            get("/search_user", query_name="Bob"),
            ("POST /conversations/image", upload),
            get("/conversations"),
            get("/groups"),
            sending,
            get("/conversations/get_members", conversation_id=self._group),
            get("/friend_requests"),
            get("/account/info"),
            get("/conversations/messages", **conversation, limit=20),
            sending,
            get("/friends"),
            get("/interface", conversation_id=self._group),
            get("/livez"),
            get("/conversations"),
        ]

    def _measure(self, name: str, step: Callable[[ApiClient], requests.Response]) -> None:
        who = ApiClient(self.alice.base_url, self.alice.name, self.alice.email)
        who.token = self.alice.token
        began = time.monotonic()
        try:
            response = step(who)
            problem = "" if response.status_code == 200 else str(response.status_code)
        except (UnreachableError, AssertionError, KeyError) as failure:
            problem = str(failure)[:120] or type(failure).__name__
        self._experience.latencies.append(time.monotonic() - began)
        if problem:
            self._experience.failures.append(f"{name}: {problem}")

    def _read_frames(self) -> None:
        with suppress(OSError, websocket.WebSocketException):
            while text := self._socket.recv():
                frame = json.loads(text)
                if frame["type"] == "notify" and "message" in frame:
                    self._received.add(frame["message"]["id"])

    def _await_frames(self) -> None:
        deadline = time.monotonic() + _FRAME_TIMEOUT
        while self._sent - self._received and time.monotonic() < deadline:
            time.sleep(0.05)
        missed = len(self._sent - self._received)
        self._experience.failures += ["websocket: a frame did not come"] * missed

"""A real HTTP server in place of a neighbouring service, which can also hang or fail."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from flask import Flask, jsonify, request
from flask.typing import ResponseReturnValue
from werkzeug.serving import make_server


class FakeService:
    """What the neighbour was told, what it answers, and how it feels.

    Attributes:
        url: where it listens.
        events: every event that it has taken, in order.
        answers: JSON answers, or bodies, by path, for other ``/internal`` endpoints.
        asked: the JSON bodies or parameters that came to these, in order.
        mood: ``ok``, ``failing`` (answers 500) or ``hung`` (answers when it is ok again).
    """

    def __init__(self) -> None:
        self.url = ""
        self.events: list[dict[str, Any]] = []
        self.answers: dict[str, Any] = {}
        self.asked: list[tuple[str, Any]] = []
        self.mode = "ok"
        self._well = threading.Event()
        self._well.set()
        self._age = 0

    def set_mode(self, mode: str) -> None:
        """Change its mood."""
        self.mode = mode
        self._well.clear() if mode == "hung" else self._well.set()

    def states(self, kind: str) -> list[dict[str, Any]]:
        """The states in the events of one type, in order."""
        return [event["state"] for event in self.events if event["type"] == kind]

    def forget(self) -> None:
        """Be as new: what was asked before and still hangs is not heard any more."""
        self._age += 1
        self.set_mode("ok")
        self.events.clear()
        self.answers.clear()
        self.asked.clear()


@contextmanager
def fake_service() -> Iterator[FakeService]:
    """Run a neighbour on a free port of loopback."""
    it = FakeService()
    app = Flask("neighbour")

    @app.before_request
    def moody() -> ResponseReturnValue | None:
        age = it._age
        it._well.wait(30)
        return ("", 500) if it.mode == "failing" or age != it._age else None

    @app.post("/internal/events")
    def register_event_consumer() -> ResponseReturnValue:
        it.events += request.get_json()["events"]
        return jsonify(code=0, info="Succeed")

    @app.route("/<path:path>", methods=["GET", "POST"])
    def answer(path: str) -> ResponseReturnValue:
        it.asked.append((f"/{path}", request.get_json(silent=True) or request.args.to_dict()))
        found = it.answers.get(f"/{path}")
        found = found(it.asked[-1][1]) if callable(found) else found
        if isinstance(found, bytes):
            return found, {"Content-Type": "application/x-ndjson"}
        return ("", 404) if found is None else jsonify(found)

    server = make_server("127.0.0.1", 0, app, threaded=True)
    it.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield it
    finally:
        it.set_mode("ok")
        server.shutdown()
        thread.join()
        server.server_close()

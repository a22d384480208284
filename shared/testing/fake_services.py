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
        responses: JSON answers, or bodies, by path, for other ``/internal`` endpoints.
        requests: the JSON bodies or parameters that came to these, in order.
        mood: ``ok``, ``failing`` (answers 500) or ``hung`` (answers when it is ok again).
    """

    def __init__(self) -> None:
        self.url = ""
        self.events: list[dict[str, Any]] = []
        self.responses: dict[str, Any] = {}
        self.requests: list[tuple[str, Any]] = []
        self.mode = "ok"
        self._not_hung = threading.Event()
        self._not_hung.set()
        self._generation = 0

    def set_mode(self, mode: str) -> None:
        """Change its mood."""
        self.mode = mode
        self._not_hung.clear() if mode == "hung" else self._not_hung.set()

    def states(self, kind: str) -> list[dict[str, Any]]:
        """The states in the events of one type, in order."""
        return [event["state"] for event in self.events if event["type"] == kind]

    def reset(self) -> None:
        """Be as new: what was asked before and still hangs is not heard any more."""
        self._generation += 1
        self.set_mode("ok")
        self.events.clear()
        self.responses.clear()
        self.requests.clear()


@contextmanager
def fake_service() -> Iterator[FakeService]:
    """Run a neighbour on a free port of loopback."""
    service = FakeService()
    app = Flask("neighbour")

    @app.before_request
    def apply_mode() -> ResponseReturnValue | None:
        generation = service._generation
        service._not_hung.wait(30)
        return ("", 500) if service.mode == "failing" or generation != service._generation else None

    @app.post("/internal/events")
    def register_event_consumer() -> ResponseReturnValue:
        service.events += request.get_json()["events"]
        return jsonify(code=0, info="Succeed")

    @app.route("/<path:path>", methods=["GET", "POST"])
    def answer(path: str) -> ResponseReturnValue:
        service.requests.append(
            (f"/{path}", request.get_json(silent=True) or request.args.to_dict())
        )
        response = service.responses.get(f"/{path}")
        response = response(service.requests[-1][1]) if callable(response) else response
        if isinstance(response, bytes):
            return response, {"Content-Type": "application/x-ndjson"}
        return ("", 404) if response is None else jsonify(response)

    server = make_server("127.0.0.1", 0, app, threaded=True)
    service.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield service
    finally:
        service.set_mode("ok")
        server.shutdown()
        thread.join()
        server.server_close()

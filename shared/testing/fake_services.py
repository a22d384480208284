"""A real HTTP server in place of another service, which can also hang or fail."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from flask import Flask, jsonify, request
from flask.typing import ResponseReturnValue
from werkzeug.serving import make_server


class FakeService:
    """Another service: its received requests, its responses, and its mode.

    Attributes:
        url: the base URL.
        events: every accepted event, in order.
        responses: JSON bodies, or bytes, by path, of other ``/internal`` endpoints.
        requests: the JSON bodies or parameters of requests to these, in order.
        mode: ``ok``, ``failing`` (responds 500) or ``hung`` (responds when it is ok again).
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
        """Change the mode."""
        self.mode = mode
        self._not_hung.clear() if mode == "hung" else self._not_hung.set()

    def states(self, kind: str) -> list[dict[str, Any]]:
        """List the states in the events of one type, in order."""
        return [event["state"] for event in self.events if event["type"] == kind]

    def reset(self) -> None:
        """Forget everything; requests that still hang are dropped."""
        self._generation += 1
        self.set_mode("ok")
        self.events.clear()
        self.responses.clear()
        self.requests.clear()


@contextmanager
def fake_service() -> Iterator[FakeService]:
    """Run a fake service on a free port of loopback."""
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
    def respond(path: str) -> ResponseReturnValue:
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

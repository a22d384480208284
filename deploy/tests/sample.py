"""The smallest application that uses everything shared.server.gunicorn_conf offers."""

from flask import Flask

from shared.logs import log_requests
from shared.metrics import observe_request
from shared.runtime import runtime_of
from shared.web.health import register_health


def create_app() -> Flask:
    """An application that logs when its worker has started and when it is told to stop."""
    app = Flask("sample")
    log_requests(app, observe_request)
    runtime_of(app).background.append(lambda: app.logger.warning("background_started"))
    runtime_of(app).at_stop.append(lambda: app.logger.warning("told_to_stop"))

    register_health(app)

    @app.get("/")
    def hello() -> str:
        return "hello"

    return app

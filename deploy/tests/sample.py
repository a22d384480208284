"""The smallest application that uses every feature of shared.server.gunicorn_conf."""

from flask import Flask

from shared.logs import log_requests
from shared.metrics import observe_request
from shared.runtime import runtime_of
from shared.web.health import register_health


def create_app() -> Flask:
    """Create an application that logs the start and the stop of its worker."""
    app = Flask("sample")
    log_requests(app, observe_request)
    runtime_of(app).background.append(lambda: app.logger.warning("background_started"))
    runtime_of(app).at_stop.append(lambda: app.logger.warning("told_to_stop"))

    register_health(app)

    @app.get("/")
    def hello() -> str:
        return "hello"

    return app

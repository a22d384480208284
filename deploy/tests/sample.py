"""The smallest application that uses everything shared.gunicorn_conf offers."""

from flask import Flask


def create_app() -> Flask:
    """An application that logs when its worker has started and when it is told to stop."""
    app = Flask("sample")
    app.extensions["ims.background"] = [lambda: app.logger.warning("background_started")]
    app.extensions["ims.stopping"] = [lambda: app.logger.warning("told_to_stop")]

    @app.get("/")
    def hello() -> str:
        return "hello"

    return app

"""Periodic work of a service's server, besides its requests."""

import logging
import threading
import time
from collections.abc import Callable

from flask import Flask

from shared.data.db import DATABASE_FAILURES, first_line
from shared.runtime import runtime_of

log = logging.getLogger(__name__)


def repeat(app: Flask, work: Callable[[], object], seconds: float) -> None:
    """Run ``work`` when the server of ``app`` starts, and then every ``seconds``.

    An error is logged; the next run comes as usual.
    """

    def loop() -> None:
        while True:
            try:
                with app.app_context():
                    work()
            except DATABASE_FAILURES as error:
                facts = {"work": work.__name__, "failure": first_line(error)}
                log.warning("database_unavailable", extra=facts)
            except Exception:
                log.exception("background_work_failed", extra={"work": work.__name__})
            time.sleep(seconds)

    def start() -> None:
        threading.Thread(target=loop, name=work.__name__, daemon=True).start()

    runtime_of(app).background.append(start)

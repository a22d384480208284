"""Work that a service's server does beside its requests, again and again."""

import logging
import threading
from collections.abc import Callable

from flask import Flask

log = logging.getLogger(__name__)


def repeat(app: Flask, work: Callable[[], object], seconds: float) -> threading.Event:
    """Let the server of ``app`` do ``work`` at its start, and again after so many seconds.

    What fails is logged, and tried again the next time.

    Returns:
        set it, and the work is done at once.
    """
    wanted = threading.Event()

    def loop() -> None:
        while True:
            wanted.clear()
            try:
                with app.app_context():
                    work()
            except Exception:
                log.exception("background_work_failed", extra={"work": work.__name__})
            wanted.wait(seconds)

    def start() -> None:
        threading.Thread(target=loop, name=work.__name__, daemon=True).start()

    app.extensions.setdefault("ims.background", []).append(start)
    return wanted

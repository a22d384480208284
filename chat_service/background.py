"""Background tasks of the chat service."""

import logging
import threading
import time

from flask import Flask

from chat_service.db import db
from chat_service.domain.indexing import indexer
from shared.runtime import runtime_of

log = logging.getLogger(__name__)

_IDLE_INTERVAL = 1.0


def fill_search_index(app: Flask) -> None:
    """Fill the search index in each worker of ``app``, in at most half of its time."""
    runtime_of(app).background.append(lambda: _start(app))


def _start(app: Flask) -> None:
    def run() -> None:
        while True:
            pause, started_at = _IDLE_INTERVAL, time.monotonic()
            try:
                with app.app_context(), db.outages_logged("search index"):
                    if indexer.index_batch():
                        pause = time.monotonic() - started_at
            except Exception:
                log.exception("search_index_failed")
            time.sleep(pause)

    threading.Thread(target=run, name="search-indexer", daemon=True).start()

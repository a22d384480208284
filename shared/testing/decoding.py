"""Requests that wait for the decoder."""

import threading
from collections.abc import Callable
from time import monotonic, sleep

from flask import Flask
from sqlalchemy.pool import QueuePool

from shared.data.db import Database
from shared.media.decoder import decoder
from shared.testing.client import Reply

_OTHER_USER = -1
_PATIENCE = 50.0


def held_while_waiting(app: Flask, db: Database, send: Callable[[], Reply]) -> tuple[int, int]:
    """Count the database connections in use while the request of ``send`` waits for the decoder.

    Returns:
        that number, and the status of the response after the wait.
    """
    replies: list[Reply] = []
    sending = threading.Thread(target=lambda: replies.append(send()))
    deadline = monotonic() + _PATIENCE
    with decoder._queue.turn(_OTHER_USER, deadline, lambda: False):
        sending.start()
        while decoder._queue._counts.total() < 2:
            assert monotonic() < deadline, "it does not wait for the decoder"
            sleep(0.01)
        with app.app_context():
            pool = db.engine.pool
        assert isinstance(pool, QueuePool)
        held = pool.checkedout()
    sending.join()
    return held, replies[0].status_code

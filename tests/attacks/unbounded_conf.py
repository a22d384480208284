"""How programs run under gunicorn without the bounds against an attack."""

import os

from gunicorn.arbiter import Arbiter

from shared.server.gunicorn_conf import *  # noqa: F403
from shared.server.worker import Worker
from tests.attacks.bounds import ATTACK, BOUNDS


def post_fork(_server: Arbiter, worker: Worker) -> None:
    """Before the worker loads its application."""
    BOUNDS[os.environ[ATTACK]].lift(worker.cfg.default_proc_name.partition(".")[0])

"""Offloaded work does not block others under gevent, and runs in the thread of the caller without
it.
"""

import subprocess
import sys
import threading

import pytest

from shared.server.offload import OffloadPool

# Under gevent: the main greenlet offloads blocking work, another one counts ticks.
_UNDER_GEVENT = """
from gevent import monkey, get_hub, spawn, sleep
real_sleep = monkey.get_original("time", "sleep")
real_ident = monkey.get_original("_thread", "get_ident")
monkey.patch_all()
from shared.server.offload import OffloadPool

pool, ticks, running, most = OffloadPool(2), [], [], []

def tick():
    while True:
        ticks.append(1)
        sleep(0.01)

def work(number):
    running.append(number)
    most.append(len(running))
    real_sleep(0.2)
    running.remove(number)
    return real_ident()

def fail():
    raise LookupError("as it was raised")

spawn(tick)
threads = [job.get() for job in [spawn(pool.run, work, n) for n in range(4)]]
assert len(ticks) > 5, "the loop stood still"
assert real_ident() not in threads, "the work was done in the loop's thread"
assert max(most) == 2, "more than the pool allows"
try:
    pool.run(fail)
except LookupError as error:
    print(error)
"""


def test_under_gevent_others_go_on_while_a_pool_works() -> None:
    done = subprocess.run(
        [sys.executable, "-c", _UNDER_GEVENT], capture_output=True, text=True, check=False
    )
    assert (done.stdout, done.stderr) == ("as it was raised\n", "")


def test_without_gevent_the_callers_thread_does_the_work() -> None:
    assert OffloadPool(2).run(threading.get_ident) == threading.get_ident()


def test_without_gevent_a_failure_is_raised_as_it_is() -> None:
    with pytest.raises(ZeroDivisionError):
        OffloadPool(2).run(divmod, 1, 0)

"""A queue for one place of work, which users have in turn however much each of them asks for."""

import threading
from collections import Counter, deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic

from shared.web.errors import overloaded

_CHECK_INTERVAL = 0.5


class FairQueue:
    """At most one block runs at a time; the others wait, those of one user behind each other.

    Args:
        limit: how many may run and wait.
        limit_per_user: how many of them may be of one user.
    """

    def __init__(self, limit: int, limit_per_user: int) -> None:
        self._limit = limit
        self._limit_per_user = limit_per_user
        self._lock = threading.Lock()
        self._waiting: dict[int, deque[threading.Event]] = {}  # The next user is the first.
        self._running: int | None = None
        self._counts = Counter[int]()

    @contextmanager
    def turn(self, user_id: int, deadline: float, is_gone: Callable[[], bool]) -> Iterator[None]:
        """Run the block when it is the user's turn.

        Args:
            user_id: whose work it is.
            deadline: until when, of the monotonic clock, the turn must have come.
            is_gone: whether nobody wants the result any more.

        Raises:
            ApiError: too much waits already, the turn did not come in time, or nobody waits for it.
        """
        turn = self._enter(user_id)
        try:
            while not turn.wait(min(_CHECK_INTERVAL, max(0, deadline - monotonic()))):
                if monotonic() >= deadline or is_gone():
                    raise overloaded()
            yield
        finally:
            self._leave(user_id, turn)

    def _enter(self, user_id: int) -> threading.Event:
        with self._lock:
            if self._counts.total() >= self._limit or self._counts[user_id] >= self._limit_per_user:
                raise overloaded()
            self._counts[user_id] += 1
            turn = threading.Event()
            if self._running is None:
                self._running = user_id
                turn.set()
            else:
                self._waiting.setdefault(user_id, deque()).append(turn)
            return turn

    def _leave(self, user_id: int, turn: threading.Event) -> None:
        with self._lock:
            self._counts -= Counter((user_id,))
            if not turn.is_set():
                self._remove(user_id, turn)
                return
            self._running = None
            # Whoever was last goes behind everybody else.
            following = next((user for user in self._waiting if user != user_id), user_id)
            if waiting := self._waiting.get(following):
                self._running = following
                waiting[0].set()
                self._remove(following, waiting[0])
                if rest := self._waiting.pop(following, None):
                    self._waiting[following] = rest

    def _remove(self, user_id: int, turn: threading.Event) -> None:
        self._waiting[user_id].remove(turn)
        if not self._waiting[user_id]:
            del self._waiting[user_id]

"""A queue in which users take turns, independent of how much each of them requests."""

import threading
from collections import Counter, deque
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from time import monotonic

from shared.web.errors import ApiError, overloaded

_CHECK_INTERVAL = 0.5


class FairQueue:
    """At most ``places`` blocks run at a time. The others wait, and the users take turns.

    Args:
        limit: the maximum number of running and waiting blocks.
        limit_per_user: the maximum number per user.
        places: the maximum number of running blocks.
        refuse_user: creates the error of a user with too many blocks.
    """

    def __init__(
        self,
        limit: int,
        limit_per_user: int,
        places: int = 1,
        refuse_user: Callable[[], ApiError] = overloaded,
    ) -> None:
        self._limit = limit
        self._limit_per_user = limit_per_user
        self._free_places = places
        self._refuse_user = refuse_user
        self._lock = threading.Lock()
        self._waiting: dict[Hashable, deque[threading.Event]] = {}  # The next user is the first.
        self._counts = Counter[Hashable]()

    @contextmanager
    def turn(self, user: Hashable, deadline: float, is_gone: Callable[[], bool]) -> Iterator[None]:
        """Run the block when it is the user's turn.

        Args:
            user: an account or a network.
            deadline: the latest start, of the monotonic clock.
            is_gone: whether the client has disconnected.

        Raises:
            ApiError: the queue is full, the deadline has passed, or the client has disconnected.
        """
        turn = self._enter(user)
        try:
            while not turn.wait(min(_CHECK_INTERVAL, max(0, deadline - monotonic()))):
                if monotonic() >= deadline or is_gone():
                    raise overloaded()
            yield
        finally:
            self._leave(user, turn)

    def _enter(self, user: Hashable) -> threading.Event:
        with self._lock:
            if self._counts[user] >= self._limit_per_user:
                raise self._refuse_user()
            if self._counts.total() >= self._limit:
                raise overloaded()
            self._counts[user] += 1
            turn = threading.Event()
            if self._free_places:
                self._free_places -= 1
                turn.set()
            else:
                self._waiting.setdefault(user, deque()).append(turn)
            return turn

    def _leave(self, user: Hashable, turn: threading.Event) -> None:
        with self._lock:
            self._counts -= Counter((user,))
            if not turn.is_set():
                self._remove(user, turn)
                return
            # The user whose block has just ended moves to the end.
            following = next((other for other in self._waiting if other != user), user)
            waiting = self._waiting.get(following)
            if waiting is None:
                self._free_places += 1
                return
            waiting[0].set()
            self._remove(following, waiting[0])
            if rest := self._waiting.pop(following, None):
                self._waiting[following] = rest

    def _remove(self, user: Hashable, turn: threading.Event) -> None:
        self._waiting[user].remove(turn)
        if not self._waiting[user]:
            del self._waiting[user]

"""A queue for few places of work, which users have in turn however much each of them asks for."""

import threading
from collections import Counter, deque
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from time import monotonic

from shared.web.errors import ApiError, overloaded

_CHECK_INTERVAL = 0.5


class FairQueue:
    """At most ``places`` blocks run at a time; the others wait, those of one user in a row.

    Args:
        limit: how many may run and wait.
        limit_per_user: how many of them may be of one user.
        places: how many may run.
        refuse_user: makes the error of a user who has too many.
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
            user: whose work it is: an account, or an address.
            deadline: until when, of the monotonic clock, the turn must have come.
            is_gone: whether nobody wants the result any more.

        Raises:
            ApiError: too much waits already, the turn did not come in time, or nobody waits for it.
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
            # The user whose block has just ended goes behind all others.
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

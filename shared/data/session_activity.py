"""When sessions were last used, which the auth service learns of once a day and session."""

import time
from collections.abc import Callable
from datetime import timedelta
from threading import Lock

from flask import Flask, Response, g

from shared.data.background import repeat
from shared.data.client import ServiceClient

_DAY_SECONDS = timedelta(days=1).total_seconds()
_REPORT_INTERVAL = 60
_MAX_SESSIONS = 100_000  # Remembered; beyond it, some are reported twice a day.
_MAX_IDS_PER_REPORT = 1_000


class SessionActivity:
    """The sessions whose tokens came with requests since midnight (UTC), of this process.

    Args:
        report: tells the auth service of some session ids; what fails is reported again.
        clock: the time, in seconds since 1970.
    """

    def __init__(
        self, report: Callable[[list[int]], object], clock: Callable[[], float] = time.time
    ) -> None:
        self._report = report
        self._clock = clock
        self._lock = Lock()
        self._day = 0.0
        self._seen: set[int] = set()
        self._pending: set[int] = set()

    def init_app(self, app: Flask) -> None:
        """Note the session of every request of ``app``; its server reports every minute."""

        @app.after_request
        def note_session(response: Response) -> Response:
            claims = g.get("claims")
            if claims is not None and claims.session_id is not None:
                self.note(claims.session_id)
            return response

        repeat(app, self.report_sessions, _REPORT_INTERVAL)

    def note(self, session_id: int) -> None:
        """Remember that a session was used."""
        day = self._clock() // _DAY_SECONDS
        if day == self._day and session_id in self._seen:
            return
        with self._lock:
            if day != self._day or len(self._seen) >= _MAX_SESSIONS:
                self._day = day
                self._seen.clear()
            self._seen.add(session_id)
            if len(self._pending) < _MAX_SESSIONS:
                self._pending.add(session_id)

    def report_sessions(self) -> None:
        """Report what was not reported yet.

        Raises:
            UnreachableError: the auth service did not answer; nothing is lost.
        """
        while self._pending:
            with self._lock:
                batch = sorted(self._pending)[:_MAX_IDS_PER_REPORT]
            self._report(batch)
            with self._lock:
                self._pending.difference_update(batch)


def report_sessions_to(auth: ServiceClient) -> SessionActivity:
    """The activity of sessions in a service that reports it to ``auth``."""
    return SessionActivity(lambda ids: auth.post("/internal/sessions/seen", {"ids": ids}))

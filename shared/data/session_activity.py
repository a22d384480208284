"""Report the use of sessions to the auth service, once a day per session."""

import time
from collections.abc import Callable
from datetime import timedelta
from threading import Lock

from flask import Flask, Response, g

from shared.data.background import repeat
from shared.data.client import ServiceClient

_DAY_SECONDS = timedelta(days=1).total_seconds()
_REPORT_INTERVAL = 60
_MAX_SESSIONS = 100_000  # Beyond this number, some sessions are reported twice a day.
_MAX_IDS_PER_REPORT = 1_000


class SessionActivity:
    """The sessions that were used in this process since midnight (UTC).

    Args:
        report: sends session ids to the auth service; after a failure they are sent again.
        clock: returns the time, in Unix seconds.
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
        """Note the use of a session."""
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
        """Report the sessions that were not reported yet.

        Raises:
            UnreachableError: the auth service did not respond; the sessions are reported later.
        """
        while self._pending:
            with self._lock:
                batch = sorted(self._pending)[:_MAX_IDS_PER_REPORT]
            self._report(batch)
            with self._lock:
                self._pending.difference_update(batch)


def report_sessions_to(auth: ServiceClient) -> SessionActivity:
    """Create the session activity of a service that reports to ``auth``."""
    return SessionActivity(lambda ids: auth.post("/internal/sessions/seen", {"ids": ids}))

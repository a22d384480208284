"""Erase all data of a user in a service, in the background, until nothing is left.

The event about an erased account stores a row, which is processed in small transactions. They can
be interrupted and repeated at any point. They are repeated once after a minute, because a request
that was in flight before may have written more data.
"""

import logging
import threading
from collections import Counter
from collections.abc import Callable, Collection
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, NamedTuple

from flask import Flask
from sqlalchemy import delete, select
from sqlalchemy.orm import Mapped, mapped_column

from shared.data.db import DATABASE_FAILURES, Database
from shared.runtime import runtime_of

log = logging.getLogger(__name__)

_SECOND_PASS_DELAY = timedelta(seconds=60)  # Longer than any request.


class ErasureMixin:
    """Columns of the erasures: one row is an account that may have data left."""

    account_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    requested_at: Mapped[datetime] = mapped_column("wished_at", key="requested_at")


class RemainingErasures(NamedTuple):
    """The numbers of erasures that are not finished.

    Attributes:
        too_recent: need a second pass.
        failed: the log says why.
    """

    too_recent: int
    failed: int


class Erasures:
    """The erasures of one service.

    Args:
        db: the service's database.
        model: its table, with the columns of `ErasureMixin`.
        erase: erases all data of an account; can be repeated or interrupted.
    """

    def __init__(self, db: Database, model: Any, erase: Callable[[int], None]) -> None:
        self._db = db
        self._model = model
        self._erase = erase
        self._wakeup = threading.Event()

    def init_app(self, app: Flask) -> None:
        """Process erasures in the server of ``app``."""
        runtime_of(app).background.append(lambda: self._start(app))

    def schedule(self, account_ids: Collection[int]) -> None:
        """Schedule the erasure of accounts for after the commit of the current transaction."""
        requested_at = datetime.now(UTC)
        self._db.session.execute(
            self._db.insert(self._model).on_conflict_do_nothing(),
            [{"account_id": id_, "requested_at": requested_at} for id_ in sorted(account_ids)],
        )
        self._db.after_commit(self._wakeup.set)

    def process_pending(self) -> RemainingErasures:
        """Process all pending erasures, and return the numbers of those left.

        Raises:
            OperationalError, TimeoutError: the database failed, perhaps for one account only.
        """
        model = self._model
        pending = self._db.session.execute(select(model.account_id, model.requested_at)).all()
        outcomes: Counter[str] = Counter()
        failures: list[Exception] = []
        for row in pending:
            try:
                outcomes[self._process(*row)] += 1
            except DATABASE_FAILURES as failure:
                self._db.release()
                failures.append(failure)
        if failures:
            raise failures[0]
        return RemainingErasures(outcomes["too_recent"], outcomes["failed"])

    def _process(
        self, account_id: int, requested_at: datetime
    ) -> Literal["finished", "too_recent", "failed"]:
        began_at = datetime.now(UTC)
        try:
            self._erase(account_id)
        except DATABASE_FAILURES:
            raise
        except Exception:
            self._db.release()
            log.exception("account_not_erased", extra={"account_id": account_id})
            return "failed"
        if began_at < requested_at + _SECOND_PASS_DELAY:
            return "too_recent"
        with self._db.transaction():
            self._db.session.execute(
                delete(self._model).where(self._model.account_id == account_id)
            )
        log.info("account_erased", extra={"account_id": account_id})
        return "finished"

    def _start(self, app: Flask) -> None:
        def work() -> None:
            while True:
                self._wakeup.clear()
                try:
                    with app.app_context(), self._db.outages_logged("erasures"):
                        self.process_pending()
                except Exception:
                    log.exception("erasures_failed")
                self._wakeup.wait(_SECOND_PASS_DELAY.total_seconds())

        threading.Thread(target=work, name="erasures", daemon=True).start()

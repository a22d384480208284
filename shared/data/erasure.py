"""Erasing what a service keeps of one person, beside its other work, until nothing is left.

The news that an account was erased leaves a wish in the database. It is worked off in small
transactions, which may be interrupted and repeated at any point, and a second time a minute later:
until then a request that was in flight may still have written something.
"""

import logging
import threading
from collections.abc import Callable, Collection
from datetime import UTC, datetime, timedelta
from typing import Any

from flask import Flask
from sqlalchemy import delete, select
from sqlalchemy.orm import Mapped, mapped_column

from shared.data.db import DATABASE_FAILURES, Database
from shared.runtime import runtime_of

log = logging.getLogger(__name__)

_SECOND_PASS_DELAY = timedelta(seconds=60)  # Longer than any request takes.


class ErasureMixin:
    """Columns of the erasures: one row is an account of which something may be left."""

    account_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    wished_at: Mapped[datetime]


class Erasures:
    """The erasures of one service.

    Args:
        db: the service's database.
        model: its table, of the columns of `ErasureMixin`.
        erase: erases everything of an account; harmless when repeated, or interrupted.
    """

    def __init__(self, db: Database, model: Any, erase: Callable[[int], None]) -> None:
        self._db = db
        self._model = model
        self._erase = erase
        self._wakeup = threading.Event()

    def init_app(self, app: Flask) -> None:
        """Let the server of ``app`` work them off."""
        runtime_of(app).background.append(lambda: self._start(app))

    def schedule(self, account_ids: Collection[int]) -> None:
        """Have everything of these accounts erased, once the running transaction is committed."""
        wished_at = datetime.now(UTC)
        self._db.session.execute(
            self._db.insert(self._model).on_conflict_do_nothing(),
            [{"account_id": id_, "wished_at": wished_at} for id_ in sorted(account_ids)],
        )
        self._db.after_commit(self._wakeup.set)

    def process_pending(self) -> int:
        """Erase everything that is wished.

        Returns:
            how many wishes stay: those too young, and those that failed.
        """
        model = self._model
        wishes = self._db.session.execute(select(model.account_id, model.wished_at)).all()
        return len(wishes) - sum(self._process(*schedule) for schedule in wishes)

    def _process(self, account_id: int, wished_at: datetime) -> bool:
        began_at = datetime.now(UTC)
        try:
            self._erase(account_id)
        except DATABASE_FAILURES:
            raise
        except Exception:
            self._db.release()
            log.exception("account_not_erased", extra={"account_id": account_id})
            return False
        if began_at < wished_at + _SECOND_PASS_DELAY:
            return False
        with self._db.transaction():
            self._db.session.execute(
                delete(self._model).where(self._model.account_id == account_id)
            )
        log.info("account_erased", extra={"account_id": account_id})
        return True

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

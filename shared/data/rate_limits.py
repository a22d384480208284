"""Counters of limits per hour or longer, shared by replicas and kept across restarts."""

import hashlib
import time
from typing import Any

from limits.storage import Storage
from sqlalchemy import String, bindparam, case, delete, select
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Mapped, mapped_column

from shared.data.db import Database


class LimitCounterMixin:
    """Columns of the counters. The key is a digest, because it can contain an e-mail address."""

    key: Mapped[str] = mapped_column(String(64), primary_key=True)
    count: Mapped[int]
    expires_at: Mapped[float] = mapped_column(index=True, comment="Unix seconds")


class DatabaseStorage(Storage):
    """Counters in the service's own database; must not be used inside a transaction.

    Args:
        db: the service's database.
        model: its table, with the columns of `LimitCounterMixin`.
    """

    STORAGE_SCHEME = None

    def __init__(self, db: Database, model: Any) -> None:
        super().__init__()
        self._db = db
        self._model = model
        self._counter = select(model.count, model.expires_at).where(
            model.key == bindparam("key"), model.expires_at > bindparam("now")
        )

    @property
    def base_exceptions(self) -> type[Exception]:
        """The exceptions of the storage."""
        return OperationalError

    def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        """Increment a counter, which expires ``expiry`` seconds after its first increment."""
        model, now = self._model, time.time()
        is_over = model.expires_at <= now
        new = self._db.insert(model).values(key=_digest(key), count=amount, expires_at=now + expiry)
        upsert = new.on_conflict_do_update(
            index_elements=["key"],
            set_={
                "count": case((is_over, amount), else_=model.count + amount),
                "expires_at": case((is_over, now + expiry), else_=model.expires_at),
            },
        ).returning(model.count)
        with self._db.transaction():
            return int(self._db.session.execute(upsert).scalar_one())

    def get(self, key: str) -> int:
        """Get a counter."""
        row = self._read(key)
        return row.count if row else 0

    def get_expiry(self, key: str) -> float:
        """Get the end of the window, as a Unix time."""
        row = self._read(key)
        return row.expires_at if row else time.time()

    def clear(self, key: str) -> None:
        """Delete a counter."""
        with self._db.transaction():
            self._db.session.execute(delete(self._model).where(self._model.key == _digest(key)))

    def reset(self) -> int | None:
        """Delete all counters."""
        with self._db.transaction():
            self._db.session.execute(delete(self._model))
        return None

    def check(self) -> bool:
        """Whether the storage works."""
        return True

    def delete_expired(self) -> None:
        """Delete the expired counters."""
        with self._db.transaction():
            self._db.session.execute(
                delete(self._model).where(self._model.expires_at <= time.time())
            )

    def _read(self, key: str) -> Any:
        return self._db.execute(self._counter, key=_digest(key), now=time.time()).first()


def _digest(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()


def redis_counters(url: str | None) -> Storage | None:
    """Create counters in Redis, shared by all its users; None without a URL."""
    if url is None:
        return None
    from shared.data.rate_limits_in_redis import FailFastRedisStorage  # noqa: PLC0415 - 6 MB, only with REDIS_URL

    return FailFastRedisStorage(url)

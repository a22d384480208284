"""Transactional outbox: an event is stored with the change, and delivered after the commit.

An event is a row in the transaction of the change. It is delivered right after the commit; after a
failure, the relay retries with backoff until the consumer has accepted every event. Events contain
whole states and versions, so duplicates and late events are harmless.
"""

import logging
import threading
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import accumulate, chain
from typing import Any, TypedDict

from flask import Flask
from prometheus_client import Gauge
from sqlalchemy import (
    JSON,
    BindParameter,
    Select,
    bindparam,
    delete,
    exists,
    func,
    insert,
    select,
    update,
)
from sqlalchemy.orm import Mapped, mapped_column

from shared.data.client import ServiceClient, UnreachableError
from shared.data.columns import UtcDateTime
from shared.data.db import Database
from shared.metrics import update_gauges_periodically
from shared.runtime import runtime_of

log = logging.getLogger(__name__)

_outbox_depth = Gauge(
    "ims_outbox_backlog",
    "Undelivered events, by consumer; every replica of a service reports the same value.",
    ["consumer"],
    multiprocess_mode="livemostrecent",
)
_outbox_oldest = Gauge(
    "ims_outbox_oldest_age_seconds",
    "Age of the oldest undelivered event, by consumer; every replica reports the same value.",
    ["consumer"],
    multiprocess_mode="livemostrecent",
)

_BATCH = 100
_DIRECT_DELIVERY_TIMEOUT = timedelta(seconds=10)  # Longer than any direct delivery.
_LEASE = timedelta(seconds=30)
_MAX_BACKOFF = timedelta(seconds=60)
_OVERDUE_AFTER = timedelta(minutes=10)
_POLL_INTERVAL = 0.5


class Event(TypedDict):
    """An event for another service: its type, and the whole state of its subject."""

    type: str
    state: dict[str, Any]


class Backlog(TypedDict):
    """The undelivered events of one consumer."""

    consumer: str
    events: int
    seconds_old: int
    """Age of the oldest; 0 if there is none."""
    attempts: int
    """Of the event that was tried most often; 0: none has failed."""


class OutboxMixin:
    """Columns of an outbox: one row is one event that one consumer has not accepted yet."""

    id: Mapped[int] = mapped_column(primary_key=True)
    consumer: Mapped[str] = mapped_column(index=True)
    event: Mapped[dict[str, Any]] = mapped_column(JSON)
    attempts: Mapped[int] = mapped_column(default=0)
    due_at: Mapped[datetime] = mapped_column(index=True)
    created_at: Mapped[datetime]


class Outbox:
    """The outbox of one service.

    Args:
        db: the service's database.
        model: its outbox table, with the columns of `OutboxMixin`.
    """

    def __init__(self, db: Database, model: Any) -> None:
        self._db = db
        self._model = model
        self.consumers: dict[str, ServiceClient] = {}

    def init_app(self, app: Flask, consumers: dict[str, ServiceClient]) -> None:
        """Set the consumers, and run the relay in the server of ``app``."""
        self.consumers = consumers
        runtime_of(app).background.append(lambda: self._start_relay(app))
        update_gauges_periodically(app, self._update_gauges)

    def add(self, event: Event, consumers: Iterable[str] | None = None) -> None:
        """Send ``event`` to ``consumers`` (default: all) after the commit of the current
        transaction.
        """
        now = datetime.now(UTC)
        rows = [
            {
                "consumer": consumer,
                "event": event,
                "attempts": 0,
                "due_at": now + _DIRECT_DELIVERY_TIMEOUT,
                "created_at": now,
            }
            for consumer in (self.consumers if consumers is None else consumers)
        ]
        if not rows:
            return
        self._db.session.flush()
        added = self._db.session.execute(
            insert(self._model).returning(self._model.id, self._model.consumer), rows
        )
        undelivered: dict[str, list[int]] | None = self._db.transaction_state.get("outbox")
        if undelivered is None:
            undelivered = self._db.transaction_state["outbox"] = {}
            self._db.after_commit(partial(self._deliver_now, undelivered))
        for row_id, consumer in added:
            undelivered.setdefault(consumer, []).append(row_id)

    def deliver_due(self) -> int:
        """Deliver the due events; called by the relay.

        Returns:
            the number of accepted events.
        """
        return sum(chain.from_iterable(map(self._delivery_loop, self.consumers)))

    def backlog(self) -> list[Backlog]:
        """List the undelivered events by consumer."""
        result = self._db.session.execute(
            select(
                self._model.consumer,
                func.count(),
                func.min(self._model.created_at, type_=UtcDateTime()),
                func.max(self._model.attempts),
            ).group_by(self._model.consumer)
        )
        rows = {consumer: rest for consumer, *rest in result}
        now = datetime.now(UTC)
        return [
            Backlog(
                consumer=consumer,
                events=count,
                seconds_old=round((now - oldest_at).total_seconds()),
                attempts=attempts,
            )
            for consumer in self.consumers
            for count, oldest_at, attempts in [rows.get(consumer, (0, now, 0))]
        ]

    def replay(self, consumer: str) -> Iterator[int]:
        """Deliver the events of ``consumer``, due or not, until none is left or a delivery fails.

        Can run beside relays: duplicates are harmless.

        Yields:
            the number of accepted events so far.
        """
        with self._db.transaction():
            self._db.session.execute(
                update(self._model)
                .where(self._model.consumer == consumer)
                .values(due_at=datetime.now(UTC))
            )
        return accumulate(self._delivery_loop(consumer))

    def backlog_size(self) -> int:
        """Count the undelivered events."""
        count = select(func.count()).select_from(self._model)
        undelivered: int = self._db.session.execute(count).scalar_one()
        return undelivered

    def _delivery_loop(self, consumer: str) -> Iterator[int]:
        """Deliver due events until none is left or one fails; yield the size of each batch."""
        while (batch := self._lease(consumer)) and self._deliver(consumer, batch):
            yield len(batch)

    def pending_events(self) -> Iterator[dict[str, Any]]:
        """Yield the undelivered events, each with its consumer."""
        events = select(self._model.consumer, self._model.event)
        with self._db.snapshot():
            for consumer, event in self._db.session.execute(
                events, execution_options={"yield_per": _BATCH}
            ):
                yield {"consumer": consumer, **event}

    def overdue(self) -> Select[int, str, int]:
        """Select the events whose delivery has failed for long: id, consumer, attempts."""
        longest_ago: BindParameter[datetime] = bindparam(
            None, callable_=lambda: datetime.now(UTC) - _OVERDUE_AFTER
        )
        return select(self._model.id, self._model.consumer, self._model.attempts).where(
            self._model.created_at < longest_ago
        )

    def _update_gauges(self) -> None:
        backlog = select(
            self._model.consumer, func.count(), func.min(self._model.created_at)
        ).group_by(self._model.consumer)
        with self._db.outages_logged("outbox gauges"):
            undelivered = {row[0]: row[1:] for row in self._db.session.execute(backlog)}
            now = datetime.now(UTC)
            for consumer in self.consumers:
                count, oldest = undelivered.get(consumer, (0, now))
                _outbox_depth.labels(consumer).set(count)
                _outbox_oldest.labels(consumer).set((now - oldest).total_seconds())

    def _deliver_now(self, added: dict[str, list[int]]) -> None:
        for consumer, row_ids in added.items():
            if self._has_failures(consumer):
                continue  # The relay delivers later: a hung consumer must not slow requests down.
            rows = self._db.session.execute(
                select(self._model.id, self._model.event)
                .where(self._model.id.in_(row_ids))
                .order_by(self._model.id)
            ).all()
            self._deliver(consumer, [(row_id, event) for row_id, event in rows])

    def _has_failures(self, consumer: str) -> bool:
        tried = exists().where(self._model.consumer == consumer, self._model.attempts > 0)
        return bool(self._db.session.execute(select(tried)).scalar_one())

    def _lease(self, consumer: str) -> list[tuple[int, Event]]:
        """Lease the oldest due events, so that other relays skip them during the delivery."""
        now = datetime.now(UTC)
        due = (
            select(self._model.id)
            .where(self._model.consumer == consumer, self._model.due_at <= now)
            .order_by(self._model.id)
            .limit(_BATCH)
        )
        if self._db.session.execute(due.limit(1)).first() is None:
            return []
        with self._db.transaction():
            rows = self._db.session.execute(
                update(self._model)
                .where(self._model.id.in_(due.with_for_update(skip_locked=True)))
                .values(due_at=now + _LEASE)
                .returning(self._model.id, self._model.event)
            ).all()
        return sorted(((row_id, event) for row_id, event in rows), key=lambda row: row[0])

    def _deliver(self, consumer: str, batch: list[tuple[int, Event]]) -> bool:
        row_ids = [row_id for row_id, _ in batch]
        try:
            self.consumers[consumer].post(
                "/internal/events", {"events": [event for _, event in batch]}
            )
        except UnreachableError as failure:
            log.warning(
                "event_delivery_failed",
                extra={"consumer": consumer, "failure": str(failure.__cause__ or failure)},
            )
            self._schedule_retry(row_ids)
            return False
        with self._db.transaction():
            self._db.session.execute(delete(self._model).where(self._model.id.in_(row_ids)))
        return True

    def _schedule_retry(self, row_ids: list[int]) -> None:
        with self._db.transaction():
            attempts = self._db.session.execute(
                select(func.max(self._model.attempts)).where(self._model.id.in_(row_ids))
            ).scalar()
            wait = min(timedelta(seconds=2 ** min(attempts or 0, 6)), _MAX_BACKOFF)
            self._db.session.execute(
                update(self._model)
                .where(self._model.id.in_(row_ids))
                .values(attempts=self._model.attempts + 1, due_at=datetime.now(UTC) + wait)
            )

    def _start_relay(self, app: Flask) -> None:
        stopped = threading.Event()

        def relay() -> None:
            while not stopped.wait(_POLL_INTERVAL):
                try:
                    with app.app_context(), self._db.outages_logged("relay"):
                        self.deliver_due()
                except Exception:
                    log.exception("relay_failed")

        threading.Thread(target=relay, name="outbox-relay", daemon=True).start()

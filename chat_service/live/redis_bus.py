"""The bus of a service with several processes: one Redis stream that all of them read."""

import logging
import uuid
from collections import deque
from collections.abc import Callable, Iterable
from itertools import islice
from typing import Any

import gevent
from gevent.event import Event
from redis import Redis
from redis.exceptions import RedisError

from chat_service.live.bus import MARK_TTL, MAX_MARKS, Handler, get_position
from chat_service.live.frames import START, LiveEvent, Mark, Position
from chat_service.live.redis_scripts import (
    ACKNOWLEDGE,
    POSITION_WIDTH,
    PUBLISH,
    RESERVE,
    mark_from_text,
    mark_to_text,
    position_from_text,
)
from chat_service.live.replay import RETENTION
from shared.data.redis_pool import redis_pool

log = logging.getLogger(__name__)

_STREAM = "ims:live:events"
_LAST = "ims:live:last"
_SESSION = "ims:live:session:"
_RESERVED = "ims:live:reserved:"
_MAX_STREAM_LENGTH = 20_000
_MAX_PENDING = 10_000
MAX_CONNECTIONS = 16
"""Maximum connections of one process to Redis."""
_BATCH = 500
_BLOCK_SECONDS = 2
_RETRY_DELAY = 0.5
_EVENTS_PER_ENTRY = 2  # An event, and perhaps a following one; each has its position.


class RedisBus:
    """The bus of a service with several processes: one Redis stream that all of them read.

    While Redis is unreachable, events are queued, and no request fails.

    Args:
        url: the URL of a Redis or Valkey server.
        handler: called with each event.
        refresh_members: reads the current members of an event's room, because events of different
            processes may arrive out of order.
        resync: called when Redis is reachable again, because events may have been lost.
    """

    def __init__(
        self,
        url: str,
        handler: Handler,
        refresh_members: Callable[[LiveEvent], LiveEvent],
        resync: Callable[[], None],
    ) -> None:
        self._handler = handler
        self._refresh_members = refresh_members
        self._resync = resync
        self._process: str
        self._reader = _create_client(url, _BLOCK_SECONDS + 3)
        self._writer = _create_client(url, 1)
        self._publish_script = self._writer.register_script(PUBLISH)
        self._acknowledge_script = self._writer.register_script(ACKNOWLEDGE)
        self._reserve_script = self._writer.register_script(RESERVE)
        self._seen = START
        self._last_entry = START
        self._sent_count = 0
        self._last_number_by_sender: dict[bytes, int] = {}
        self._pending: deque[LiveEvent] = deque(maxlen=_MAX_PENDING)
        self._has_pending = Event()
        self._marks: dict[str, Mark] = {}  # Marks that are not stored in Redis yet.
        self._has_marks = Event()
        self._is_unavailable = False

    def start(self) -> None:
        """Read the retained events, which a new socket may have missed, then start greenlets."""
        self._process = uuid.uuid4().hex  # Workers are forked after the constructor has run.
        try:
            self._read_again(self._join())
        except RedisError as failure:
            self._mark_unavailable(failure)
        gevent.spawn(self._read_loop)
        gevent.spawn(self._send_loop)
        gevent.spawn(self._acknowledge_loop)

    def publish(self, events: Iterable[LiveEvent]) -> None:
        """See `Bus`."""
        self._pending.extend(events)
        self._has_pending.set()

    def resume(self, session_id: str, position: Position) -> Mark | None:
        """See `Bus`."""
        if self._is_unavailable:
            return None
        key = _SESSION + session_id
        pipeline = self._writer.pipeline()
        pipeline.get(key)
        pipeline.set(key, mark_to_text(Mark(position)), ex=MARK_TTL, nx=True)
        pipeline.expire(key, MARK_TTL)
        try:
            text, *_ = pipeline.execute()
        except RedisError as failure:
            self._mark_unavailable(failure)
            return None
        marks = [self._marks[session_id]] if session_id in self._marks else []
        if text:
            marks.append(mark_from_text(text.decode()))
        return max(marks, key=get_position, default=None)

    def acknowledge(self, session_id: str, mark: Mark) -> None:
        """See `Bus`. A greenlet sends the marks of all sessions together."""
        queued = self._marks.pop(session_id, mark)
        self._marks[session_id] = max(mark, queued, key=get_position)
        if len(self._marks) > MAX_MARKS:
            del self._marks[next(iter(self._marks))]
        self._has_marks.set()

    def reserve(self, name: str, interval: float) -> float | None:
        """See `Bus`. Without Redis nothing is reserved: events are queued anyway."""
        try:
            left: int = self._reserve_script([_RESERVED + name], [int(interval * 1000)])
        except RedisError as failure:
            self._mark_unavailable(failure)
            return interval
        return left / 1000 if left >= 0 else None

    def _acknowledge_loop(self) -> None:
        while True:
            self._has_marks.wait()
            self._has_marks.clear()
            while batch := dict(islice(self._marks.items(), _BATCH)):
                keys = [_SESSION + session_id for session_id in batch]
                marks = [mark_to_text(mark) for mark in batch.values()]
                try:
                    self._acknowledge_script(keys, [MARK_TTL, POSITION_WIDTH, *marks])
                except RedisError as failure:
                    self._mark_unavailable(failure)
                    gevent.sleep(_RETRY_DELAY)
                    continue
                for session_id, mark in batch.items():
                    if self._marks.get(session_id) is mark:
                        del self._marks[session_id]

    def _read_loop(self) -> None:
        while True:
            try:
                if self._is_unavailable:
                    now = self._join()
                    self._is_unavailable = False
                    log.warning("redis_reachable_again")
                    self._resync()  # Before any event is dispatched.
                    self._read_again(now)
                self._read(block=_BLOCK_SECONDS * 1000)
            except RedisError as failure:
                self._mark_unavailable(failure)
                gevent.sleep(_RETRY_DELAY)

    def _join(self) -> int:
        """Advance the last position in Redis to what this process has seen.

        Returns:
            the time of Redis's clock, in milliseconds.
        """
        return int(self._publish_batch([]))

    def _read_again(self, now: int) -> None:
        """Read the whole stream, and dispatch events that were not dispatched before."""
        self._last_entry = START
        while self._read(block=None, now=now):
            pass

    def _read(self, block: int | None, now: int = 0) -> bool:
        """Read and dispatch the next events.

        Args:
            block: milliseconds to wait for events.
            now: the time of Redis's clock in milliseconds, to compute the age of older events.

        Returns:
            whether there were any.
        """
        after = "{}-{}".format(*self._last_entry)
        response: Any = self._reader.xread({_STREAM: after}, _BATCH, block)
        for _stream, entries in response:
            for entry, fields in entries:
                self._last_entry = position_from_text(entry.decode())
                age = max(now - self._last_entry[0], 0) / 1000
                self._dispatch_once(
                    fields[b"sender"], int(fields[b"number"]), fields[b"event"], age
                )
                gevent.sleep(0)  # Let other greenlets run.
        return bool(response)

    def _dispatch_once(self, sender: bytes, number: int, encoded: bytes, age: float) -> None:
        """Dispatch an event, unless it repeats one: its sender may have missed Redis's response."""
        if number <= self._last_number_by_sender.get(sender, 0):
            return
        self._last_number_by_sender[sender] = number
        try:
            event = LiveEvent.from_bytes(encoded)
            if event.joined or event.removed:
                event = self._refresh_members(event)
            milliseconds, entry_number = self._last_entry
            position = milliseconds, _EVENTS_PER_ENTRY * entry_number
            self._seen = max(position, (self._seen[0], self._seen[1] + 1))
            self._handler(self._seen, event, age)
            if event.following is not None:
                self._seen = self._seen[0], self._seen[1] + 1
                self._handler(self._seen, event.following, age)
        except Exception:
            log.exception("live_event_failed")

    def _send_loop(self) -> None:
        while True:
            self._has_pending.wait()
            self._has_pending.clear()
            while self._pending:
                batch = [self._pending.popleft() for _ in range(min(_BATCH, len(self._pending)))]
                while not self._try_send(batch):
                    gevent.sleep(_RETRY_DELAY)
                self._sent_count += len(batch)

    def _try_send(self, batch: list[LiveEvent]) -> bool:
        try:
            self._publish_batch(batch)
            return True
        except RedisError as failure:
            self._mark_unavailable(failure)
            return False

    def _publish_batch(self, batch: list[LiveEvent]) -> Any:
        limits = RETENTION * 1000, _MAX_STREAM_LENGTH
        sender = self._process, self._sent_count + 1
        encoded = [event.to_bytes() for event in batch]
        milliseconds, number = self._seen
        seen = milliseconds, number // _EVENTS_PER_ENTRY + 1
        return self._publish_script([_STREAM, _LAST], [*seen, *limits, *sender, *encoded])

    def _mark_unavailable(self, failure: RedisError) -> None:
        if not self._is_unavailable:
            self._is_unavailable = True
            log.error("redis_unreachable", extra={"failure": str(failure)})


def _create_client(url: str, timeout: float) -> Any:
    return Redis.from_pool(
        redis_pool(url, max_connections=MAX_CONNECTIONS, connect_timeout=1, timeout=timeout)
    )

"""How notices reach every process, and what each session has acknowledged of them."""

import logging
import threading
import uuid
from collections import deque
from collections.abc import Callable, Iterable
from itertools import islice
from time import monotonic
from typing import Any, Protocol

import gevent
from gevent.event import Event
from redis import Redis
from redis.exceptions import RedisError

from chat_service.live.audience import KEPT_SECONDS
from chat_service.live.frames import START, Mark, Notice, Position
from chat_service.live.sockets import MARK_REFRESH_INTERVAL
from shared.data.redis_pool import redis_pool

log = logging.getLogger(__name__)

Take = Callable[[Position, Notice, float], None]

_STREAM = "ims:live:events"
_LAST = "ims:live:last"
_SESSION = "ims:live:session:"
_RESERVED = "ims:live:reserved:"
_MARK_TTL = int(2 * MARK_REFRESH_INTERVAL)
_MAX_MARKS = 100_000
_MAX_RESERVED = 10_000
_MAX_STREAM_LENGTH = 20_000
_MOST_WAITING = 10_000
MOST_CONNECTIONS = 16
"""To Redis, of one process."""
_BATCH = 500
_READ_SECONDS = 2
_PAUSE = 0.5  # Between two attempts to reach Redis.


class Bus(Protocol):
    """What carries notices from the process where something happened to all that listen."""

    def start(self) -> None:
        """Begin to carry, in a process that has an event loop."""

    def publish(self, notices: Iterable[Notice]) -> None:
        """Send notices on their way, in this order. Never waits, never fails."""

    def resume(self, session_id: str, position: Position) -> Mark | None:
        """What a session has acknowledged, on whichever process its sockets were.

        Returns:
            None if it is new: it begins at ``position``.
        """

    def acknowledge(self, session_id: str, mark: Mark) -> None:
        """Note what a session has acknowledged. Never waits, never fails, never goes back."""

    def reserve(self, name: str, interval: float) -> float | None:
        """Reserve the next moment for something that any process does at most once an interval.

        Returns:
            seconds until then; None if somebody has reserved it already.
        """


class LocalBus:
    """The bus of a service that is one process.

    Args:
        take: what is done with each notice.
    """

    def __init__(self, take: Take) -> None:
        self._take = take
        self._last = START
        self._marks: dict[str, tuple[Mark, float]] = {}  # The one refreshed longest ago is first.
        self._taking = threading.Lock()
        self._reserved: dict[str, float] = {}

    def start(self) -> None:
        """Nothing is needed."""

    def publish(self, notices: Iterable[Notice]) -> None:
        """Let them be taken, before this returns."""
        with self._taking:
            for notice in notices:
                self._last = int(monotonic() * 1000), self._last[1] + 1
                self._take(self._last, notice, 0)

    def resume(self, session_id: str, position: Position) -> Mark | None:
        """See `Bus`."""
        mark, _ = self._marks.get(session_id, (None, 0))
        self._store(session_id, mark or Mark(position))
        return mark

    def acknowledge(self, session_id: str, mark: Mark) -> None:
        """See `Bus`."""
        known, _ = self._marks.get(session_id, (mark, 0))
        self._store(session_id, max(mark, known, key=_place))

    def reserve(self, name: str, interval: float) -> float | None:
        """See `Bus`."""
        now = monotonic()
        if len(self._reserved) > _MAX_RESERVED:
            self._reserved = {name: end for name, end in self._reserved.items() if end > now}
        left = max(self._reserved.get(name, now) - now, 0)
        if left > interval:
            return None
        self._reserved[name] = now + left + interval
        return left

    def _store(self, session_id: str, mark: Mark) -> None:
        now = monotonic()
        self._marks.pop(session_id, None)
        self._marks[session_id] = mark, now
        oldest = next(iter(self._marks))
        if len(self._marks) > _MAX_MARKS or self._marks[oldest][1] < now - _MARK_TTL:
            del self._marks[oldest]


# Places on the bus only ever grow, whatever clocks do: the millisecond is Redis's own, unless
# that lies behind the last place or behind what the sender has seen. (Redis may have lost its
# memory, or be another server since.) The stream expires; the last place does not.
_PUBLISH = """
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local moment, number = now, 0
local function raise(m, n)
    if m > moment or (m == moment and n > number) then moment, number = m, n end
end
raise(tonumber(ARGV[1]), tonumber(ARGV[2]))
local last = redis.call('HMGET', KEYS[2], 'moment', 'number')
raise(tonumber(last[1] or 0), tonumber(last[2] or 0))
local sender, count = ARGV[5], tonumber(ARGV[6])
for i = 7, #ARGV do
    number = number + 1
    redis.call('XADD', KEYS[1], string.format('%.0f-%.0f', moment, number),
        'sender', sender, 'number', string.format('%.0f', count), 'notice', ARGV[i])
    count = count + 1
end
redis.call('HSET', KEYS[2], 'moment', string.format('%.0f', moment), 'number', number)
if #ARGV >= 7 then
    redis.call('XTRIM', KEYS[1], 'MAXLEN', '~', ARGV[4])
    redis.call('XTRIM', KEYS[1], 'MINID', string.format('%.0f', moment - ARGV[3]))
    redis.call('PEXPIRE', KEYS[1], ARGV[3])
end
return string.format('%.0f', now)
"""
# A mark is text that begins with its position, of a fixed width: the greater is the later.
_ACKNOWLEDGE = """
local width = tonumber(ARGV[2])
for i, key in ipairs(KEYS) do
    local known, mark = redis.call('GET', key), ARGV[i + 2]
    if not known or known:sub(1, width) <= mark:sub(1, width) then
        redis.call('SET', key, mark, 'EX', ARGV[1])
    else
        redis.call('EXPIRE', key, ARGV[1])
    end
end
"""
# A key lives until the end of the interval of what was reserved last.
_RESERVE = """
local left, interval = math.max(redis.call('PTTL', KEYS[1]), 0), tonumber(ARGV[1])
if left > interval then
    return -1
end
redis.call('SET', KEYS[1], 1, 'PX', left + interval)
return left
"""
_POSITION = "{:016d}-{:010d}"
_POSITION_WIDTH = 27


class RedisBus:
    """The bus of a service that is many processes: one Redis stream, which all of them read.

    While Redis cannot be reached, notices wait, and nobody's request fails for it.

    Args:
        url: of the Redis or Valkey server.
        take: what is done with each notice.
        confirm: looks again who is in a room. Two processes may tell of two changes in another
            order than they happened in, but whoever looks after the last sees the truth.
        look_again: done when Redis is reachable again, for some notices may never come.
    """

    def __init__(
        self,
        url: str,
        take: Take,
        confirm: Callable[[Notice], Notice],
        look_again: Callable[[], None],
    ) -> None:
        self._take = take
        self._confirm = confirm
        self._look_again = look_again
        self._process = uuid.uuid4().hex
        self._reading = _client(url, _READ_SECONDS + 3)
        self._talking = _client(url, 1)
        self._publish_script = self._talking.register_script(_PUBLISH)
        self._acknowledge_script = self._talking.register_script(_ACKNOWLEDGE)
        self._reserve_script = self._talking.register_script(_RESERVE)
        self._seen = START
        self._read_up_to = START
        self._sent_count = 0
        self._heard_count: dict[bytes, int] = {}
        self._waiting: deque[Notice] = deque(maxlen=_MOST_WAITING)
        self._has_waiting = Event()
        self._marks: dict[str, Mark] = {}  # Those that Redis may not have yet.
        self._has_marks = Event()
        self._is_down = False

    def start(self) -> None:
        """Read what came of late, which the next newcomer may have missed; then carry on."""
        try:
            self._read_again(self._join())
        except RedisError as failure:
            self._went_down(failure)
        gevent.spawn(self._keep_reading)
        gevent.spawn(self._keep_sending)
        gevent.spawn(self._keep_acknowledging)

    def publish(self, notices: Iterable[Notice]) -> None:
        """See `Bus`."""
        self._waiting.extend(notices)
        self._has_waiting.set()

    def resume(self, session_id: str, position: Position) -> Mark | None:
        """See `Bus`."""
        if self._is_down:
            return None
        key = _SESSION + session_id
        pipeline = self._talking.pipeline()
        pipeline.get(key)
        pipeline.set(key, _mark_to_text(Mark(position)), ex=_MARK_TTL, nx=True)
        pipeline.expire(key, _MARK_TTL)
        try:
            text, *_ = pipeline.execute()
        except RedisError as failure:
            self._went_down(failure)
            return None
        marks = [self._marks[session_id]] if session_id in self._marks else []
        if text:
            marks.append(_mark_from_text(text.decode()))
        return max(marks, key=_place, default=None)

    def acknowledge(self, session_id: str, mark: Mark) -> None:
        """See `Bus`. A greenlet sends the marks of all sessions together."""
        known = self._marks.pop(session_id, mark)
        self._marks[session_id] = max(mark, known, key=_place)
        if len(self._marks) > _MAX_MARKS:
            del self._marks[next(iter(self._marks))]
        self._has_marks.set()

    def reserve(self, name: str, interval: float) -> float | None:
        """See `Bus`. Without Redis, nothing is reserved: notices wait anyway."""
        try:
            left: int = self._reserve_script([_RESERVED + name], [int(interval * 1000)])
        except RedisError as failure:
            self._went_down(failure)
            return interval
        return left / 1000 if left >= 0 else None

    def _keep_acknowledging(self) -> None:
        while True:
            self._has_marks.wait()
            self._has_marks.clear()
            while batch := dict(islice(self._marks.items(), _BATCH)):
                keys = [_SESSION + session_id for session_id in batch]
                marks = [_mark_to_text(mark) for mark in batch.values()]
                try:
                    self._acknowledge_script(keys, [_MARK_TTL, _POSITION_WIDTH, *marks])
                except RedisError as failure:
                    self._went_down(failure)
                    gevent.sleep(_PAUSE)
                    continue
                for session_id, mark in batch.items():
                    if self._marks.get(session_id) is mark:
                        del self._marks[session_id]

    def _keep_reading(self) -> None:
        while True:
            try:
                if self._is_down:
                    now = self._join()
                    self._is_down = False
                    log.warning("redis_reachable_again")
                    self._look_again()  # Before anybody is told anything.
                    self._read_again(now)
                self._read(block=_READ_SECONDS * 1000)
            except RedisError as failure:
                self._went_down(failure)
                gevent.sleep(_PAUSE)

    def _join(self) -> int:
        """Let places on the bus go on from what this process has seen.

        Returns:
            the time by Redis's clock, in milliseconds.
        """
        return int(self._run_publish([]))

    def _read_again(self, now: int) -> None:
        """Take what is in the stream and has not been taken, whatever its places are."""
        self._read_up_to = START
        while self._read(block=None, now=now):
            pass

    def _read(self, block: int | None, now: int = 0) -> bool:
        """Take what has come.

        Args:
            block: how many milliseconds to wait for something.
            now: the time by Redis's clock, if what comes may have been there for a while.

        Returns:
            whether anything has come.
        """
        after = "{}-{}".format(*self._read_up_to)
        answer: Any = self._reading.xread({_STREAM: after}, _BATCH, block)
        for _stream, entries in answer:
            for entry, fields in entries:
                self._read_up_to = _position_from_text(entry.decode())
                age = max(now - self._read_up_to[0], 0) / 1000
                self._take_once(fields[b"sender"], int(fields[b"number"]), fields[b"notice"], age)
                gevent.sleep(0)  # Others want to live as well.
        return bool(answer)

    def _take_once(self, sender: bytes, number: int, packed: bytes, age: float) -> None:
        """Take a notice, unless it was sent again by a process that missed Redis's answer."""
        if number <= self._heard_count.get(sender, 0):
            return
        self._heard_count[sender] = number
        try:
            notice = Notice.unpacked(packed)
            if notice.joined or notice.out:
                notice = self._confirm(notice)
            self._seen = max(self._read_up_to, (self._seen[0], self._seen[1] + 1))
            self._take(self._seen, notice, age)
        except Exception:
            log.exception("notice_failed")

    def _keep_sending(self) -> None:
        while True:
            self._has_waiting.wait()
            self._has_waiting.clear()
            while self._waiting:
                batch = [self._waiting.popleft() for _ in range(min(_BATCH, len(self._waiting)))]
                while not self._sent(batch):
                    gevent.sleep(_PAUSE)
                self._sent_count += len(batch)

    def _sent(self, batch: list[Notice]) -> bool:
        try:
            self._run_publish(batch)
            return True
        except RedisError as failure:
            self._went_down(failure)
            return False

    def _run_publish(self, batch: list[Notice]) -> Any:
        limits = KEPT_SECONDS * 1000, _MAX_STREAM_LENGTH
        sender = self._process, self._sent_count + 1
        packed = [notice.packed() for notice in batch]
        return self._publish_script([_STREAM, _LAST], [*self._seen, *limits, *sender, *packed])

    def _went_down(self, failure: RedisError) -> None:
        if not self._is_down:
            self._is_down = True
            log.error("redis_unreachable", extra={"failure": str(failure)})


def _client(url: str, timeout: float) -> Any:
    return Redis.from_pool(
        redis_pool(url, max_connections=MOST_CONNECTIONS, connect_timeout=1, timeout=timeout)
    )


def _mark_to_text(mark: Mark) -> str:
    return " ".join(_POSITION.format(*place) for place in (mark.position, *mark.skipped))


def _mark_from_text(text: str) -> Mark:
    position, *skipped = (_position_from_text(place) for place in text.split())
    return Mark(position, tuple(skipped))


def _position_from_text(text: str) -> Position:
    moment, _, number = text.partition("-")
    return int(moment), int(number)


def _place(mark: Mark) -> Position:
    return mark.position

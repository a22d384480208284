"""How notices reach every process, and how long a person has been away from all of them."""

import logging
import threading
import uuid
from collections import deque
from collections.abc import Callable, Iterable
from time import monotonic, time
from typing import Any, Protocol

import gevent
from gevent.event import Event
from redis import BlockingConnectionPool, Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from chat_service.live.audience import KEPT_SECONDS, Departure
from chat_service.live.frames import Notice, Position

log = logging.getLogger(__name__)

Take = Callable[[Position, Notice], None]

_STREAM = "ims:live:notices"
_PROCESS = "ims:live:process:"
_PERSON = "ims:live:person:"
_MOST_WAITING = 10_000
_SECONDS_FOR_A_TURN = 10
MOST_CONNECTIONS = 16
"""To Redis, of one process."""
_BATCH = 500
_READ_SECONDS = 2
_ALIVE_SECONDS = 6
_PAUSE = 0.5  # Between two attempts to reach Redis.


class Bus(Protocol):
    """What carries notices from the process where something happened to all that listen."""

    def start(self) -> None:
        """Begin to carry, in a process that has an event loop."""

    def publish(self, notices: Iterable[Notice]) -> None:
        """Send notices on their way, in this order. Never waits, never fails."""

    def come(self, user_id: int, until: int) -> Departure | None:
        """Note that a person's first socket here opens, and lasts at most ``until`` (Unix seconds).

        Returns:
            when the person left, if there was no socket anywhere since; only the first to ask
            is told.
        """

    def leave(self, user_id: int, position: Position) -> None:
        """Note that a person's last socket here has closed, told of everything up to there."""


class LocalBus:
    """The bus of a service that is one process.

    Args:
        take: what is done with each notice.
    """

    def __init__(self, take: Take) -> None:
        self._take = take
        self._last: Position = (0, 0)
        self._left: dict[int, Departure] = {}
        self._taking = threading.Lock()

    def start(self) -> None:
        """Nothing is needed."""

    def publish(self, notices: Iterable[Notice]) -> None:
        """Let them be taken, before this returns."""
        with self._taking:
            for notice in notices:
                self._last = (max(self._last[0], _now()), self._last[1] + 1)
                self._take(self._last, notice)

    def come(self, user_id: int, until: int) -> Departure | None:
        """See `Bus`."""
        left = self._left.pop(user_id, None)
        return left if left and left.at > _now() - KEPT_SECONDS * 1000 else None

    def leave(self, user_id: int, position: Position) -> None:
        """See `Bus`."""
        now = _now()
        self._left[user_id] = Departure(position, now)
        while self._left:
            earliest = next(iter(self._left))
            if self._left[earliest].at > now - KEPT_SECONDS * 1000:
                break
            del self._left[earliest]


# A person is a hash: a field for each process where he has sockets, and, when there is none any
# more, ``left``: the position up to which he was told, and the millisecond of his leaving.
# A process that died without a word had better not count: it has a key that expires.
_OTHERS = """
local function elsewhere()
    local found = false
    for _, process in ipairs(redis.call('HKEYS', KEYS[1])) do
        if process ~= 'left' and process ~= ARGV[1] then
            if redis.call('EXISTS', ARGV[2] .. process) == 1 then
                found = true
            else
                redis.call('HDEL', KEYS[1], process)
            end
        end
    end
    return found
end
"""
_COME = f"""{_OTHERS}
local left = redis.call('HGET', KEYS[1], 'left')
redis.call('HDEL', KEYS[1], 'left')
redis.call('HSET', KEYS[1], ARGV[1], 1)
if redis.call('TTL', KEYS[1]) < tonumber(ARGV[3]) then
    redis.call('EXPIRE', KEYS[1], ARGV[3])
end
return not elsewhere() and left
"""
_LEAVE = f"""{_OTHERS}
redis.call('HDEL', KEYS[1], ARGV[1])
if not elsewhere() then
    local now = redis.call('TIME')
    local moment = now[1] .. string.format('%03d', math.floor(now[2] / 1000))
    redis.call('HSET', KEYS[1], 'left', ARGV[3] .. ' ' .. moment)
    redis.call('EXPIRE', KEYS[1], ARGV[4])
end
"""


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
        self._come = self._talking.register_script(_COME)
        self._leave = self._talking.register_script(_LEAVE)
        self._read_up_to: Position = (_now() - KEPT_SECONDS * 1000, 0)
        self._sent_count = 0
        self._heard_count: dict[bytes, int] = {}
        self._waiting: deque[Notice] = deque(maxlen=_MOST_WAITING)
        self._wake = Event()
        self._leaving: dict[int, gevent.Greenlet] = {}
        self._alive_until = 0.0
        self._is_down = False

    def start(self) -> None:
        """Read what came of late, which the next newcomer may have missed; then carry on."""
        try:
            while self._read(block=None):
                pass
        except RedisError as failure:
            self._went_down(failure)
        gevent.spawn(self._keep_reading)
        gevent.spawn(self._keep_sending)

    def publish(self, notices: Iterable[Notice]) -> None:
        """See `Bus`."""
        self._waiting.extend(notices)
        self._wake.set()

    def come(self, user_id: int, until: int) -> Departure | None:
        """See `Bus`."""
        if leaving := self._leaving.get(user_id):
            leaving.join()
        seconds = max(1, until - int(time()) + 60)
        left = self._run(self._come, user_id, seconds)
        if left is None:
            return None
        position, moment = left.decode().split()
        return Departure(_position(position), int(moment))

    def leave(self, user_id: int, position: Position) -> None:
        """See `Bus`. It is called where nothing may wait, so a greenlet of its own does it."""
        leaving = gevent.spawn(self._note_leaving, user_id, position)
        self._leaving[user_id] = leaving
        leaving.link(lambda _: self._leaving.pop(user_id, None))

    def _note_leaving(self, user_id: int, position: Position) -> None:
        self._run(self._leave, user_id, "{}-{}".format(*position), KEPT_SECONDS)

    def _run(self, script: Any, user_id: int, *arguments: Any) -> Any:
        if self._is_down:
            return None
        try:
            return script([f"{_PERSON}{user_id}"], [self._process, _PROCESS, *arguments])
        except RedisError as failure:
            self._went_down(failure)
            return None

    def _keep_reading(self) -> None:
        while True:
            try:
                self._say_alive()
                self._read(block=_READ_SECONDS * 1000)
            except RedisError as failure:
                self._went_down(failure)
                gevent.sleep(_PAUSE)

    def _say_alive(self) -> None:
        if monotonic() < self._alive_until and not self._is_down:
            return
        self._reading.set(_PROCESS + self._process, 1, ex=_ALIVE_SECONDS)
        self._alive_until = monotonic() + _READ_SECONDS
        if self._is_down:
            self._is_down = False
            log.warning("redis_reachable_again")
            self._look_again()

    def _read(self, block: int | None) -> bool:
        """Take what has come.

        Returns:
            whether anything has.
        """
        after = "{}-{}".format(*self._read_up_to)
        answer: Any = self._reading.xread({_STREAM: after}, _BATCH, block)
        for _stream, entries in answer:
            for entry, fields in entries:
                self._read_up_to = _position(entry.decode())
                self._take_once(fields[b"sender"], int(fields[b"number"]), fields[b"notice"])
                gevent.sleep(0)  # Others want to live as well.
        return bool(answer)

    def _take_once(self, sender: bytes, number: int, packed: bytes) -> None:
        """Take a notice, unless it was sent again by a process that missed Redis's answer."""
        if number <= self._heard_count.get(sender, 0):
            return
        self._heard_count[sender] = number
        try:
            notice = Notice.unpacked(packed)
            if notice.joined or notice.out:
                notice = self._confirm(notice)
            self._take(self._read_up_to, notice)
        except Exception:
            log.exception("notice_failed")

    def _keep_sending(self) -> None:
        while True:
            self._wake.wait()
            self._wake.clear()
            while self._waiting:
                batch = [self._waiting.popleft() for _ in range(min(_BATCH, len(self._waiting)))]
                while not self._sent(batch):
                    gevent.sleep(_PAUSE)
                self._sent_count += len(batch)

    def _sent(self, batch: list[Notice]) -> bool:
        pipeline = self._talking.pipeline(transaction=False)
        oldest = str(_now() - KEPT_SECONDS * 1000)
        for number, notice in enumerate(batch, self._sent_count + 1):
            entry = {"sender": self._process, "number": number, "notice": notice.packed()}
            pipeline.xadd(_STREAM, entry, minid=oldest, approximate=True)
        try:
            pipeline.execute()
            return True
        except RedisError as failure:
            self._went_down(failure)
            return False

    def _went_down(self, failure: RedisError) -> None:
        if not self._is_down:
            self._is_down = True
            log.error("redis_unreachable", extra={"failure": str(failure)})


def _client(url: str, timeout: float) -> Any:
    """A client whose commands take turns on a few connections, however many come at once."""
    pool = BlockingConnectionPool.from_url(
        url,
        max_connections=MOST_CONNECTIONS,
        timeout=_SECONDS_FOR_A_TURN,
        socket_connect_timeout=1,
        socket_timeout=timeout,
        retry=Retry(NoBackoff(), 0),
        protocol=2,
    )
    return Redis.from_pool(pool)


def _position(entry: str) -> Position:
    moment, _, number = entry.partition("-")
    return int(moment), int(number)


def _now() -> int:
    return int(time() * 1000)

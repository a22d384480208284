"""Who listens in this process: which sockets a notice goes to, and what a session has missed."""

from collections import deque
from collections.abc import Callable, Collection, Iterable
from itertools import takewhile
from time import monotonic
from typing import Any, NamedTuple

from gevent import get_hub

from chat_service.live.frames import START, Mark, Notice, Position, Render, Wording
from chat_service.live.sockets import TOKEN_ENDED, TOO_MANY_SOCKETS, Listener, Socket
from chat_service.metrics import frames_delivered, sockets_open
from shared.web.authentication import has_ended

REPLAY_SECONDS = 10
KEPT_SECONDS = 2 * REPLAY_SECONDS  # A handshake may take a while, too.
_MOST_KEPT = 10_000
_MOST_REPLAYED = 100
_EASE_SECONDS = 1.0

Acknowledge = Callable[[str, Mark], None]


class Placed(NamedTuple):
    """A notice, its place on the bus, and when it came to this process (monotonic seconds)."""

    position: Position
    notice: Notice
    came_at: float


class Standing(NamedTuple):
    """Which tokens of a person work, and the conversations they are in.

    ``generation`` is None if none work.
    """

    generation: int | None
    session_ends: str
    rooms: set[int]

    def allows(self, listener: Listener) -> bool:
        """Whether the listener's token works."""
        return self.generation == listener.generation and not has_ended(listener, self.session_ends)


class Audience:
    """The open sockets of this process, by account and by conversation.

    Nothing in here waits, so that notices and newcomers never meet halfway.

    Args:
        sockets_per_user: when one more opens, the oldest closes.
        render: how frames are written.
        acknowledge: told what the sockets of a session have acknowledged.

    Attributes:
        seen: the place of the newest notice that came.
    """

    def __init__(self, sockets_per_user: int, render: Render, acknowledge: Acknowledge) -> None:
        self.seen: Position = START
        self.acknowledge = acknowledge
        self._render = render
        self._sockets_per_user = sockets_per_user
        self._people: dict[int, list[Socket]] = {}
        self._rooms: dict[int, set[Socket]] = {}
        self._recent: deque[Placed] = deque(maxlen=_MOST_KEPT)
        self._easing: dict[int, _Easing] = {}

    def take(self, position: Position, notice: Notice, age: float = 0) -> None:
        """Tell everybody whom ``notice`` concerns. Notices are taken in the order of the bus.

        Args:
            position: its place on the bus, later than `seen`.
            notice: what happened.
            age: how many seconds ago it came to the bus.
        """
        now = monotonic()
        self.seen = position
        placed = Placed(position, notice, now - age)
        self._recent.append(placed)
        while self._recent[0].came_at < now - KEPT_SECONDS:
            self._recent.popleft()
        for user_id in notice.joined:
            for socket in self._people.get(user_id, ()):
                self._admit(socket, notice.room)
        for user_id in notice.out:
            for socket in self._people.get(user_id, ()):
                self._expel(socket, notice.room)
        if notice.generation is not None:
            for socket in self._listening(notice):
                _end_if_signed_out(socket, notice.generation, notice.session_ends)
        elif notice.eased:
            self._ease(placed)
        else:
            self._write(placed, self._listening(notice))

    def enter(
        self, socket: Socket, rooms: Collection[int], known: Position, mark: Mark | None
    ) -> None:
        """Let a socket listen, and tell it what its session has not acknowledged.

        Args:
            socket: newly open.
            rooms: the conversations its person was in, as the database had it ...
            known: ... when this was the newest notice.
            mark: what the session has acknowledged; None if it is new.
        """
        user_id = socket.listener.user_id
        mark = mark or Mark(known)
        news = self._later_than(min(mark.position, known, *mark.skipped))
        current = set(rooms)
        for position, notice, _ in news:
            if position > known and user_id in notice.joined:
                current.add(notice.room or 0)
            if position > known and user_id in notice.out:
                current.discard(notice.room or 0)
        mine = self._people.setdefault(user_id, [])
        mine.append(socket)
        sockets_open.inc()
        for room in current:
            self._admit(socket, room)
        oldest = monotonic() - REPLAY_SECONDS
        missed = [
            placed
            for placed in news
            if not mark.covers(placed.position)
            and (placed.position > known or placed.came_at >= oldest)
        ]
        socket.acknowledged = mark
        socket.since = max(self.seen, mark.position)
        self._tell_missed(socket, _worth_telling(missed, user_id, current))
        for _, notice, _ in news:
            if notice.generation is not None and user_id in notice.people:
                _end_if_signed_out(socket, notice.generation, notice.session_ends)
        if len(mine) > self._sockets_per_user:
            mine[0].close(TOO_MANY_SOCKETS)

    def current_mark(self, socket: Socket) -> Mark:
        """What has been written to a socket: everything, except what its rooms hold back."""
        held_back = [
            placed.position
            for room in self._easing.keys() & socket.rooms
            for placed in self._easing[room].waiting
            if placed.position > socket.since
        ]
        return Mark(max(self.seen, socket.since), tuple(sorted(held_back)[-_MOST_REPLAYED:]))

    def leave(self, socket: Socket) -> None:
        """Tell a socket nothing more."""
        for room in tuple(socket.rooms):
            self._expel(socket, room)
        user_id = socket.listener.user_id
        mine = self._people[user_id]
        mine.remove(socket)
        sockets_open.dec()
        if not mine:
            del self._people[user_id]

    def sockets(self) -> list[Socket]:
        """Every socket."""
        return [socket for mine in self._people.values() for socket in mine]

    def correct(self, socket: Socket, standing: Standing) -> None:
        """Let a socket listen to what its person may hear, whatever it listened to before."""
        if socket not in self._people.get(socket.listener.user_id, ()):
            return  # It has closed since.
        if not standing.allows(socket.listener):
            socket.close(TOKEN_ENDED)
            return
        for room in socket.rooms - standing.rooms:
            self._expel(socket, room)
        for room in standing.rooms - socket.rooms:
            self._admit(socket, room)

    def close(self, code: int) -> None:
        """Close every socket."""
        for socket in self.sockets():
            socket.close(code)

    def _admit(self, socket: Socket, room: int | None) -> None:
        if room is not None:
            socket.rooms.add(room)
            self._rooms.setdefault(room, set()).add(socket)

    def _expel(self, socket: Socket, room: int | None) -> None:
        if room in socket.rooms:
            socket.rooms.remove(room)
            inside = self._rooms[room]
            inside.remove(socket)
            if not inside:
                del self._rooms[room]

    def _later_than(self, position: Position) -> list[Placed]:
        later = takewhile(lambda placed: placed.position > position, reversed(self._recent))
        return list(later)[::-1]

    def _listening(self, notice: Notice) -> tuple[Socket, ...]:
        if notice.rooms:
            inside = {socket for room in notice.rooms for socket in self._rooms.get(room, ())}
            return tuple(each for each in inside if notice.is_share_of(each.listener.user_id))
        named = [socket for user in notice.people for socket in self._people.get(user, ())]
        return (*self._rooms.get(notice.room or 0, ()), *named)

    def _tell_missed(self, socket: Socket, missed: Iterable[Placed]) -> None:
        listener = socket.listener
        frames = [
            Wording(each.notice, self._render).to(listener.user_id, listener.base)
            for each in missed
        ]
        if frames:
            socket.write(b"".join(frames))
            frames_delivered.inc(len(frames))

    def _write(self, placed: Placed, sockets: Iterable[Socket]) -> None:
        frames = Wording(placed.notice, self._render)
        delivered = 0
        for socket in sockets:
            if socket.since < placed.position:
                listener = socket.listener
                if frame := frames.to(listener.user_id, listener.base):
                    socket.write(frame)
                    delivered += 1
        frames_delivered.inc(delivered)

    def _ease(self, placed: Placed) -> None:
        """Tell at once what is the first of its room for a second; the newest of the rest later."""
        room = placed.notice.room or 0
        if room in self._easing:
            self._easing[room].add(placed)
        elif listening := self._listening(placed.notice):
            self._write(placed, listening)
            self._easing[room] = _Easing(lambda: self._tell_eased(room))

    def _tell_eased(self, room: int) -> None:
        waiting = self._easing.pop(room).waiting
        if not waiting:
            return
        inside = tuple(self._rooms.get(room, ()))
        actor = waiting[-1].notice.actor
        self._write(waiting[-1], [socket for socket in inside if socket.listener.user_id != actor])
        # Whoever did the newest is not told of it, but of what somebody else did before.
        for placed in waiting[:-1]:
            self._write(placed, [socket for socket in inside if socket.listener.user_id == actor])
        self._easing[room] = _Easing(lambda: self._tell_eased(room))


class _Easing:
    """A second during which a room is told nothing that is eased.

    Attributes:
        waiting: the newest notice, behind the newest that was somebody else's deed.
    """

    __slots__ = ("_timer", "waiting")

    def __init__(self, end: Any) -> None:
        self.waiting: list[Placed] = []
        self._timer = get_hub().loop.timer(_EASE_SECONDS)
        self._timer.start(end, update=True)

    def add(self, placed: Placed) -> None:
        """Let a notice wait, in place of what it makes old."""
        actor = placed.notice.actor
        others = [each for each in self.waiting if each.notice.actor != actor]
        self.waiting = [*others[-1:], placed]


def _end_if_signed_out(socket: Socket, generation: int, ends: str) -> None:
    if socket.listener.generation < generation or has_ended(socket.listener, ends):
        socket.close(TOKEN_ENDED)


def _worth_telling(missed: list[Placed], user_id: int, rooms: Collection[int]) -> Iterable[Placed]:
    """What concerns a person; of what is eased only the newest of each room."""
    found: list[Placed] = []
    eased: set[int | None] = set()
    for placed in reversed(missed):
        notice = placed.notice
        if not notice.is_about(user_id, rooms) or notice.tells(user_id) is None:
            continue
        if notice.eased:
            if notice.room in eased:
                continue
            eased.add(notice.room)
        found.append(placed)
        if len(found) == _MOST_REPLAYED:
            break
    return reversed(found)

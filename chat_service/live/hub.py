"""The open sockets of this process: delivery of events, and replay of missed ones."""

from collections import deque
from collections.abc import Callable, Collection, Iterable
from itertools import takewhile
from time import monotonic
from typing import Any

from gevent import get_hub

from chat_service.live.frames import (
    START,
    TOKEN_EXPIRED,
    TOO_MANY_CONNECTIONS,
    FrameCache,
    LiveEvent,
    Mark,
    Position,
    Render,
)
from chat_service.live.replay import (
    MAX_REPLAYED,
    MAX_RETAINED,
    REPLAY_WINDOW,
    RETENTION,
    StreamEntry,
    current_rooms,
    select_replayable,
)
from chat_service.live.sockets import WebSocketConnection
from chat_service.live.subscriber import Subscriptions
from chat_service.metrics import frames_delivered, sockets_open
from shared.web.account_state import has_ended

_THROTTLE_SECONDS = 1.0

Acknowledge = Callable[[str, Mark], None]


class Hub:
    """The open sockets of this process, by account and by conversation.

    No method switches greenlets, so that registration and dispatch are atomic.

    Args:
        sockets_per_user: maximum number; one more closes the oldest.
        render: converts frames to the names of the API document.
        acknowledge: called with the acknowledged marks of sessions.

    Attributes:
        seen: the position of the last event.
    """

    def __init__(self, sockets_per_user: int, render: Render, acknowledge: Acknowledge) -> None:
        self.seen: Position = START
        self.acknowledge = acknowledge
        self._render = render
        self._sockets_per_user = sockets_per_user
        self._sockets_by_user: dict[int, list[WebSocketConnection]] = {}
        self._rooms: dict[int, set[WebSocketConnection]] = {}
        self._recent: deque[StreamEntry] = deque(maxlen=MAX_RETAINED)
        self._throttles: dict[int, _Throttle] = {}

    def dispatch(self, position: Position, event: LiveEvent, age: float = 0) -> None:
        """Send ``event`` to its recipients. Events are dispatched in the order of the bus.

        Args:
            position: its position on the bus, later than `seen`.
            event: the event.
            age: seconds since its publication.
        """
        now = monotonic()
        self.seen = position
        entry = StreamEntry(position, event, now - age)
        self._recent.append(entry)
        while self._recent[0].arrived_at < now - RETENTION:
            self._recent.popleft()
        for user_id in event.joined:
            for socket in self._sockets_by_user.get(user_id, ()):
                self._join_room(socket, event.room)
        for user_id in event.removed:
            for socket in self._sockets_by_user.get(user_id, ()):
                self._leave_room(socket, event.room)
        if event.generation is not None:
            for socket in self._list_recipients(event):
                _close_if_stale(socket, event.generation, event.session_ends)
        elif event.throttled:
            self._throttle(entry)
        else:
            self._send(entry, self._list_recipients(event))

    def register(
        self,
        socket: WebSocketConnection,
        rooms: Collection[int],
        rooms_at: Position,
        mark: Mark | None,
    ) -> None:
        """Add a socket, and send it the events that its session has not acknowledged.

        Args:
            socket: the new socket.
            rooms: the conversations of the user, as read from the database.
            rooms_at: a position before the read of ``rooms``.
            mark: the mark of the session; None if it is new.
        """
        user_id = socket.subscriber.user_id
        mark = mark or Mark(rooms_at)
        recent = self._list_since(min(mark.position, rooms_at, *mark.skipped))
        current = current_rooms(
            rooms, user_id, (entry for entry in recent if entry.position > rooms_at)
        )
        own_sockets = self._sockets_by_user.setdefault(user_id, [])
        own_sockets.append(socket)
        sockets_open.inc()
        for room in current:
            self._join_room(socket, room)
        oldest = monotonic() - REPLAY_WINDOW
        missed = [
            entry
            for entry in recent
            if not mark.covers(entry.position)
            and (entry.position > rooms_at or entry.arrived_at >= oldest)
        ]
        socket.acknowledged = mark
        socket.last_position = max(self.seen, mark.position)
        self._replay(socket, select_replayable(missed, user_id, current))
        _close_if_any_is_stale(socket, recent)
        if len(own_sockets) > self._sockets_per_user:
            own_sockets[0].close(TOO_MANY_CONNECTIONS)

    def current_mark(self, socket: WebSocketConnection) -> Mark:
        """Get the mark of a socket: all events, except the throttled ones of its rooms."""
        pending = [
            entry.position
            for room in self._throttles.keys() & socket.rooms
            for entry in self._throttles[room].pending
            if entry.position > socket.last_position
        ]
        return Mark(max(self.seen, socket.last_position), tuple(sorted(pending)[-MAX_REPLAYED:]))

    def unregister(self, socket: WebSocketConnection) -> None:
        """Remove a socket."""
        for room in tuple(socket.rooms):
            self._leave_room(socket, room)
        user_id = socket.subscriber.user_id
        own_sockets = self._sockets_by_user[user_id]
        own_sockets.remove(socket)
        sockets_open.dec()
        if not own_sockets:
            del self._sockets_by_user[user_id]

    def list_sockets(self) -> list[WebSocketConnection]:
        """List all sockets."""
        return [socket for own_sockets in self._sockets_by_user.values() for socket in own_sockets]

    def resync(self, socket: WebSocketConnection, subscriptions: Subscriptions) -> None:
        """Replace the rooms of a socket, or close it if its token is not valid any more."""
        if socket not in self._sockets_by_user.get(socket.subscriber.user_id, ()):
            return  # It was closed in the meantime.
        if not subscriptions.accepts(socket.subscriber):
            socket.close(TOKEN_EXPIRED)
            return
        for room in socket.rooms - subscriptions.rooms:
            self._leave_room(socket, room)
        for room in subscriptions.rooms - socket.rooms:
            self._join_room(socket, room)

    def close(self, code: int) -> None:
        """Close all sockets."""
        for socket in self.list_sockets():
            socket.close(code)

    def _join_room(self, socket: WebSocketConnection, room: int | None) -> None:
        if room is not None:
            socket.rooms.add(room)
            self._rooms.setdefault(room, set()).add(socket)

    def _leave_room(self, socket: WebSocketConnection, room: int | None) -> None:
        if room in socket.rooms:
            socket.rooms.remove(room)
            members = self._rooms[room]
            members.remove(socket)
            if not members:
                del self._rooms[room]

    def _list_since(self, position: Position) -> list[StreamEntry]:
        later = takewhile(lambda entry: entry.position > position, reversed(self._recent))
        return list(later)[::-1]

    def _list_recipients(self, event: LiveEvent) -> tuple[WebSocketConnection, ...]:
        if event.rooms:
            members = {socket for room in event.rooms for socket in self._rooms.get(room, ())}
            return tuple(each for each in members if event.is_share_of(each.subscriber.user_id))
        users = [socket for user in event.users for socket in self._sockets_by_user.get(user, ())]
        return (*self._rooms.get(event.room or 0, ()), *users)

    def _replay(self, socket: WebSocketConnection, missed: Iterable[StreamEntry]) -> None:
        subscriber = socket.subscriber
        frames = [
            FrameCache(each.event, self._render).for_user(subscriber.user_id, subscriber.base)
            for each in missed
        ]
        if frames:
            socket.write(b"".join(frames))
            frames_delivered.inc(len(frames))

    def _send(self, entry: StreamEntry, sockets: Iterable[WebSocketConnection]) -> None:
        frames = FrameCache(entry.event, self._render)
        delivered = 0
        for socket in sockets:
            if socket.last_position < entry.position:
                subscriber = socket.subscriber
                if frame := frames.for_user(subscriber.user_id, subscriber.base):
                    socket.write(frame)
                    delivered += 1
        frames_delivered.inc(delivered)

    def _throttle(self, entry: StreamEntry) -> None:
        """Send the first event of a room in a second immediately, and the newest one later."""
        room = entry.event.room or 0
        if room in self._throttles:
            self._throttles[room].add(entry)
        elif recipients := self._list_recipients(entry.event):
            self._send(entry, recipients)
            self._throttles[room] = _Throttle(lambda: self._flush_throttled(room))

    def _flush_throttled(self, room: int) -> None:
        pending = self._throttles.pop(room).pending
        if not pending:
            return
        members = tuple(self._rooms.get(room, ()))
        actor = pending[-1].event.actor
        self._send(pending[-1], [each for each in members if each.subscriber.user_id != actor])
        # The actor of the newest event gets the newest one of another actor instead.
        for entry in pending[:-1]:
            self._send(entry, [each for each in members if each.subscriber.user_id == actor])
        self._throttles[room] = _Throttle(lambda: self._flush_throttled(room))


class _Throttle:
    """A second in which a room gets no throttled event.

    Attributes:
        pending: the newest event of another actor, if there is one, and the newest event.
    """

    __slots__ = ("_timer", "pending")

    def __init__(self, flush: Any) -> None:
        self.pending: list[StreamEntry] = []
        self._timer = get_hub().loop.timer(_THROTTLE_SECONDS)
        self._timer.start(flush, update=True)

    def add(self, entry: StreamEntry) -> None:
        """Add an event, and discard those that it replaces."""
        actor = entry.event.actor
        others = [each for each in self.pending if each.event.actor != actor]
        self.pending = [*others[-1:], entry]


def _close_if_stale(socket: WebSocketConnection, generation: int, ends: str) -> None:
    if socket.subscriber.generation < generation or has_ended(socket.subscriber, ends):
        socket.close(TOKEN_EXPIRED)


def _close_if_any_is_stale(socket: WebSocketConnection, recent: Iterable[StreamEntry]) -> None:
    for entry in recent:
        event = entry.event
        if event.generation is not None and socket.subscriber.user_id in event.users:
            _close_if_stale(socket, event.generation, event.session_ends)

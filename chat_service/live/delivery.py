"""Delivery of live events to the open sockets of all processes."""

import logging
import socket
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import replace
from functools import partial

import gevent
from flask import Flask

from chat_service.config import ChatSettings
from chat_service.live.bus import Bus, LocalBus
from chat_service.live.frames import GOING_AWAY, SERVICE_RESTART, LiveEvent, Mark, Render
from chat_service.live.hub import Hub
from chat_service.live.sockets import WebSocketConnection
from chat_service.live.subscriber import SocketLimits, Subscriber, Subscriptions
from shared.data.db import DATABASE_FAILURES, first_line
from shared.runtime import runtime_of
from shared.web.errors import INVALID_JWT, ApiError

log = logging.getLogger(__name__)

_BATCH = 500
_PROFILE_INTERVAL = 60.0
_MAX_PROFILES_WAITING = 10_000
_SHARE_INTERVAL = 0.5
_MEMBERS_PER_SHARE = 100
_MAX_SHARES = 10

FilterMembers = Callable[[int, Collection[int]], Collection[int]]
LoadSubscriptions = Callable[[Collection[int]], Mapping[int, Subscriptions]]
LoadCircles = Callable[[int, int], tuple[Collection[int], int]]


class LiveDelivery:
    """Delivery of live events in one process.

    Args:
        load_subscriptions: reads the subscriptions of accounts, by id.
        filter_members: selects those accounts that are members of a conversation.
        load_circles: reads the open conversations of an account, and counts their members up to a
            number.
    """

    def __init__(
        self,
        load_subscriptions: LoadSubscriptions,
        filter_members: FilterMembers,
        load_circles: LoadCircles,
    ) -> None:
        self._load_subscriptions = load_subscriptions
        self._filter_members = filter_members
        self._load_circles = load_circles
        self._profiles_waiting = 0
        self._app: Flask
        self._hub: Hub
        self._bus: Bus
        self._limits: SocketLimits

    def init_app(self, app: Flask, settings: ChatSettings, render: Render) -> None:
        """Configure the delivery, and start and stop it with the server of ``app``.

        Args:
            app: the application.
            settings: the settings of the service.
            render: converts frames to the names of the API document.
        """
        self._app = app
        self._limits = SocketLimits(settings.ws_ping_seconds, settings.ws_queue_frames)
        hub = self._hub = Hub(settings.ws_sockets_per_user, render, self._acknowledge)
        if settings.redis_url:
            from chat_service.live.redis_bus import RedisBus  # noqa: PLC0415 - 6 MB, only with REDIS_URL

            resync = partial(self._resync_sockets, app)
            refresh_members = partial(self._with_current_members, app)
            self._bus = RedisBus(settings.redis_url, hub.dispatch, refresh_members, resync)
        else:
            self._bus = LocalBus(hub.dispatch)
        runtime_of(app).background.append(self._bus.start)
        runtime_of(app).at_stop.append(lambda: hub.close(GOING_AWAY))

    def publish(self, events: Iterable[LiveEvent]) -> None:
        """Publish events in this order. To be called after the commit."""
        self._bus.publish(events)

    def announce_profile(self, user_id: int) -> None:
        """Publish a new name or picture to the members of all conversations of an account.

        Publishes at most once per minute, and to many members in shares over several seconds,
        because each recipient fetches the list of conversations.
        """
        if self._profiles_waiting < _MAX_PROFILES_WAITING:
            self._profiles_waiting += 1
            gevent.spawn(self._announce_profile, user_id)

    def _announce_profile(self, user_id: int) -> None:
        try:
            seconds = self._bus.reserve(f"profile:{user_id}", _PROFILE_INTERVAL)
            if seconds is None:
                return
            gevent.sleep(seconds)
            with self._app.app_context():
                rooms, members = self._load_circles(user_id, _MAX_SHARES * _MEMBERS_PER_SHARE)
            shares = min(_MAX_SHARES, 1 + members // _MEMBERS_PER_SHARE)
            for number in range(shares if rooms else 0):
                frame = {"type": "conv_setting"}
                self.publish([LiveEvent(frame=frame, rooms=rooms, share=(number, shares))])
                gevent.sleep(_SHARE_INTERVAL)
        except Exception as failure:
            _log_failure("profile_announcement_failed", failure)
        finally:
            self._profiles_waiting -= 1

    def connect(
        self, connection: socket.socket, handshake_response: bytes, subscriber: Subscriber
    ) -> None:
        """Open a socket, and send it the events that its session has not acknowledged.

        Args:
            connection: the connection of the handshake; detached unless this raises.
            handshake_response: the response to the handshake.
            subscriber: the user.

        Raises:
            ApiError: ``INVALID_JWT``: the account or the session of the token has ended.
        """
        user_id = subscriber.user_id
        rooms_at = self._hub.seen  # Before the query: changes during it have later positions.
        subscriptions = self._load_subscriptions([user_id]).get(user_id)
        if subscriptions is None or not subscriptions.accepts(subscriber):
            raise ApiError(INVALID_JWT)
        mark = self._bus.resume(subscriber.token_id, rooms_at)
        websocket = WebSocketConnection(
            connection, handshake_response, subscriber, self._limits, self._hub
        )
        self._hub.register(websocket, subscriptions.rooms, rooms_at, mark)
        websocket.open()

    def _acknowledge(self, session_id: str, mark: Mark) -> None:
        self._bus.acknowledge(session_id, mark)

    def _with_current_members(self, app: Flask, event: LiveEvent) -> LiveEvent:
        """Replace the joined and removed users of an event by the current state."""
        assert event.room is not None
        users = {*event.joined, *event.removed}
        try:
            with app.app_context():
                members = set(self._filter_members(event.room, users))
        except Exception as failure:
            _log_failure("members_refresh_failed", failure)
            return event
        return replace(event, joined=members, removed=users - members)

    def _resync_sockets(self, app: Flask) -> None:
        """Resynchronize every socket with the database, because events may have been lost."""
        sockets = self._hub.list_sockets()
        users = sorted({socket.subscriber.user_id for socket in sockets})
        none = Subscriptions(None, "", set())
        try:
            with app.app_context():
                batches = (users[at : at + _BATCH] for at in range(0, len(users), _BATCH))
                loaded = {
                    user_id: subscriptions
                    for batch in batches
                    for user_id, subscriptions in self._load_subscriptions(batch).items()
                }
        except Exception as failure:
            _log_failure("sockets_resync_failed", failure)
            self._hub.close(SERVICE_RESTART)
            return
        for each in sockets:
            self._bus.acknowledge(each.subscriber.token_id, each.acknowledged)
            self._hub.resync(each, loaded.get(each.subscriber.user_id, none))


def _log_failure(event: str, failure: Exception) -> None:
    """Log one line if the database is unreachable, and a traceback for other errors."""
    if isinstance(failure, DATABASE_FAILURES):
        log.warning(event, extra={"failure": first_line(failure)})
    else:
        log.error(event, exc_info=failure)

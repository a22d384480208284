"""The way from what happened to the open sockets of everybody concerned, in every process."""

import logging
import socket
from collections.abc import Callable, Collection, Iterable
from dataclasses import replace

from flask import Flask

from chat_service.config import ChatSettings
from chat_service.live.audience import Audience
from chat_service.live.bus import Bus, LocalBus, RedisBus
from chat_service.live.frames import Notice
from chat_service.live.sockets import Limits, Listener, Socket

log = logging.getLogger(__name__)

Among = Callable[[int, Collection[int]], Collection[int]]


class Delivery:
    """Live delivery of one process. Notices that nobody listens to cost next to nothing.

    Args:
        members_among: which of some accounts are in a conversation, as the database has it.
    """

    def __init__(self, members_among: Among) -> None:
        self._members_among = members_among
        self._audience: Audience
        self._bus: Bus
        self._limits: Limits

    def init_app(self, app: Flask, settings: ChatSettings) -> None:
        """Set up by ``settings``; begin and end with the server of ``app``."""
        self._limits = Limits(settings.ws_ping_seconds, settings.ws_queue_frames)
        audience = self._audience = Audience(settings.ws_sockets_per_user)
        if settings.redis_url:
            self._bus = RedisBus(settings.redis_url, audience.take, self._confirmer(app))
        else:
            self._bus = LocalBus(audience.take)
        app.extensions.setdefault("ims.background", []).append(self._bus.start)
        app.extensions.setdefault("ims.stopping", []).append(audience.close)

    def publish(self, notices: Iterable[Notice]) -> None:
        """Tell everybody concerned, in this order. What they tell of has been committed."""
        self._bus.publish(notices)

    def connect(
        self,
        connection: socket.socket,
        consent: bytes,
        listener: Listener,
        rooms: Callable[[], Collection[int]],
    ) -> None:
        """Open a socket and tell it what its person has just missed.

        Args:
            connection: over which the handshake came; taken over unless this raises.
            consent: the answer to the handshake.
            listener: who connects.
            rooms: asks the database which conversations they are in; may refuse by raising.
        """
        known = self._audience.seen  # What changes while the database is asked comes after this.
        current = rooms()
        left = None
        if listener.user_id not in self._audience:
            left = self._bus.come(listener.user_id, listener.expires_at)
        opened = Socket(connection, listener, self._limits, self._forget)
        opened.write(consent)
        self._audience.enter(opened, current, known, left)

    def _forget(self, closed: Socket) -> None:
        self._audience.leave(closed)
        user_id = closed.listener.user_id
        if user_id not in self._audience:
            self._bus.leave(user_id, max(self._audience.seen, closed.since))

    def _confirmer(self, app: Flask) -> Callable[[Notice], Notice]:
        def confirmed(notice: Notice) -> Notice:
            assert notice.room is not None
            moved = {*notice.joined, *notice.out}
            try:
                with app.app_context():
                    inside = set(self._members_among(notice.room, moved))
            except Exception:
                log.exception("members_not_confirmed")
                return notice
            return replace(notice, joined=inside, out=moved - inside)

        return confirmed

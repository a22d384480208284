"""The way from what happened to the open sockets of everybody concerned, in every process."""

import logging
import socket
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import replace
from functools import partial

import gevent
from flask import Flask

from chat_service.config import ChatSettings
from chat_service.live.audience import Audience, Standing
from chat_service.live.bus import Bus, LocalBus, RedisBus
from chat_service.live.frames import Mark, Notice, Render
from chat_service.live.sockets import COME_AGAIN, GOING_AWAY, Limits, Listener, Socket
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

MembersAmong = Callable[[int, Collection[int]], Collection[int]]
StandingOf = Callable[[Collection[int]], Mapping[int, Standing]]
CirclesOf = Callable[[int, int], tuple[Collection[int], int]]


class Delivery:
    """Live delivery of one process. Notices that nobody listens to cost next to nothing.

    Args:
        standing_of: what the database has of some accounts, by id.
        members_among: which of some accounts are in a conversation, as the database has it.
        circles_of: the open conversations of an account, and how many members they have, counted
            up to a number.
    """

    def __init__(
        self, standing_of: StandingOf, members_among: MembersAmong, circles_of: CirclesOf
    ) -> None:
        self._standing_of = standing_of
        self._members_among = members_among
        self._circles_of = circles_of
        self._profiles_waiting = 0
        self._app: Flask
        self._audience: Audience
        self._bus: Bus
        self._limits: Limits

    def init_app(self, app: Flask, settings: ChatSettings, render: Render) -> None:
        """Set up by ``settings``; begin and end with the server of ``app``.

        Args:
            app: whose sockets these are.
            settings: of the service.
            render: how frames are written.
        """
        self._app = app
        self._limits = Limits(settings.ws_ping_seconds, settings.ws_queue_frames)
        audience = self._audience = Audience(
            settings.ws_sockets_per_user, render, self._acknowledge
        )
        if settings.redis_url:
            keeper = partial(self._look_again, app)
            confirm = partial(self._confirmed, app)
            self._bus = RedisBus(settings.redis_url, audience.take, confirm, keeper)
        else:
            self._bus = LocalBus(audience.take)
        runtime_of(app).background.append(self._bus.start)
        runtime_of(app).at_stop.append(lambda: audience.close(GOING_AWAY))

    def publish(self, notices: Iterable[Notice]) -> None:
        """Tell everybody concerned, in this order. What they tell of has been committed."""
        self._bus.publish(notices)

    def announce_profile(self, user_id: int) -> None:
        """Tell the friends and fellow members of an account that its name or picture changed.

        At most once a minute, and over some seconds if they are many: all fetch their lists then.
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
                rooms, members = self._circles_of(user_id, _MAX_SHARES * _MEMBERS_PER_SHARE)
            shares = min(_MAX_SHARES, 1 + members // _MEMBERS_PER_SHARE)
            for number in range(shares if rooms else 0):
                frame = {"type": "conv_setting"}
                self.publish([Notice(frame=frame, rooms=rooms, share=(number, shares))])
                gevent.sleep(_SHARE_INTERVAL)
        except Exception as failure:
            _log_failure("profile_not_announced", failure)
        finally:
            self._profiles_waiting -= 1

    def connect(self, connection: socket.socket, consent: bytes, listener: Listener) -> None:
        """Open a socket and tell it what its session has not acknowledged.

        Args:
            connection: over which the handshake came; taken over unless this raises.
            consent: the answer to the handshake.
            listener: who connects.

        Raises:
            ApiError: ``INVALID_JWT``, if the account is gone or the token is of an earlier life
                of it.
        """
        user_id = listener.user_id
        known = self._audience.seen  # What changes while the database is asked comes after this.
        standing = self._standing_of([user_id]).get(user_id)
        if standing is None or not standing.allows(listener):
            raise ApiError(INVALID_JWT)
        mark = self._bus.resume(listener.token_id, known)
        opened = Socket(connection, consent, listener, self._limits, self._audience)
        self._audience.enter(opened, standing.rooms, known, mark)
        opened.open()

    def _acknowledge(self, session_id: str, mark: Mark) -> None:
        self._bus.acknowledge(session_id, mark)

    def _confirmed(self, app: Flask, notice: Notice) -> Notice:
        """The notice with those who are in and out as of now."""
        assert notice.room is not None
        moved = {*notice.joined, *notice.out}
        try:
            with app.app_context():
                inside = set(self._members_among(notice.room, moved))
        except Exception as failure:
            _log_failure("members_not_confirmed", failure)
            return notice
        return replace(notice, joined=inside, out=moved - inside)

    def _look_again(self, app: Flask) -> None:
        """Correct every socket by the database: what happened meanwhile may never be told."""
        sockets = self._audience.sockets()
        people = sorted({socket.listener.user_id for socket in sockets})
        nobody = Standing(None, "", set())
        try:
            with app.app_context():
                batches = (people[at : at + _BATCH] for at in range(0, len(people), _BATCH))
                standings = {
                    user_id: standing
                    for batch in batches
                    for user_id, standing in self._standing_of(batch).items()
                }
        except Exception as failure:
            _log_failure("sockets_not_corrected", failure)
            self._audience.close(COME_AGAIN)
            return
        for each in sockets:
            self._bus.acknowledge(each.listener.token_id, each.acknowledged)
            self._audience.correct(each, standings.get(each.listener.user_id, nobody))


def _log_failure(event: str, failure: Exception) -> None:
    """Log one line while the database is away, and a trace for anything else."""
    if isinstance(failure, DATABASE_FAILURES):
        log.warning(event, extra={"failure": first_line(failure)})
    else:
        log.error(event, exc_info=failure)

"""Live events over one websocket, with automatic reconnection."""

import json
import random
import socket
import threading
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from typing import Any, Self

from websocket import (
    ABNF,
    WebSocket,
    WebSocketBadStatusException,
    WebSocketException,
    create_connection,
)

from ims_client.client import Client
from ims_client.errors import RefusedError, TokenRefusedError, UnreachableError
from ims_client.events import Arrived, Connected, Deleted, Disconnected, Event, Gone, Hint
from ims_client.models import Message, Page

_SILENCE_SECONDS = 60  # The server pings more often.
_CONVERSATIONS_AT_ONCE = 1000
_FIRST_PAUSE, _LONGEST_PAUSE = 0.25, 15.0
_TOO_MANY_SOCKETS = 4429
_ENDS_CONVERSATIONS = {"remove_members", "delete_friend"}


class Live:
    """An endless iterable of events, for one thread; the other methods are for any thread.

    Of followed conversations it yields every message and every deletion exactly once, messages
    in the order of their conversation, however often the connection or a server breaks. That
    rests on the conversation's version, which each send and each deletion raises by one: a
    message with the next version is new, an older one is not, and a later one shows that messages
    are missing, which are fetched, as are deletions. After a lost connection one request fetches
    the changes of all conversations. Fetched messages do not count as read.

    For all other data it yields the server's hints.

    Args:
        client: of the account; Live takes a copy.
        following: versions of conversations to continue from, as of `following`.

    Raises:
        TokenRefusedError: while iterating: the token is invalid or expired.
        RefusedError: while iterating: the account has opened too many sockets.
    """

    def __init__(self, client: Client, following: Mapping[int, int] | None = None) -> None:
        self._client = client.copy()
        self._versions = dict(following or {})
        self._pending: deque[Event] = deque()
        self._lock = threading.Lock()
        self._closed = threading.Event()
        self._wire: WebSocket | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __iter__(self) -> Iterator[Event]:
        pause = _FIRST_PAUSE
        while not self._closed.is_set():
            try:
                for event in self._listen():
                    if isinstance(event, Connected):
                        pause = _FIRST_PAUSE
                    yield event
            except (WebSocketException, UnreachableError, OSError) as failure:
                if self._closed.is_set():
                    break
                # Jitter: many clients lose a server at the same time.
                wait = pause * random.uniform(0.5, 1.0)
                yield Disconnected(str(failure), wait)
                self._closed.wait(wait)
                pause = min(2 * pause, _LONGEST_PAUSE)
        yield from self._drain()

    @property
    def following(self) -> dict[int, int]:
        """The followed conversations, with the version of the last event of each.

        Save it after `close` and the end of the iteration, when all events were yielded.
        """
        with self._lock:
            return dict(self._versions)

    def follow(self, conversation_id: int, limit: int | None = None) -> Page:
        """Fetch a conversation's messages, and yield later ones from now on.

        Args:
            conversation_id: which.
            limit: only the newest so many messages, or all.

        Raises:
            RefusedError: this account has no access to it.
            UnreachableError: there was no response; it is not followed.
        """
        with self._lock:
            page = self._client.list_messages(conversation_id, limit)
            self._versions[conversation_id] = page.version
            self._drop_pending(conversation_id)
            return page

    def unfollow(self, conversation_id: int) -> None:
        """Stop following a conversation; it then yields only hints."""
        with self._lock:
            self._versions.pop(conversation_id, None)
            self._drop_pending(conversation_id)

    def close(self) -> None:
        """End the iteration after the pending events."""
        self._closed.set()
        self.disconnect()

    def disconnect(self) -> None:
        """Close the connection; the iteration opens another one."""
        if self._wire is not None:
            with suppress(OSError, AttributeError):  # It may just have broken by itself.
                self._wire.abort()

    def _listen(self) -> Iterator[Event]:
        """The events of one connection, until it breaks."""
        wire = self._wire = self._connect()
        try:
            self._catch_up_with_everything()
            with self._lock:
                self._pending.append(Connected())
            while not self._closed.is_set():
                yield from self._drain()
                self._handle_frame(_next_frame(wire))
        finally:
            wire.shutdown()

    def _drain(self) -> Iterator[Event]:
        while True:
            with self._lock:
                if not self._pending:
                    return
                event = self._pending.popleft()
            yield event

    def _connect(self) -> WebSocket:
        address = self._client.base_url.replace("http", "ws", 1)
        try:
            wire: WebSocket = create_connection(
                f"{address}/ws/",
                timeout=_SILENCE_SECONDS,
                subprotocols=["ims", self._client.token],
                sockopt=[(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)],
            )
        except WebSocketBadStatusException as refusal:
            if refusal.status_code == 401:
                raise TokenRefusedError(401, -2, "Invalid or expired JWT") from None
            raise
        return wire

    def _handle_frame(self, frame: dict[str, Any]) -> None:
        with self._lock:
            about = int(frame["conversationId"]) if "conversationId" in frame else None
            if frame["type"] == "notify" and about is not None and about in self._versions:
                self._handle_change(about, frame)
                return
            self._pending.append(Hint(frame["type"], about, frame))
        if frame["type"] in _ENDS_CONVERSATIONS:
            self._catch_up_with_everything()

    def _handle_change(self, conversation_id: int, frame: dict[str, Any]) -> None:
        known = self._versions[conversation_id]
        if "message" not in frame:  # A deletion: the answer says how far it and others go.
            self._catch_up([conversation_id])
            return
        message = Message.of(frame["message"])
        if message.version > known + 1:
            self._catch_up([conversation_id])
        elif message.version > known:
            self._versions[conversation_id] = message.version
            self._add_message(message)

    def _add_message(self, message: Message) -> None:
        is_own = message.sender_id == self._client.id
        self._pending.append(Arrived(message, is_read=is_own))

    def _catch_up_with_everything(self) -> None:
        with self._lock:
            self._catch_up(self._versions)

    def _catch_up(self, conversation_ids: Iterable[int]) -> None:
        """Fetch the changes of followed conversations, until there are no more."""
        waiting = list(conversation_ids)
        while waiting:
            some, waiting = waiting[:_CONVERSATIONS_AT_ONCE], waiting[_CONVERSATIONS_AT_ONCE:]
            changes = self._client.sync_conversations(
                {id_: self._versions[id_] for id_ in some}, others=False
            )
            for change in changes.changed:
                self._add_page(change.conversation.id, change.page)
            for gone in changes.gone:
                del self._versions[gone]
                self._pending.append(Gone(gone))
            waiting += [change.conversation.id for change in changes.changed if change.has_more]

    def _add_page(self, conversation_id: int, page: Page) -> None:
        known = self._versions[conversation_id]
        for message in page.messages:
            if message.version > known:  # A server restored from a backup may send older ones.
                self._add_message(message)
        self._pending.extend(Deleted(conversation_id, each) for each in page.deleted_ids)
        self._versions[conversation_id] = page.version

    def _drop_pending(self, conversation_id: int) -> None:
        """Drop events that another page contains, or of conversations no longer followed."""
        self._pending = deque(each for each in self._pending if _place(each) != conversation_id)


def _place(event: Event) -> int | None:
    """The followed conversation that an event belongs to."""
    if isinstance(event, Arrived):
        return event.message.conversation_id
    return event.conversation_id if isinstance(event, Deleted) else None


def _next_frame(wire: WebSocket) -> dict[str, Any]:
    opcode, payload = wire.recv_data()
    if opcode == ABNF.OPCODE_CLOSE:
        code = int.from_bytes(payload[:2], "big")
        if code == _TOO_MANY_SOCKETS:
            raise RefusedError(429, -429, "Too many sockets of this account")
        raise WebSocketException(f"Closed by the server ({code})")
    frame: dict[str, Any] = json.loads(payload)
    return frame

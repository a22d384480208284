"""The copy of the social service's friendships: each one opens or closes a private conversation."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from marshmallow import EXCLUDE, Schema, fields

from chat_service.db import db, transaction
from chat_service.domain import live_events
from chat_service.models import MEMBER, Conversation, Membership
from shared.data.client import ServiceClient

_PAGE = 500


class FriendshipEvent(Schema):
    """The state of a friendship. Unknown fields are ignored."""

    class Meta:
        unknown = EXCLUDE

    low_id = fields.Integer(required=True, strict=True)
    high_id = fields.Integer(required=True, strict=True)
    active = fields.Boolean(required=True)
    version = fields.Integer(required=True, strict=True)


_EVENT = FriendshipEvent()


def apply(state: dict[str, Any]) -> None:
    """Open or close a pair's private conversation, unless the stored state is newer.

    Raises:
        ValidationError: ``state`` is not the state of a friendship.
    """
    friendship = _EVENT.load(state)
    pair = friendship["low_id"], friendship["high_id"]
    now = datetime.now(UTC)
    new = db.insert(Conversation).values(
        is_group=False,
        low_id=pair[0],
        high_id=pair[1],
        is_open=friendship["active"],
        friendship_version=friendship["version"],
        created_at=now,
    )
    with transaction():
        conversation_id = db.session.execute(
            new.on_conflict_do_update(
                index_elements=["low_id", "high_id"],
                set_={
                    "is_open": new.excluded.is_open,
                    "friendship_version": new.excluded.friendship_version,
                },
                where=new.excluded.friendship_version > Conversation.friendship_version,
            ).returning(Conversation.id)
        ).scalar()
        if conversation_id is None or not friendship["active"]:
            return
        _insert_pair(conversation_id, pair, now)
        live_events.conversation_changed(conversation_id, members=pair)


def _insert_pair(conversation_id: int, pair: tuple[int, int], joined_at: datetime) -> None:
    members = [
        {
            "conversation_id": conversation_id,
            "user_id": user_id,
            "role": MEMBER,
            "joined_at": joined_at,
        }
        for user_id in pair
    ]
    db.session.execute(db.insert(Membership).values(members).on_conflict_do_nothing())


def resync(social: ServiceClient) -> Iterator[int]:
    """Apply the state of every friendship of the social service, page by page.

    Yields:
        the number of friendships applied so far.

    Raises:
        UnreachableError: the social service does not respond.
    """
    after = count = 0
    while True:
        page = social.get("/internal/friendships", after=after, limit=_PAGE)["friendships"]
        if not page:
            return
        for state in page:
            apply(state)
        after, count = page[-1]["id"], count + len(page)
        yield count

"""Schemas of conversations, their members, and the settings of a member."""

from typing import Any

from marshmallow import fields
from marshmallow.validate import Length

from chat_service.domain.conversations import ConversationRow, Members, Settings
from chat_service.schemas import ConversationId, IdList, NumberOrString
from chat_service.schemas.media import content_out, media_url
from chat_service.schemas.people import person_out
from shared.data.accounts import avatar_url
from shared.web.fields import RequestSchema, ResponseSchema, StrictBoolean, Text


class UnreadCount(NumberOrString):
    """A number from 0 to 999999; ``true`` is 1 and ``false`` is 0."""

    def __init__(self, **kwargs: Any) -> None:
        types = ("integer", "string", "boolean")
        super().__init__(0, 999_999, "[0-9]{1,6}", types, **kwargs)

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> int:
        number = int(value) if isinstance(value, bool) else value
        return super()._deserialize(number, *args, **kwargs)


class GroupIn(RequestSchema):
    """创建会话: the members besides the caller, and the name."""

    member_ids = IdList(required=True, data_key="members")
    name = Text(required=True, validate=Length(1, 100), metadata={"example": "conversationName"})


class GroupOut(ResponseSchema):
    """The new group."""

    conversation_id = fields.Integer()


class Conversation(ResponseSchema):
    """A conversation in the list; only private ones have a ``friend_id``."""

    id = fields.Integer()
    name = fields.String()
    avatar = fields.String()
    last_message = fields.String()
    last_message_time = fields.String(metadata={"example": "2025-03-13T14:30:00Z"})
    last_message_type = fields.Integer()
    last_message_id = fields.Integer()
    is_chat_group = fields.Boolean()
    friend_id = fields.Integer(metadata={"optional": True})
    is_top = fields.Boolean()
    notice_able = fields.Boolean()
    unread_count = fields.Integer()
    version = fields.Integer()


def conversation_out(row: ConversationRow, base: str) -> dict[str, Any]:
    """Build a `Conversation`."""
    has_message = row.last_message_id is not None
    last_message = content_out(base, row.last_message_type or 0, row.last_message_content or "")
    return {
        "id": row.id,
        **(_group_out(row, base) if row.friend_id is None else _friend_out(row, base)),
        "last_message": last_message if has_message else "",
        "last_message_time": row.last_message_at if has_message else "",
        "last_message_type": row.last_message_type or 0,
        "last_message_id": row.last_message_id or 0,
        "is_top": row.is_pinned,
        "notice_able": row.notices_on,
        "unread_count": row.unread_count,
        "version": row.version,
    }


def _group_out(row: ConversationRow, base: str) -> dict[str, Any]:
    picture = row.avatar_digest
    return {
        "name": row.name,
        "avatar": media_url(base, picture) if picture else row.avatar_reference,
        "is_chat_group": True,
    }


def _friend_out(row: ConversationRow, base: str) -> dict[str, Any]:
    digest, reference = row.friend_avatar_digest or "", row.friend_avatar_reference or ""
    return {
        "name": row.friend_name or "",
        "avatar": avatar_url(base, row.friend_id or 0, digest, reference),
        "is_chat_group": False,
        "friend_id": row.friend_id,
    }


class ConversationsOut(ResponseSchema):
    """The caller's conversations."""

    conversation = fields.List(fields.Nested(Conversation))


class Member(ResponseSchema):
    """A member of a conversation; ``identity`` (in groups): 1 owner, 2 admin, 3 member."""

    id = fields.Integer()
    name = fields.String()
    avatar = fields.String()
    identity = fields.Integer(metadata={"optional": True})


class MembersOut(ResponseSchema):
    """The members of a group and the caller's role, or the friend of a private conversation."""

    identity = fields.Integer(metadata={"optional": True})
    members = fields.List(fields.Nested(Member))


def members_out(members: Members, base: str) -> dict[str, Any]:
    """Build a `MembersOut`."""
    out: list[dict[str, Any]] = [
        {"id": member.person.id, **person_out(member.person, base)._asdict()}
        for member in members.members
    ]
    if not members.is_group:
        return {"members": out}
    for member_out, member in zip(out, members.members, strict=True):
        member_out["identity"] = member.role
    return {"identity": members.own_role, "members": out}


class SettingsOut(ResponseSchema):
    """The caller's settings of a conversation."""

    unreads = fields.Integer()
    notification = fields.Boolean()
    ontop = fields.Boolean()


def settings_out(settings: Settings) -> dict[str, Any]:
    """Build a `SettingsOut`."""
    return {
        "unreads": settings.unread_count,
        "notification": settings.notices_on,
        "ontop": settings.is_pinned,
    }


class SettingsIn(RequestSchema):
    """置顶会话、消息免打扰、未读信息数设置: absent values remain unchanged."""

    conversation_id = ConversationId("conversationId")
    is_pinned = StrictBoolean(data_key="ontop")
    notices_on = StrictBoolean(data_key="notification")
    unread = UnreadCount(data_key="unreads")

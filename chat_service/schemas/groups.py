"""Schemas of groups, announcements and invitations."""

from functools import partial
from typing import Any

from marshmallow import fields
from marshmallow.validate import Length

from chat_service.domain.announcements import PostedAnnouncement
from chat_service.domain.invitations import SentInvitation
from chat_service.schemas import ConversationId, ConversationIn, IdList, blocks_out
from chat_service.schemas.people import person_out
from shared.web.fields import Id, RequestSchema, ResponseSchema, Text, Time
from shared.web.streaming import Blocks


class IdOrIdList(IdList):
    """One id, or a list of them."""

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> list[Any]:
        ids = value if isinstance(value, list) else [value]
        return super()._deserialize(ids, *args, **kwargs)


class MemberIn(ConversationIn):
    """A member of a conversation."""

    user_id = Id(required=True, data_key="user")


class GroupInfoIn(ConversationIn):
    """更新群信息/conversations/manage/info: absent values remain unchanged."""

    name = Text(validate=Length(1, 100), metadata={"example": "groupName"})
    avatar = Text(metadata={"example": "AvatarUrl"})


class AnnouncementIn(ConversationIn):
    """查看、发布及删除群公告: a new announcement."""

    content = Text(required=True, metadata={"example": "公告内容"})


class AnnouncementIdIn(RequestSchema):
    """查看、发布及删除群公告: the announcement to delete."""

    announcement_id = Id(required=True, data_key="notification_id")


class AnnouncementOut(ResponseSchema):
    """The posted announcement."""

    notification_id = fields.Integer()


class Announcement(ResponseSchema):
    """An announcement in the list."""

    notification_id = fields.Integer()
    content = fields.String()
    sender_id = fields.Integer()
    sender_name = fields.String()
    sender_avatar = fields.String()
    timestamp = Time()


class AnnouncementsOut(ResponseSchema):
    """The announcements, newest first."""

    notifications = fields.List(fields.Nested(Announcement))


def announcements_out(
    posted: list[PostedAnnouncement] | Blocks[list[PostedAnnouncement]], base: str
) -> dict[str, Any]:
    """Build an `AnnouncementsOut`."""
    return {"notifications": blocks_out(posted, partial(_announcement_list_out, base=base))}


def _announcement_list_out(posted: list[PostedAnnouncement], base: str) -> list[dict[str, Any]]:
    return [
        {
            "notification_id": each.id,
            "content": each.content,
            "sender_id": each.sender.id,
            "sender_name": sender.name,
            "sender_avatar": sender.avatar,
            "timestamp": each.created_at,
        }
        for each in posted
        for sender in [person_out(each.sender, base)]
    ]


class InviteIn(RequestSchema):
    """进群邀请/conversations/member/add: an id or a list of ids."""

    conversation_id = ConversationId("conversationId")
    receiver_ids = IdOrIdList(required=True, data_key="member_id")


class InviteOut(ResponseSchema):
    """The new invitations, in the order of ``member_id``."""

    invite_ids = fields.List(fields.Integer())


class Invitation(ResponseSchema):
    """An invitation; status: 0 pending, 1 rejected, 2 accepted, 3 superseded by another one."""

    invite_id = fields.Integer()
    conversation_id = fields.Integer()
    sender_id = fields.Integer()
    sender_name = fields.String()
    sender_avatar = fields.String()
    receiver_id = fields.Integer()
    receiver_name = fields.String()
    receiver_avatar = fields.String()
    timestamp = Time()
    status = fields.Integer()


def invitation_list_out(
    sent: list[SentInvitation] | Blocks[list[SentInvitation]], base: str
) -> Any:
    """Build an `Invitation` of each, in one list or in blocks."""
    return blocks_out(sent, lambda block: [_invitation_out(each, base) for each in block])


def _invitation_out(invitation: SentInvitation, base: str) -> dict[str, Any]:
    sender, receiver = (
        person_out(person, base) for person in (invitation.sender, invitation.receiver)
    )
    return {
        "invite_id": invitation.id,
        "conversation_id": invitation.conversation_id,
        "sender_id": invitation.sender.id,
        "sender_name": sender.name,
        "sender_avatar": sender.avatar,
        "receiver_id": invitation.receiver.id,
        "receiver_name": receiver.name,
        "receiver_avatar": receiver.avatar,
        "timestamp": invitation.created_at,
        "status": invitation.status,
    }


class InvitationListOut(ResponseSchema):
    """The invitations, newest first."""

    invitation = fields.List(fields.Nested(Invitation))


class InvitationsOut(ResponseSchema):
    """The same list under the key of the later edition."""

    invitations = fields.List(fields.Nested(Invitation))


class HandleInvitationIn(RequestSchema):
    """处理入群邀请: the invitation. The HTTP method is the decision; ``status`` is ignored."""

    invitation_id = Id(required=True, data_key="invite_id")
    conversation_id = ConversationId(required=False)

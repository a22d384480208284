"""Export of the data of a user: the conversations as the user sees them, and all own messages."""

from collections.abc import Callable, Iterator
from typing import Any

from sqlalchemy import ColumnElement, Select, case, or_, select
from sqlalchemy.orm import aliased

from chat_service.db import db
from chat_service.domain import media
from chat_service.domain.audit import audit
from chat_service.domain.conversations import ConversationRow, list_conversations
from chat_service.domain.messages import is_visible_to
from chat_service.models import (
    ACCEPTED,
    IMAGE,
    PENDING,
    REJECTED,
    SUPERSEDED,
    Account,
    Announcement,
    Conversation,
    Invitation,
    Membership,
    Message,
)
from shared.data.large_results import read_pages
from shared.operations.data_export import ExportedFile, iter_json_array

_STATUS = {
    PENDING: "waiting",
    REJECTED: "rejected",
    ACCEPTED: "accepted",
    SUPERSEDED: "came by another invitation",
}
_README = """\
conversations.json        the conversations of the user
members.json              the members of these conversations, one on each line
messages/NUMBER.json      the messages of the conversation with this id, without hidden ones
sent_elsewhere.json       messages of the user in conversations that are closed or left
announcements.json        announcements that the user posted
invitations.json          invitations to groups that the user sent or received
audit.json                actions of the user in groups that are relevant for security
pictures/                 images that the user sent; a message contains the name of its file

The type of a message is 0 for text, 1 for an image. An identity of 1 is the owner of a group, 2 an
admin, 3 a member.
"""


def export_files(
    account_id: int, to_json: Callable[[ConversationRow], dict[str, Any]]
) -> Iterator[ExportedFile]:
    """Export a user's conversations with their visible messages, and all other data of the user.

    Args:
        account_id: the user.
        to_json: converts a conversation to the JSON object of the user's list.
    """
    yield ExportedFile("README.txt", [_README.encode()])
    conversations = list_conversations(account_id)
    yield ExportedFile("conversations.json", iter_json_array(map(to_json, conversations)))
    yield ExportedFile("members.json", iter_json_array(_iter_members(account_id)))
    for conversation in conversations:
        messages = _iter_messages(
            (Message.conversation_id == conversation.id) & is_visible_to(account_id)
        )
        yield ExportedFile(f"messages/{conversation.id}.json", iter_json_array(messages))
    is_own = Message.sender_id == account_id
    elsewhere = _iter_messages(
        is_own & Message.conversation_id.not_in(_open_conversations(account_id))
    )
    yield ExportedFile("sent_elsewhere.json", iter_json_array(elsewhere))
    yield ExportedFile("announcements.json", iter_json_array(_iter_announcements(account_id)))
    yield ExportedFile("invitations.json", iter_json_array(_iter_invitations(account_id)))
    yield ExportedFile("audit.json", iter_json_array(audit.export(account_id)))
    pictures = select(Message.content).where(is_own, Message.type == IMAGE)
    for row in read_pages(db, pictures, Message.id):
        picture = media.media_store.open(row["content"])
        if picture is not None:
            yield ExportedFile(f"pictures/{row['content']}", picture.chunks)


def _open_conversations(account_id: int) -> Select[*tuple[Any, ...]]:
    return (
        select(Membership.conversation_id)
        .join(Conversation, Conversation.id == Membership.conversation_id)
        .where(Membership.user_id == account_id, Conversation.is_open)
    )


def _iter_messages(condition: ColumnElement[bool]) -> Iterator[dict[str, Any]]:
    return read_pages(
        db,
        select(
            Message.conversation_id,
            Message.id,
            Message.seq,
            Message.sender_id,
            Account.name.label("sender_name"),
            Message.type,
            Message.content,
            Message.reply_to_id,
            Message.created_at,
        )
        .outerjoin(Account, Account.id == Message.sender_id)
        .where(condition),
        Message.conversation_id,
        Message.seq,
    )


def _iter_members(account_id: int) -> Iterator[dict[str, Any]]:
    return read_pages(
        db,
        select(
            Membership.conversation_id,
            Membership.user_id,
            Account.name,
            Membership.role.label("identity"),
            Membership.joined_at,
        )
        .outerjoin(Account, Account.id == Membership.user_id)
        .where(Membership.conversation_id.in_(_open_conversations(account_id))),
        Membership.conversation_id,
        Membership.user_id,
    )


def _iter_announcements(account_id: int) -> Iterator[dict[str, Any]]:
    return read_pages(
        db,
        select(
            Announcement.conversation_id,
            Announcement.id,
            Announcement.content,
            Announcement.created_at,
        ).where(Announcement.sender_id == account_id),
        Announcement.id,
    )


def _iter_invitations(account_id: int) -> Iterator[dict[str, Any]]:
    sender, receiver = aliased(Account), aliased(Account)
    return read_pages(
        db,
        select(
            Invitation.conversation_id,
            Invitation.id,
            Invitation.sender_id,
            sender.name.label("sender_name"),
            Invitation.receiver_id,
            receiver.name.label("receiver_name"),
            case(_STATUS, value=Invitation.status).label("status"),
            Invitation.created_at,
        )
        .outerjoin(sender, sender.id == Invitation.sender_id)
        .outerjoin(receiver, receiver.id == Invitation.receiver_id)
        .where(or_(Invitation.sender_id == account_id, Invitation.receiver_id == account_id)),
        Invitation.id,
    )

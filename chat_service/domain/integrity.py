"""Integrity checks of the chat service, and the state that it shares with others."""

from collections.abc import Collection, Iterator
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, or_, select

from chat_service.db import db
from chat_service.domain import media
from chat_service.domain.accounts import accounts
from chat_service.domain.message_integrity import (
    check_index,
    check_order,
    check_unread_counts,
    count_rows,
    grams_without_text,
    wrong_numbers,
    wrong_versions,
)
from chat_service.models import (
    IMAGE,
    MEMBER,
    OWNER,
    PENDING,
    Account,
    Announcement,
    Conversation,
    HiddenMessage,
    Invitation,
    Membership,
    Message,
    SearchGram,
)
from shared.data.large_results import stream_rows
from shared.operations.integrity import (
    Check,
    Page,
    States,
    combined_check,
    foreign_keys,
    reference_check,
    sql_check,
)

_ROWS = 1000


def _wrong_members() -> Select[*tuple[Any, ...]]:
    """Select conversations whose members violate a rule.

    A group has one owner (the database allows no second one), a dissolved one no members. Both
    users of a private conversation are plain members; one that has never been open has no members.
    """
    members, owners = count_rows(Membership), count_rows(Membership, Membership.role == OWNER)
    pair = or_(
        Membership.user_id == Conversation.low_id, Membership.user_id == Conversation.high_id
    )
    both = count_rows(Membership, Membership.role == MEMBER, pair)
    return select(
        Conversation.id.label("conversation_id"),
        Conversation.is_group,
        members.label("members"),
        owners.label("owners"),
    ).where(
        or_(
            and_(Conversation.is_group, Conversation.is_open, owners != 1),
            and_(Conversation.is_group, ~Conversation.is_open, members != 0),
            and_(~Conversation.is_group, members != both),
            and_(Conversation.is_open, ~Conversation.is_group, both != 2),
            and_(~Conversation.is_open, ~Conversation.is_group, both.not_in([0, 2])),
        )
    )


def _wrong_read_positions() -> Select[*tuple[Any, ...]]:
    last_seq = Conversation.last_seq
    return (
        select(
            Membership.conversation_id,
            Membership.user_id,
            Membership.unread_seq,
            Membership.read_seq,
            Membership.unread_extra,
            last_seq,
        )
        .join(Conversation)
        .where(
            ~and_(
                Membership.unread_seq.between(0, last_seq),
                Membership.read_seq.between(0, last_seq),
                Membership.unread_extra >= 0,
            )
        )
    )


def _wrong_hidden_messages() -> Select[*tuple[Any, ...]]:
    return (
        select(HiddenMessage.user_id, HiddenMessage.message_id)
        .join(Message, Message.id == HiddenMessage.message_id)
        .where(
            or_(
                HiddenMessage.conversation_id != Message.conversation_id,
                HiddenMessage.seq != Message.seq,
            )
        )
    )


def _wrong_invitations() -> Select[*tuple[Any, ...]]:
    is_member = select(Membership.user_id).where(
        Membership.conversation_id == Invitation.conversation_id,
        Membership.user_id == Invitation.receiver_id,
    )
    return (
        select(Invitation.id, Invitation.conversation_id, Invitation.receiver_id)
        .join(Conversation)
        .where(or_(~Conversation.is_group, (Invitation.status == PENDING) & is_member.exists()))
    )


def _wrong_announcements() -> Select[*tuple[Any, ...]]:
    return (
        select(Announcement.id, Announcement.conversation_id)
        .join(Conversation)
        .where(~Conversation.is_group)
    )


def _check_files(kind: str, row_id: Any, name: Any, *conditions: ColumnElement[bool]) -> Check:
    """Create a check that every file that a row names is in the store."""
    references = select(row_id.label("id"), name.label("name")).where(*conditions)

    def pages() -> Iterator[Page]:
        after = 0
        while True:
            page = references.where(row_id > after).order_by(row_id).limit(_ROWS)
            with db.snapshot():
                rows = db.session.execute(page).all()
            if not rows:
                return
            missing = {row.id: row.name for row in rows if not media.media_store.exists(row.name)}
            # A file is deleted after its row: check that the row still exists.
            with db.snapshot():
                current = db.session.execute(references.where(row_id.in_(missing.keys()))).all()
            lost = [row for row in current if missing[row.id] == row.name]
            yield Page(len(rows), [f"{kind} {row.id}, {row.name}" for row in lost])
            after = rows[-1].id

    return Check("", pages)


def _account_references(*columns: Any) -> Collection[tuple[Any, Any]]:
    return [(column, Account.id) for column in columns]


CHECKS: list[Check] = [
    foreign_keys(db),
    reference_check(
        db,
        "all referenced accounts are known",
        _account_references(
            Membership.user_id,
            Message.sender_id,
            Announcement.sender_id,
            Invitation.sender_id,
            Invitation.receiver_id,
        ),
    ),
    sql_check(
        db,
        "messages and deletions are numbered 1, 2, 3 ...",
        Conversation.id,
        wrong_numbers(),
    ),
    sql_check(db, "the version counts all sends and deletions", Conversation.id, wrong_versions()),
    Check("ids, versions and times have the order of the numbers", check_order),
    sql_check(
        db,
        "a group has one owner, a private conversation its pair",
        Conversation.id,
        _wrong_members(),
    ),
    sql_check(
        db,
        "no read position is after the last message",
        Membership.conversation_id,
        _wrong_read_positions(),
    ),
    Check("unread counts equal a recount", check_unread_counts),
    sql_check(
        db,
        "a hidden message has the conversation and number of the message",
        HiddenMessage.message_id,
        _wrong_hidden_messages(),
    ),
    combined_check(
        "the search index equals the texts",
        [
            sql_check(db, "", SearchGram.conversation_id, grams_without_text()),
            Check("", check_index),
        ],
    ),
    sql_check(
        db, "no member of a group has a pending invitation", Invitation.id, _wrong_invitations()
    ),
    sql_check(db, "announcements are in groups", Announcement.id, _wrong_announcements()),
    combined_check(
        "every picture is in the store",
        [
            _check_files("message", Message.id, Message.content, Message.type == IMAGE),
            _check_files(
                "group",
                Conversation.id,
                Conversation.avatar_digest,
                Conversation.avatar_digest != "",
            ),
        ],
    ),
]


def _private_conversations() -> Select[*tuple[Any, ...]]:
    """Select the copies of the friendships: the states of private conversations."""
    return (
        select(
            Conversation.low_id,
            Conversation.high_id,
            Conversation.is_open.label("active"),
            Conversation.friendship_version.label("version"),
        )
        .where(~Conversation.is_group)
        .order_by(Conversation.low_id, Conversation.high_id)
    )


STATES: States = {
    "account": lambda: stream_rows(db, accounts.select_states()),
    "friendship": lambda: stream_rows(db, _private_conversations()),
}

"""What always holds in the chat service, and what it knows together with others."""

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
    pairs_without_text,
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


def _members() -> Select[*tuple[Any, ...]]:
    """Conversations whose members are not as they must be.

    A group has one owner (the database allows no second one). Of a private conversation both
    are plain members; one that was closed before it was ever open has none.
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
            and_(Conversation.is_group, owners != 1),
            and_(~Conversation.is_group, members != both),
            and_(Conversation.is_open, ~Conversation.is_group, both != 2),
            and_(~Conversation.is_open, ~Conversation.is_group, both.not_in([0, 2])),
        )
    )


def _read_positions() -> Select[*tuple[Any, ...]]:
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


def _hidden() -> Select[*tuple[Any, ...]]:
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


def _invitations() -> Select[*tuple[Any, ...]]:
    is_member = select(Membership.user_id).where(
        Membership.conversation_id == Invitation.conversation_id,
        Membership.user_id == Invitation.receiver_id,
    )
    return (
        select(Invitation.id, Invitation.conversation_id, Invitation.receiver_id)
        .join(Conversation)
        .where(or_(~Conversation.is_group, (Invitation.status == PENDING) & is_member.exists()))
    )


def _announcements() -> Select[*tuple[Any, ...]]:
    return (
        select(Announcement.id, Announcement.conversation_id)
        .join(Conversation)
        .where(~Conversation.is_group)
    )


def _files(kind: str, row_id: Any, name: Any, *which: ColumnElement[bool]) -> Check:
    """Every file that a row names is in the store."""
    named = select(row_id.label("id"), name.label("name")).where(*which)

    def pages() -> Iterator[Page]:
        after = 0
        while True:
            page = named.where(row_id > after).order_by(row_id).limit(_ROWS)
            with db.snapshot():
                rows = db.session.execute(page).all()
            if not rows:
                return
            missing = {row.id: row.name for row in rows if not media.media_store.exists(row.name)}
            # A file goes after the row that names it: only a row that is still there misses it.
            with db.snapshot():
                again = db.session.execute(named.where(row_id.in_(missing.keys()))).all()
            lost = [row for row in again if missing[row.id] == row.name]
            yield Page(len(rows), [f"{kind} {row.id}, {row.name}" for row in lost])
            after = rows[-1].id

    return Check("", pages)


def _people(*columns: Any) -> Collection[tuple[Any, Any]]:
    return [(column, Account.id) for column in columns]


CHECKS: list[Check] = [
    foreign_keys(db),
    reference_check(
        db,
        "everybody who is named is known",
        _people(
            Membership.user_id,
            Message.sender_id,
            Announcement.sender_id,
            Invitation.sender_id,
            Invitation.receiver_id,
        ),
    ),
    sql_check(
        db,
        "messages, with those deleted, are numbered 1, 2, 3 ...",
        Conversation.id,
        wrong_numbers(),
    ),
    sql_check(
        db, "each message sent and each deleted has a version", Conversation.id, wrong_versions()
    ),
    Check("ids, versions and times follow the numbers", check_order),
    sql_check(db, "a group has one owner, a private chat its pair", Conversation.id, _members()),
    sql_check(
        db,
        "nobody has read further than the last message",
        Membership.conversation_id,
        _read_positions(),
    ),
    Check("unread counts are what a recount finds", check_unread_counts),
    sql_check(db, "what is hidden is where its message is", HiddenMessage.message_id, _hidden()),
    combined_check(
        "the index of searches has what the messages say",
        [
            sql_check(db, "", SearchGram.conversation_id, pairs_without_text()),
            Check("", check_index),
        ],
    ),
    sql_check(db, "who waits for a group is not in it", Invitation.id, _invitations()),
    sql_check(db, "announcements are in groups", Announcement.id, _announcements()),
    combined_check(
        "every picture is in the store",
        [
            _files("message", Message.id, Message.content, Message.type == IMAGE),
            _files(
                "group",
                Conversation.id,
                Conversation.avatar_digest,
                Conversation.avatar_digest != "",
            ),
        ],
    ),
]


def _private_conversations() -> Select[*tuple[Any, ...]]:
    """Friendships as they are known here: the states of private conversations."""
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
    "account": lambda: db.stream(accounts.states()),
    "friendship": lambda: db.stream(_private_conversations()),
}

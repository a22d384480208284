"""What always holds in the chat service, and what it knows together with others."""

from array import array
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Collection, Iterator
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, func, or_, select

from chat_service.db import db
from chat_service.domain import media
from chat_service.domain.accounts import accounts
from chat_service.domain.indexing import grams_of
from chat_service.domain.reading import unread_count
from chat_service.models import (
    IMAGE,
    MEMBER,
    OWNER,
    TEXT,
    WAITING,
    Account,
    Announcement,
    Conversation,
    Deletion,
    HiddenMessage,
    Invitation,
    Membership,
    Message,
    SearchGram,
    SearchProgress,
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

_CONVERSATIONS = 500
_MESSAGES = 200_000
_ROWS = 1000


def _count(model: Any, *which: ColumnElement[bool]) -> Any:
    """How many rows of ``model`` a conversation has, in SQL."""
    counted = select(func.count()).where(model.conversation_id == Conversation.id, *which)
    return counted.correlate(Conversation).scalar_subquery()


def _any(model: Any, *which: ColumnElement[bool]) -> ColumnElement[bool]:
    """Whether a conversation has such rows of ``model``, in SQL."""
    found = select(model.conversation_id).where(model.conversation_id == Conversation.id, *which)
    return found.correlate(Conversation).exists()


def _numbers() -> Select[*tuple[Any, ...]]:
    """Conversations with a gap; the database sees to it that no number comes twice in a table."""
    messages, deletions = _count(Message), _count(Deletion)
    in_both = select(Message.seq).join(
        Deletion,
        (Deletion.conversation_id == Message.conversation_id) & (Deletion.seq == Message.seq),
    )
    return select(
        Conversation.id.label("conversation_id"),
        Conversation.last_seq,
        messages.label("messages"),
        deletions.label("deletions"),
    ).where(
        or_(
            messages + deletions != Conversation.last_seq,
            _any(Message, ~Message.seq.between(1, Conversation.last_seq)),
            _any(Deletion, ~Deletion.seq.between(1, Conversation.last_seq)),
            in_both.where(Message.conversation_id == Conversation.id)
            .correlate(Conversation)
            .exists(),
        )
    )


def _versions() -> Select[*tuple[Any, ...]]:
    changes = Conversation.last_seq + _count(Deletion)
    return select(
        Conversation.id.label("conversation_id"), Conversation.version, changes.label("changes")
    ).where(
        or_(
            Conversation.version != changes,
            _any(Message, Message.version > Conversation.version),
            _any(Deletion, Deletion.version > Conversation.version),
        )
    )


def _members() -> Select[*tuple[Any, ...]]:
    """Conversations whose members are not as they must be.

    A group has one owner (the database allows no second one). Of a private conversation both
    are plain members; one that was closed before it was ever open has none.
    """
    members, owners = _count(Membership), _count(Membership, Membership.role == OWNER)
    pair = or_(
        Membership.user_id == Conversation.low_id, Membership.user_id == Conversation.high_id
    )
    both = _count(Membership, Membership.role == MEMBER, pair)
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


def _positions() -> Select[*tuple[Any, ...]]:
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
        .where(or_(~Conversation.is_group, (Invitation.status == WAITING) & is_member.exists()))
    )


def _announcements() -> Select[*tuple[Any, ...]]:
    return (
        select(Announcement.id, Announcement.conversation_id)
        .join(Conversation)
        .where(~Conversation.is_group)
    )


def _parts() -> Iterator[tuple[Any, list[int]]]:
    """All conversations, so many at once that their messages fit into memory.

    Yields:
        a transaction of one state of the database, and the ids.
    """
    after = 0
    while True:
        with db.snapshot() as session:
            ids: list[int] = []
            room = _MESSAGES
            for conversation_id, last_seq in session.execute(
                select(Conversation.id, Conversation.last_seq)
                .where(Conversation.id > after)
                .order_by(Conversation.id)
                .limit(_CONVERSATIONS)
            ):
                room -= last_seq
                if ids and room < 0:
                    break
                ids.append(conversation_id)
            if not ids:
                return
            yield session, ids
        after = ids[-1]


def _in_order() -> Iterator[Page]:
    """Messages are listed by id and caught up with by version: these and time follow ``seq``."""
    for session, ids in _parts():
        rows = session.execute(
            select(
                Message.conversation_id,
                Message.id,
                Message.version,
                Message.created_at,
                Message.seq,
            )
            .where(Message.conversation_id.in_(ids))
            .order_by(Message.conversation_id, Message.seq),
            execution_options={"yield_per": _ROWS},
        )
        count, violations = 0, []
        before: Any = (0,)
        for row in rows:
            conversation_id, message_id, version, sent_at, _ = row
            if conversation_id == before[0] and not (
                message_id > before[1] and version > before[2] and sent_at >= before[3]
            ):
                violations.append(f"message {message_id} of conversation {conversation_id}")
            before = row
            count += 1
        yield Page(count, violations)


def _recounted() -> Iterator[Page]:
    """The unread messages that lists show, counted once more and in another way."""
    for session, ids in _parts():
        numbers: dict[int, array[int]] = defaultdict(lambda: array("q"))
        own: dict[tuple[int, int], int] = {}
        for conversation_id, seq, sender_id in session.execute(
            select(Message.conversation_id, Message.seq, Message.sender_id)
            .where(Message.conversation_id.in_(ids))
            .order_by(Message.conversation_id, Message.seq),
            execution_options={"yield_per": _ROWS},
        ):
            numbers[conversation_id].append(seq)
            own[conversation_id, sender_id] = seq
        hidden: dict[tuple[int, int], list[int]] = defaultdict(list)
        for conversation_id, user_id, seq in session.execute(
            select(Message.conversation_id, HiddenMessage.user_id, Message.seq)
            .join(Message, Message.id == HiddenMessage.message_id)
            .where(Message.conversation_id.in_(ids))
        ):
            hidden[conversation_id, user_id].append(seq)
        count, violations = 0, []
        for conversation_id, user_id, unread_seq, extra, shown in session.execute(
            select(
                Membership.conversation_id,
                Membership.user_id,
                Membership.unread_seq,
                Membership.unread_extra,
                unread_count(),
            )
            .join(Conversation)
            .where(Membership.conversation_id.in_(ids)),
            execution_options={"yield_per": _ROWS},
        ):
            there = numbers[conversation_id]
            unread = len(there) - bisect_right(there, unread_seq) + extra
            unread -= sum(seq > unread_seq for seq in hidden.get((conversation_id, user_id), ()))
            count += 1
            if shown != unread or own.get((conversation_id, user_id), 0) > unread_seq:
                violations.append(
                    f"conversation {conversation_id}, member {user_id}: {shown}, not {unread}"
                )
        yield Page(count, violations)


def _pairs_of_nothing() -> Select[*tuple[Any, ...]]:
    """Pairs in the index of searches whose text is not there."""
    text = select(Message.id).where(
        Message.id == SearchGram.message_id,
        Message.conversation_id == SearchGram.conversation_id,
        Message.type == TEXT,
    )
    columns = select(SearchGram.conversation_id, SearchGram.message_id).distinct()
    return columns.where(~text.exists())


def _indexed() -> Iterator[Page]:
    """The texts that searches believe to be in the index; their pairs are counted and added up."""
    for session, ids in _parts():
        mark = session.scalar(select(SearchProgress.indexed_id)) or 0
        pairs = (
            select(
                SearchGram.message_id,
                func.count().label("number"),
                func.sum(SearchGram.gram).label("total"),
            )
            .where(SearchGram.conversation_id.in_(ids))
            .group_by(SearchGram.message_id)
            .subquery()
        )
        rows = session.execute(
            select(Message.id, Message.content, pairs.c.number, pairs.c.total)
            .outerjoin(pairs, pairs.c.message_id == Message.id)
            .where(Message.conversation_id.in_(ids), Message.id <= mark, Message.type == TEXT),
            execution_options={"yield_per": _ROWS},
        )
        checked, violations = 0, []
        for message_id, content, number, total in rows:
            grams = grams_of(content)
            if (number or 0, total or 0) != (len(grams), sum(grams)):
                violations.append(f"message {message_id}: {number or 0} pairs, not {len(grams)}")
            checked += 1
        yield Page(checked, violations)


def _files(kind: str, row_id: Any, name: Any, *which: ColumnElement[bool]) -> Check:
    """Every file that a row names is in the store."""
    named = select(row_id, name).where(*which)

    def pages() -> Iterator[Page]:
        after = 0
        while True:
            page = named.where(row_id > after).order_by(row_id).limit(_ROWS)
            with db.snapshot() as session:
                rows = session.execute(page).all()
            if not rows:
                return
            missing = [row for row in rows if not media.store.exists(row[1])]
            # A file goes after the row that names it: only a row that is still there misses it.
            with db.snapshot() as session:
                again = named.where(row_id.in_([row[0] for row in missing]))
                there = set(session.execute(again))
            lost = [row for row in missing if tuple(row) in there]
            yield Page(len(rows), [f"{kind} {id_}, {file}" for id_, file in lost])
            after = rows[-1][0]

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
        db, "messages, with those deleted, are numbered 1, 2, 3 ...", Conversation.id, _numbers()
    ),
    sql_check(db, "each message sent and each deleted has a version", Conversation.id, _versions()),
    Check("ids, versions and times follow the numbers", _in_order),
    sql_check(db, "a group has one owner, a private chat its pair", Conversation.id, _members()),
    sql_check(
        db,
        "nobody has read further than the last message",
        Membership.conversation_id,
        _positions(),
    ),
    Check("unread counts are what a recount finds", _recounted),
    sql_check(db, "what is hidden is where its message is", HiddenMessage.message_id, _hidden()),
    combined_check(
        "the index of searches has what the messages say",
        [sql_check(db, "", SearchGram.conversation_id, _pairs_of_nothing()), Check("", _indexed)],
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

"""Factories of rows with default values. Accounts and friendships are created by events."""

import time
from datetime import UTC, datetime

from flask import Flask
from sqlalchemy import func, insert, select, update

from chat_service.db import db, transaction
from chat_service.domain.indexing import Indexer, get_indexed_id
from chat_service.models import ADMIN, MEMBER, OWNER, Conversation, Membership, Message
from shared.data.client import SECRET_HEADER
from shared.testing import contracts
from shared.testing.client import Reply

SECRET = "current-test-secret"

_INDEX_TIMEOUT = 30.0


def send_event(app: Flask, kind: str, **state: object) -> None:
    """Deliver an event to the service."""
    response = app.test_client().post(
        "/internal/events",
        json={"events": [{"type": kind, "state": state}]},
        headers={SECRET_HEADER: SECRET},
    )
    assert response.status_code == 200


def make_account(app: Flask, account_id: int, name: str, **fields: object) -> None:
    """Create or update an account by an event of auth."""
    account = {"id": account_id, "name": name, "email": f"{name.lower()}@example.com"}
    send_event(app, "account", **contracts.state("account", **account | fields))


def befriend(app: Flask, one: int, other: int, *, active: bool = True, version: int = 1) -> None:
    """Create or end a friendship by an event of social."""
    low_id, high_id = sorted((one, other))
    state = {"id": low_id * 1000 + high_id, "low_id": low_id, "high_id": high_id}
    send_event(app, "friendship", **state, active=active, version=version)


def make_group(
    app: Flask, owner: int, *members: int, admins: tuple[int, ...] = (), name: str = "group"
) -> int:
    """Create a group.

    Returns:
        the conversation's id.
    """
    now = datetime.now(UTC)
    roles = dict.fromkeys(members, MEMBER) | dict.fromkeys(admins, ADMIN) | {owner: OWNER}
    with app.app_context(), transaction():
        conversation = Conversation(is_group=True, name=name, created_at=now)
        db.session.add(conversation)
        db.session.flush()
        db.session.execute(
            insert(Membership),
            [
                {
                    "conversation_id": conversation.id,
                    "user_id": user,
                    "role": role,
                    "joined_at": now,
                }
                for user, role in roles.items()
            ],
        )
        return conversation.id


def add_member(app: Flask, conversation_id: int, user_id: int, role: int = MEMBER) -> None:
    """Add a member to a group, without an invitation."""
    with app.app_context(), transaction():
        db.session.add(
            Membership(
                conversation_id=conversation_id,
                user_id=user_id,
                role=role,
                joined_at=datetime.now(UTC),
            )
        )


def make_history(
    app: Flask, conversation_id: int, sender_id: int, count: int, content: str = "hello"
) -> None:
    """Insert ``count`` messages of one sender."""
    now = datetime.now(UTC)
    common = {"conversation_id": conversation_id, "sender_id": sender_id, "content": content}
    rows = [
        {**common, "seq": n, "version": n, "created_at": now, "reply_to_id": 1}
        for n in range(1, count + 1)
    ]
    with app.app_context(), transaction():
        db.session.execute(insert(Message), rows)
        db.session.execute(
            update(Conversation)
            .where(Conversation.id == conversation_id)
            .values(last_seq=count, version=count)
        )


def index_all_messages(app: Flask) -> None:
    """Index all messages.

    On PostgreSQL the indexer waits for all open transactions of the server, also of other tests.
    """
    indexer = Indexer()
    deadline = time.monotonic() + _INDEX_TIMEOUT
    with app.app_context():
        newest = db.session.scalar(select(func.max(Message.id))) or 0
        while get_indexed_id() != newest:
            assert time.monotonic() < deadline
            indexer.index_batch()


def list_ids(reply: Reply, key: str, of: str = "id") -> list[int]:
    """List the ids in a list of a response."""
    return [row[of] for row in reply.json[key]]

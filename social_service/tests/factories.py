"""Rows with default values."""

from datetime import UTC, datetime
from typing import Any

from flask import Flask
from sqlalchemy import insert, update

from shared.testing.contracts import state
from social_service.db import db, transaction
from social_service.domain.accounts import accounts
from social_service.domain.outbox import outbox
from social_service.models import (
    Block,
    FriendGroup,
    FriendGroupMember,
    FriendRequest,
    Friendship,
    OutboxEvent,
    RequestStatus,
)


def account_state(account_id: int, name: str = "Person", **fields: Any) -> dict[str, Any]:
    """Create the state of an account in an event of the auth service."""
    email = f"{name.lower()}{account_id}@example.com"
    return state("account", **{"id": account_id, "name": name, "email": email} | fields)


def make_account(app: Flask, account_id: int, name: str = "Person", **fields: Any) -> None:
    """Create a copied account."""
    with app.app_context():
        accounts.apply(account_state(account_id, name, **fields))


def delete_account(app: Flask, account_id: int, name: str = "Person") -> None:
    """Apply the event of a deletion."""
    make_account(app, account_id, name, deleted=True, generation=1, version=2)


def make_friends(app: Flask, one: int, other: int) -> None:
    """Create a friendship that began earlier."""
    low_id, high_id = sorted((one, other))
    with app.app_context(), transaction():
        db.session.add(Friendship(low_id=low_id, high_id=high_id, active=True, version=1))


def make_many_friends(app: Flask, user_id: int, friend_ids: range) -> None:
    """Create friendships with users of larger ids."""
    rows = [
        {"low_id": user_id, "high_id": friend_id, "active": True, "version": 1}
        for friend_id in friend_ids
    ]
    with app.app_context(), transaction():
        db.session.execute(insert(Friendship), rows)


def make_request(
    app: Flask,
    sender_id: int,
    receiver_id: int,
    status: int = RequestStatus.PENDING,
    created_at: datetime | None = None,
) -> None:
    """Create a friend request (without the row of the pair)."""
    with app.app_context(), transaction():
        db.session.add(
            FriendRequest(
                sender_id=sender_id,
                receiver_id=receiver_id,
                message="Hello",
                status=status,
                created_at=created_at or datetime.now(UTC),
            )
        )


def make_blocks(app: Flask, blocker_id: int, *blocked_ids: int) -> None:
    """Create blocks by a user (without the rows of the pairs)."""
    now = datetime.now(UTC)
    rows = [
        {"blocker_id": blocker_id, "blocked_id": blocked_id, "created_at": now}
        for blocked_id in blocked_ids
    ]
    with app.app_context(), transaction():
        db.session.execute(insert(Block), rows)


def make_group(app: Flask, owner_id: int, name: str = "Classmates", *member_ids: int) -> int:
    """Create a friend group with members."""
    with app.app_context(), transaction():
        group = FriendGroup(owner_id=owner_id, name=name)
        db.session.add(group)
        db.session.flush()
        db.session.add_all(
            FriendGroupMember(group_id=group.id, member_id=id_) for id_ in member_ids
        )
        return group.id


def relay(app: Flask) -> int:
    """Run the relay after all events have become due."""
    with app.app_context():
        with transaction():
            db.session.execute(update(OutboxEvent).values(due_at=datetime.now(UTC)))
        return outbox.deliver_due()

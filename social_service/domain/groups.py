"""Friend groups. A group exists only for its owner."""

from collections.abc import Sequence

from sqlalchemy import ColumnElement, and_, bindparam, delete, select, update
from sqlalchemy.exc import IntegrityError

from shared.web.errors import ApiError
from social_service import errors
from social_service.db import AnyRow, db, transaction
from social_service.domain import friendships
from social_service.domain.accounts import fetch_with_accounts, join_accounts
from social_service.models import FriendGroup, FriendGroupMember

_MEMBERS = join_accounts(
    select()
    .select_from(FriendGroupMember)
    .where(FriendGroupMember.group_id == bindparam("group"))
    .order_by(FriendGroupMember.member_id),
    FriendGroupMember.member_id,
)


def list_groups(owner_id: int) -> Sequence[AnyRow]:
    """List id and name of a user's groups, by id."""
    return db.session.execute(
        select(FriendGroup.id, FriendGroup.name)
        .where(FriendGroup.owner_id == owner_id)
        .order_by(FriendGroup.id)
    ).all()


def list_groups_containing(owner_id: int, member_id: int) -> Sequence[AnyRow]:
    """List id and name of the user's groups that contain a friend, by id."""
    return db.session.execute(
        select(FriendGroup.id, FriendGroup.name)
        .join(FriendGroupMember, FriendGroupMember.group_id == FriendGroup.id)
        .where(FriendGroup.owner_id == owner_id, FriendGroupMember.member_id == member_id)
        .order_by(FriendGroup.id)
    ).all()


def create_group(owner_id: int, name: str) -> int:
    """Create an empty group.

    Raises:
        ApiError: ``GROUP_EXISTS``: another group of the user has this name.
    """
    with transaction():
        group_id: int | None = db.session.execute(
            db.insert(FriendGroup)
            .values(owner_id=owner_id, name=name)
            .on_conflict_do_nothing(index_elements=["owner_id", "name"])
            .returning(FriendGroup.id)
        ).scalar()
        if group_id is None:
            raise ApiError(errors.GROUP_EXISTS)
    return group_id


def get_group(owner_id: int, group_id: int) -> tuple[AnyRow, Sequence[AnyRow]]:
    """Get a group's id and name, and the accounts of its members by id.

    Raises:
        ApiError: ``GROUP_NOT_FOUND``.
    """
    group = db.session.execute(
        select(FriendGroup.id, FriendGroup.name).where(_owned_group(owner_id, group_id))
    ).first()
    if group is None:
        raise ApiError(errors.GROUP_NOT_FOUND)
    return group, fetch_with_accounts(_MEMBERS, group=group_id)


def list_members(owner_id: int, group_id: int) -> Sequence[AnyRow]:
    """List the accounts of a group's members, by id. Errors are those of `get_group`."""
    _, members = get_group(owner_id, group_id)
    return members


def rename_group(owner_id: int, group_id: int, new_name: str) -> None:
    """Rename a group.

    Raises:
        ApiError: ``GROUP_NOT_FOUND``; ``GROUP_NAME_EXISTS``: another group has this name.
    """
    try:
        with transaction():
            renamed = db.session.execute(
                update(FriendGroup)
                .where(_owned_group(owner_id, group_id))
                .values(name=new_name)
                .returning(FriendGroup.id)
            )
            if renamed.first() is None:
                raise ApiError(errors.GROUP_NOT_FOUND)
    except IntegrityError:
        raise ApiError(errors.GROUP_NAME_EXISTS) from None


def delete_group(owner_id: int, group_id: int) -> None:
    """Delete a group. Its members stay friends.

    Raises:
        ApiError: ``GROUP_NOT_FOUND``.
    """
    with transaction():
        deleted = db.session.execute(
            delete(FriendGroup).where(_owned_group(owner_id, group_id)).returning(FriendGroup.id)
        )
        if deleted.first() is None:
            raise ApiError(errors.GROUP_NOT_FOUND)


def add_member(owner_id: int, group_id: int, member_id: int) -> None:
    """Add a friend to a group.

    Raises:
        ApiError: ``GROUP_NOT_FOUND_FOR_MEMBERS``, ``MEMBER_NOT_FRIEND``,
            ``MEMBER_ALREADY_IN_GROUP``.
    """
    with transaction():
        _lock_group(owner_id, group_id)
        # A friendship that ends concurrently must not leave a member in the group.
        pair = friendships.lock_pair(owner_id, member_id)
        if pair is None or not pair.active:
            raise ApiError(errors.MEMBER_NOT_FRIEND)
        added = db.session.execute(
            db.insert(FriendGroupMember)
            .values(group_id=group_id, member_id=member_id)
            .on_conflict_do_nothing()
            .returning(FriendGroupMember.group_id)
        )
        if added.first() is None:
            raise ApiError(errors.MEMBER_ALREADY_IN_GROUP)


def remove_member(owner_id: int, group_id: int, member_id: int) -> None:
    """Remove a friend from a group.

    Raises:
        ApiError: ``GROUP_NOT_FOUND_FOR_MEMBERS``, ``MEMBER_NOT_IN_GROUP``.
    """
    with transaction():
        _lock_group(owner_id, group_id)
        removed = db.session.execute(
            delete(FriendGroupMember)
            .where(FriendGroupMember.group_id == group_id, FriendGroupMember.member_id == member_id)
            .returning(FriendGroupMember.group_id)
        )
        if removed.first() is None:
            raise ApiError(errors.MEMBER_NOT_IN_GROUP)


def remove_from_all_groups(owner_id: int, member_id: int) -> None:
    """Remove a member from all groups of a user."""
    owned = select(FriendGroup.id).where(FriendGroup.owner_id == owner_id)
    db.session.execute(
        delete(FriendGroupMember).where(
            FriendGroupMember.member_id == member_id, FriendGroupMember.group_id.in_(owned)
        )
    )


def _owned_group(owner_id: int, group_id: int) -> ColumnElement[bool]:
    return and_(FriendGroup.id == group_id, FriendGroup.owner_id == owner_id)


def _lock_group(owner_id: int, group_id: int) -> None:
    """Lock a group against deletion for the transaction."""
    held = db.session.execute(
        select(FriendGroup.id)
        .where(_owned_group(owner_id, group_id))
        .with_for_update(read=True, key_share=True)
    )
    if held.first() is None:
        raise ApiError(errors.GROUP_NOT_FOUND_FOR_MEMBERS)

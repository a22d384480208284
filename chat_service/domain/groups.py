"""Management of groups: roles, removal of members, name and picture.

Rules are checked under the conversation's lock, in the order of the API document. Accounts are
fetched before, because that may need a request to the auth service.
"""

from sqlalchemy import delete, func, select, update

from chat_service import errors
from chat_service.db import db, transaction
from chat_service.domain import live_events, media
from chat_service.domain.access import LockedConversation, get_access, lock_conversation
from chat_service.domain.accounts import accounts
from chat_service.domain.audit import audit
from chat_service.domain.dissolution import dissolve
from chat_service.models import (
    ADMIN,
    MEMBER,
    OWNER,
    Account,
    Conversation,
    Membership,
)
from shared.media.avatars import parse_avatar
from shared.media.decoder import EncodedImage
from shared.web.errors import ApiError, ErrorSpec


def grant_admin(conversation_id: int, owner_id: int, user_id: int) -> None:
    """Make a member an admin, as the owner. A deleted account cannot become one.

    Raises:
        ApiError: ``CONVERSATION_NOT_FOUND``, ``ONLY_OWNER_SETS_ADMINS``, ``USER_NOT_FOUND``,
            ``USER_NOT_IN_CONVERSATION``, ``ALREADY_ADMIN``.
    """
    exists = accounts.is_active(user_id)
    with transaction():
        group = _lock_for_owner(conversation_id, owner_id, user_id, errors.ONLY_OWNER_SETS_ADMINS)
        _require_member(group, user_id, exists=exists)
        if group.is_admin(user_id):
            raise ApiError(errors.ALREADY_ADMIN)
        _set_role(conversation_id, user_id, ADMIN)
        audit.record("admin_made", user_id, conversation_id=conversation_id)
        live_events.members_changed(conversation_id)


def revoke_admin(conversation_id: int, owner_id: int, user_id: int) -> None:
    """Make an admin a plain member, as the owner.

    Raises:
        ApiError: ``CONVERSATION_NOT_FOUND``, ``ONLY_OWNER_SETS_ADMINS``, ``USER_NOT_FOUND``,
            ``USER_NOT_IN_CONVERSATION``, ``NOT_AN_ADMIN``.
    """
    exists = user_id in accounts.get_many([user_id])
    with transaction():
        group = _lock_for_owner(conversation_id, owner_id, user_id, errors.ONLY_OWNER_SETS_ADMINS)
        _require_member(group, user_id, exists=exists)
        if group.roles[user_id] != ADMIN:
            raise ApiError(errors.NOT_AN_ADMIN)
        _set_role(conversation_id, user_id, MEMBER)
        audit.record("admin_dismissed", user_id, conversation_id=conversation_id)
        live_events.members_changed(conversation_id)


def transfer_ownership(conversation_id: int, owner_id: int, user_id: int) -> None:
    """Make another member the owner, and the owner a plain member.

    A deleted account cannot become the owner: it could not act.

    Raises:
        ApiError: ``CONVERSATION_NOT_FOUND``, ``ONLY_OWNER_TRANSFERS``,
            ``CANNOT_TRANSFER_TO_SELF``, ``USER_NOT_FOUND``, ``USER_NOT_IN_CONVERSATION``.
    """
    exists = accounts.is_active(user_id)
    with transaction():
        group = _lock_for_owner(conversation_id, owner_id, user_id, errors.ONLY_OWNER_TRANSFERS)
        if user_id == owner_id:
            raise ApiError(errors.CANNOT_TRANSFER_TO_SELF)
        _require_member(group, user_id, exists=exists)
        _set_role(conversation_id, owner_id, MEMBER)  # First: the index allows one owner only.
        _set_role(conversation_id, user_id, OWNER)
        audit.record("ownership_transferred", user_id, conversation_id=conversation_id)
        live_events.members_changed(conversation_id)


def leave_group(conversation_id: int, user_id: int) -> None:
    """Leave a group. If its owner leaves, the group is dissolved.

    Raises:
        ApiError: ``CONVERSATION_NOT_FOUND``, ``NOT_IN_GROUP_TO_LEAVE``.
    """
    with transaction():
        group = lock_conversation(conversation_id, (user_id,), errors.CONVERSATION_NOT_FOUND)
        if not group.is_group or user_id not in group.roles:
            raise ApiError(errors.NOT_IN_GROUP_TO_LEAVE)
        if group.is_owner(user_id):
            _dissolve(conversation_id, group, user_id)
            audit.record("group_dissolved", user_id, conversation_id=conversation_id)
        else:
            _remove_membership(conversation_id, user_id, leaver_id=user_id)


def remove_erased_member(conversation_id: int, user_id: int) -> None:
    """Remove a member whose account is erased, and keep the group for the other members.

    The successor of an owner is the oldest admin, or the oldest member if there is no admin.
    """
    with transaction():
        group = lock_conversation(conversation_id, (user_id,), errors.CONVERSATION_NOT_FOUND)
        if not group.is_owner(user_id):
            _remove_membership(conversation_id, user_id)
            return
        successor_id = _find_successor(conversation_id)
        if successor_id is None:
            _dissolve(conversation_id, group, user_id)
            return
        _remove_membership(conversation_id, user_id)
        _set_role(conversation_id, successor_id, OWNER)


def remove_member(conversation_id: int, remover_id: int, user_id: int) -> None:
    """Remove a member: the owner may remove all others, an admin plain members.

    Raises:
        ApiError: ``CONVERSATION_NOT_FOUND``, ``MAY_NOT_REMOVE``, ``USER_NOT_FOUND``,
            ``USER_NOT_IN_CONVERSATION``, ``ONLY_OWNER_REMOVES_ADMINS``,
            ``OWNER_CANNOT_REMOVE_SELF``.
    """
    exists = user_id in accounts.get_many([user_id])
    with transaction():
        group = lock_conversation(
            conversation_id, (remover_id, user_id), errors.CONVERSATION_NOT_FOUND
        )
        if not group.is_admin(remover_id):
            raise ApiError(errors.MAY_NOT_REMOVE)
        _require_member(group, user_id, exists=exists)
        if not group.is_owner(remover_id) and group.is_admin(user_id):
            raise ApiError(errors.ONLY_OWNER_REMOVES_ADMINS)
        if user_id == remover_id:
            raise ApiError(errors.OWNER_CANNOT_REMOVE_SELF)
        _remove_membership(conversation_id, user_id)
        audit.record("member_removed", user_id, conversation_id=conversation_id)


def update_group(
    conversation_id: int, user_id: int, name: str | None = None, avatar: str | None = None
) -> None:
    """Update a group's name and picture; None leaves a value unchanged.

    Args:
        conversation_id: the group.
        user_id: its owner, or an admin.
        name: 1 to 100 characters.
        avatar: an encoded picture, a reference, ``""`` for none, or the URL of the current one.

    Raises:
        ApiError: ``CONVERSATION_NOT_FOUND``, ``MAY_NOT_UPDATE``, ``BAD_PARAMETER``.
    """
    if not get_access(conversation_id, user_id, errors.CONVERSATION_NOT_FOUND).is_admin:
        raise ApiError(errors.MAY_NOT_UPDATE)
    # Decode after the first check, and outside the transaction.
    parsed = None if avatar is None else parse_avatar(avatar, user_id)
    uploaded = parsed if isinstance(parsed, EncodedImage) else None
    reference = parsed if isinstance(parsed, str) else ""
    with media.stored_image(uploaded) as picture, transaction():
        group = lock_conversation(conversation_id, (user_id,), errors.CONVERSATION_NOT_FOUND)
        if not group.is_admin(user_id):
            raise ApiError(errors.MAY_NOT_UPDATE)
        changes = {} if name is None else {"name": name}
        if parsed is not None and not media.is_url_of(group.avatar_name, reference):
            changes |= {"avatar_digest": picture, "avatar_reference": reference}
            media.delete_after_commit([group.avatar_name])
        if changes:
            db.session.execute(
                update(Conversation).where(Conversation.id == conversation_id).values(changes)
            )
            live_events.conversation_changed(conversation_id)


def _lock_for_owner(
    conversation_id: int, owner_id: int, user_id: int, refusal: ErrorSpec
) -> LockedConversation:
    group = lock_conversation(conversation_id, (owner_id, user_id), errors.CONVERSATION_NOT_FOUND)
    if not group.is_owner(owner_id):
        raise ApiError(refusal)
    return group


def _find_successor(conversation_id: int) -> int | None:
    """Find the next owner; a member with a deleted account only if there is no other."""
    successor_id: int | None = db.session.scalar(
        select(Membership.user_id)
        .outerjoin(Account, Account.id == Membership.user_id)
        .where(Membership.conversation_id == conversation_id, Membership.role != OWNER)
        .order_by(
            func.coalesce(Account.deleted, False),
            Membership.role,
            Membership.joined_at,
            Membership.user_id,
        )
        .limit(1)
    )
    return successor_id


def _require_member(group: LockedConversation, user_id: int, *, exists: bool) -> None:
    if not exists:
        raise ApiError(errors.USER_NOT_FOUND)
    if user_id not in group.roles:
        raise ApiError(errors.USER_NOT_IN_CONVERSATION)


def _set_role(conversation_id: int, user_id: int, role: int) -> None:
    db.session.execute(
        update(Membership)
        .where(Membership.conversation_id == conversation_id, Membership.user_id == user_id)
        .values(role=role)
    )


def _remove_membership(conversation_id: int, user_id: int, *, leaver_id: int | None = None) -> None:
    db.session.execute(
        delete(Membership).where(
            Membership.conversation_id == conversation_id, Membership.user_id == user_id
        )
    )
    live_events.members_removed(conversation_id, (user_id,), leaver_id)
    live_events.members_changed(conversation_id)


def _dissolve(conversation_id: int, group: LockedConversation, owner_id: int) -> None:
    """Dissolve the group, and notify its members."""
    members = dissolve(conversation_id, group.last_seq)
    live_events.members_removed(conversation_id, tuple(members), owner_id)

"""Search of users."""

from collections.abc import Sequence

from sqlalchemy import bindparam, select

from shared.web.errors import ApiError
from social_service import errors
from social_service.db import AnyRow
from social_service.domain import friendships
from social_service.domain.accounts import accounts
from social_service.domain.limits import limits
from social_service.models import Account

_PEOPLE_NAMED = accounts.with_caller(
    select(
        Account.id,
        Account.name,
        Account.email,
        Account.avatar_digest,
        Account.avatar_reference,
        Account.deleted,
        friendships.is_friend_of(friendships.USER, Account.id).label("is_friend"),
    )
    .where(Account.name == bindparam("name"))
    .order_by(Account.id)
)


def search_by_name(name: str, user_id: int) -> Sequence[AnyRow]:
    """List the accounts with exactly this name, by id, and whether each is a friend of ``user_id``.

    Raises:
        ApiError: ``TOO_MANY_REQUESTS``.
    """
    limits.lookups.check(str(user_id))
    people = accounts.execute_for_caller(_PEOPLE_NAMED, name=name, user=user_id)
    limits.lookups.hit(str(user_id))  # A token that has ended uses up no limit of its owner.
    return people


def get_person(person_id: int, user_id: int) -> tuple[AnyRow, bool]:
    """Get an account, and whether it is a friend of ``user_id``.

    Raises:
        ApiError: ``USER_NOT_FOUND``, ``TOO_MANY_REQUESTS``.
    """
    account = accounts.get_many([person_id]).get(person_id)
    is_friend = account is not None and friendships.are_friends(user_id, person_id)
    if not is_friend and person_id != user_id:
        limits.lookups.hit(str(user_id))
    if account is None:
        raise ApiError(errors.USER_NOT_FOUND)
    return account, is_friend

"""Routes of friends."""

from typing import Any

from shared.service import public_base_url
from shared.web.api import Blueprint
from shared.web.authentication import current_user_id, defer_account_check
from social_service import errors
from social_service.domain import friends
from social_service.schemas.friends import FriendOut, FriendQuery, FriendsOut, friend_out
from social_service.schemas.people import person_out

blueprint = Blueprint("friends", __name__)


@blueprint.get("/friends")
@defer_account_check
@blueprint.success("success", FriendsOut)
def list_friends() -> dict[str, Any]:
    """List the caller's friends (好友列表/friends)."""
    base = public_base_url()
    return {"friends": [person_out(row, base) for row in friends.list_friends(current_user_id())]}


@blueprint.get("/manage_friends")
@blueprint.arguments(FriendQuery)
@blueprint.success("success", FriendOut)
@blueprint.errors(errors.USER_NOT_FOUND, errors.FRIEND_NOT_FOUND)
def show_friend(friend_id: int) -> dict[str, Any]:
    """Get a friend's profile (好友操作/manage_friends, 查看好友详情)."""
    account, groups = friends.get_friend(current_user_id(), friend_id)
    return friend_out(account, groups, public_base_url())


@blueprint.delete("/manage_friends")
@blueprint.arguments(FriendQuery)
@blueprint.success("success", message="删除好友成功")
@blueprint.errors(errors.FRIEND_NOT_FOUND, errors.ALREADY_NOT_FRIEND)
def remove_friend(friend_id: int) -> None:
    """End a friendship (好友操作/manage_friends, 删除好友)."""
    friends.end_friendship(current_user_id(), friend_id)

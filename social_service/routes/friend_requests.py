"""Routes of friend requests."""

from typing import Any

from shared.service import public_base_url
from shared.web.api import Blueprint
from shared.web.authentication import allow_deleted_account, current_user_id
from social_service import errors
from social_service.domain import friend_requests
from social_service.schemas.friend_requests import (
    FriendRequestHandled,
    FriendRequestIn,
    ReceivedRequestsOut,
    received_request_out,
)

blueprint = Blueprint("friend_requests", __name__)


@blueprint.post("/add_friend")
@allow_deleted_account
@blueprint.arguments(FriendRequestIn)
@blueprint.success("success", message="申请成功")
@blueprint.errors(
    errors.CANNOT_ADD_SELF,
    errors.USER_NOT_FOUND_OR_DELETED,
    errors.ALREADY_FRIENDS,
    errors.REQUEST_ALREADY_SENT,
)
def add_friend(target_id: int, message: str) -> None:
    """Send a friend request (好友申请/add_friend)."""
    friend_requests.send_friend_request(current_user_id(), target_id, message)


@blueprint.get("/friend_requests")
@blueprint.success("success", ReceivedRequestsOut)
def list_friend_requests() -> dict[str, Any]:
    """List received friend requests, newest first (好友申请列表/friend_requests)."""
    base = public_base_url()
    received = friend_requests.list_friend_requests(current_user_id())
    return {"requests": [received_request_out(row, base) for row in received]}


@blueprint.post("/friend_request_handle")
@allow_deleted_account
@blueprint.arguments(FriendRequestHandled)
@blueprint.success("success", message="已接受该好友申请")
@blueprint.errors(errors.USER_DELETED, errors.ALREADY_FRIENDS, errors.REQUEST_NOT_FOUND)
def accept(sender_id: int, receiver_id: int) -> None:
    """Accept a friend request (处理好友申请/friend_request_handle)."""
    friend_requests.accept_friend_request(current_user_id(), sender_id, receiver_id)


@blueprint.delete("/friend_request_handle")
@allow_deleted_account
@blueprint.arguments(FriendRequestHandled)
@blueprint.success("success", message="已拒绝该好友申请")
@blueprint.errors(errors.USER_DELETED, errors.ALREADY_FRIENDS, errors.REQUEST_NOT_FOUND)
def refuse(sender_id: int, receiver_id: int) -> None:
    """Reject a friend request (处理好友申请/friend_request_handle)."""
    friend_requests.refuse_friend_request(current_user_id(), sender_id, receiver_id)

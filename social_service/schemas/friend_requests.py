"""Friend requests."""

from typing import Any

from marshmallow import fields
from marshmallow.validate import Length, OneOf

from shared.web.fields import Id, RequestSchema, ResponseSchema, Text, Time
from social_service.models import RequestStatus
from social_service.schemas.people import avatar_of


class FriendRequestIn(RequestSchema):
    """好友申请/add_friend."""

    target_id = Id(required=True)
    message = Text(load_default="", validate=Length(max=255), metadata={"example": "Hello"})


class FriendRequestHandled(RequestSchema):
    """处理好友申请/friend_request_handle."""

    sender_id = Id(required=True, data_key="sender_user_id")
    receiver_id = Id(required=True, data_key="receiver_user_id")


class ReceivedRequestOut(ResponseSchema):
    """A friend request for its receiver: sender, message, time and status."""

    sender_user_id = fields.Integer()
    receiver_user_id = fields.Integer()
    user_email = fields.String(metadata={"description": "The sender's."})
    user_name = fields.String(metadata={"description": "The sender's."})
    avatar = fields.String(metadata={"description": "The sender's: a URL, or empty."})
    message = fields.String()
    created_at = Time()
    status = fields.Integer(
        validate=OneOf(list(RequestStatus)),
        metadata={"description": "0 pending, 1 accepted, 2 rejected, 3 superseded."},
    )


def received_request_out(received: Any, base: str) -> dict[str, Any]:
    """Build a `ReceivedRequestOut` from a request's row with the sender's account."""
    return {
        "sender_user_id": received.sender_id,
        "receiver_user_id": received.receiver_id,
        "user_email": received.email,
        "user_name": received.name,
        "avatar": avatar_of(received, base),
        "message": received.message,
        "created_at": received.created_at,
        "status": received.status,
    }


class ReceivedRequestsOut(ResponseSchema):
    """The requests that the caller received."""

    requests = fields.List(fields.Nested(ReceivedRequestOut))

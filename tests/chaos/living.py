"""Operations outside of conversations: on friendships, accounts and names."""

from typing import Any

from tests.chaos.citizens import Citizen
from tests.client import PASSWORD
from tests.factories import unused_email

_EXISTS = (400, -1)
_REQUESTED, _FRIENDS_ALREADY = (403, -5), (403, -4)
_NO_FRIENDS_ALREADY = (404, -3)


def change_friendship(citizen: Citizen) -> None:
    """End the friendship with the acquaintance, or start it again."""
    friend = citizen.acquaintance
    pair = (citizen.person.id, friend.id)
    if citizen.record.friends[pair]:
        citizen.insists("DELETE", "/manage_friends", (_NO_FRIENDS_ALREADY,), friend_id=friend.id)
    else:
        expected = (_REQUESTED, _FRIENDS_ALREADY)
        citizen.insists("POST", "/add_friend", expected, target_id=friend.id)
        citizen.insist(
            "POST",
            "/friend_request_handle",
            friend.token,
            (_FRIENDS_ALREADY,),
            sender_user_id=citizen.person.id,
            receiver_user_id=friend.id,
        )
    citizen.record.acknowledged("friends", pair, not citizen.record.friends[pair])


def rename(citizen: Citizen) -> None:
    """Change the name."""
    name = citizen.new_text()
    citizen.insists("PUT", "/account/info", name=name, origin_password=PASSWORD)
    citizen.record.acknowledged("names", citizen.person.id, name)


def register(citizen: Citizen) -> None:
    """Register another account."""
    fields: dict[str, Any] = {"email": unused_email("new"), "password": PASSWORD}
    body = citizen.insist("POST", "/account/reg", None, (_EXISTS,), name="New", **fields)
    if "id" not in body:  # An earlier attempt succeeded, and its response was lost.
        body = citizen.insist("POST", "/account/login", None, **fields)
    citizen.record.acknowledged("accounts", fields["email"], body["id"])

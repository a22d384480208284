"""Permissions: a table of all endpoints and roles.

The group of the table has an owner, two admins and some plain members, one of whom sent the
message, the invitation and the announcement of the table. A stranger was never a member; a
former member was one, and sent a message; both know all ids. A user with a deleted account is a
member without permissions.
"""

from datetime import UTC, datetime
from io import BytesIO
from typing import Any, NamedTuple

import pytest
from flask import Flask
from sqlalchemy import insert

from chat_service import errors
from chat_service.db import db, transaction
from chat_service.models import (
    ADMIN,
    MEMBER,
    OWNER,
    Account,
    Announcement,
    Conversation,
    Invitation,
    Membership,
    Message,
)
from chat_service.tests.images import make_image
from shared.testing.cast import signed_in
from shared.testing.client import assert_error
from shared.testing.contracts import state
from shared.web.errors import INVALID_JWT, ErrorSpec

ROLES = {
    "stranger": 101,
    "former": 102,
    "member": 103,
    "sender": 104,
    "admin": 105,
    "owner": 106,
    "deleted": 107,
}
BYSTANDER, DEPUTY, GUEST, INVITED = 108, 109, 110, 111
PEOPLE = [*ROLES.values(), BYSTANDER, DEPUTY, GUEST, INVITED]
GROUP, MESSAGE, OF_FORMER, INVITATION, ANNOUNCEMENT = 9001, 9002, 9003, 9004, 9005
PRIVATE, IN_PRIVATE = 9101, 9102
IN_GROUP = {
    ROLES["member"]: MEMBER,
    ROLES["sender"]: MEMBER,
    ROLES["admin"]: ADMIN,
    ROLES["owner"]: OWNER,
    ROLES["deleted"]: MEMBER,
    BYSTANDER: MEMBER,
    DEPUTY: ADMIN,
}


class Permissions(NamedTuple):
    """The refusal of each role; None is success. A deleted account gets 401."""

    stranger: ErrorSpec | None
    former: ErrorSpec | None
    member: ErrorSpec | None
    sender: ErrorSpec | None
    admin: ErrorSpec | None
    owner: ErrorSpec | None


def all_roles() -> Permissions:
    return Permissions(None, None, None, None, None, None)


def members(refusal: ErrorSpec) -> Permissions:
    return Permissions(refusal, refusal, None, None, None, None)


def admins(refusal: ErrorSpec) -> Permissions:
    return Permissions(refusal, refusal, refusal, refusal, None, None)


def owner(refusal: ErrorSpec) -> Permissions:
    return Permissions(refusal, refusal, refusal, refusal, refusal, None)


GROUP_BODY = {"conversation_id": GROUP}
BYSTANDER_BODY = {**GROUP_BODY, "user": BYSTANDER}
DEPUTY_BODY = {**GROUP_BODY, "user": DEPUTY}
GUEST_BODY = {**GROUP_BODY, "member_id": GUEST}
TEXT_BODY = {**GROUP_BODY, "content": "hello"}
NEW_GROUP_BODY = {"members": [GUEST], "name": "group"}
MESSAGE_BODY = {"message_id": MESSAGE}
READ_BODY = {**GROUP_BODY, **MESSAGE_BODY}
SYNC_BODY = {"versions": {str(GROUP): 1}}
HIDE_BODY = {"message_ids": [MESSAGE]}
ANNOUNCEMENT_BODY = {"notification_id": ANNOUNCEMENT}
INVITATION_BODY = {"invite_id": INVITATION}
SENDER_TOO = admins(errors.MAY_NOT_DELETE)._replace(sender=None)

# fmt: off
TABLE: dict[tuple[str, str], tuple[dict[str, Any], Permissions]] = {
    ("GET",    "/conversations"): ({}, all_roles()),
    ("POST",   "/conversations"): (NEW_GROUP_BODY, all_roles()),
    ("GET",    "/conversations/messages"): (GROUP_BODY, members(errors.NOT_IN_CONVERSATION_ZH)),
    ("POST",   "/conversations/messages"): (TEXT_BODY, members(errors.NOT_IN_CONVERSATION)),
    ("DELETE", "/conversations/messages"): (MESSAGE_BODY, SENDER_TOO),
    ("POST",   "/conversations/image"): (GROUP_BODY, members(errors.NOT_IN_CONVERSATION)),
    ("DELETE", "/conversations/delete_messages"):
        (HIDE_BODY, members(errors.MESSAGE_NOT_FOUND)),
    ("GET",    "/conversations/get_reply"): (MESSAGE_BODY, members(errors.MESSAGE_NOT_FOUND)),
    ("GET",    "/conversations/manage_messages"):
        (GROUP_BODY, members(errors.CONVERSATION_NOT_FOUND_ZH)),
    ("POST",   "/conversations/sift"): (GROUP_BODY, members(errors.NO_ACCESS_BAD_REQUEST)),
    ("GET",    "/conversations/search"): (TEXT_BODY, members(errors.CONVERSATION_NOT_FOUND_ZH)),
    ("POST",   "/conversations/sync"): (SYNC_BODY, all_roles()),
    ("POST",   "/conversations/read"): (READ_BODY, members(errors.CONVERSATION_NOT_FOUND_ZH)),
    ("POST",   "/conversations/readlist"): (MESSAGE_BODY, members(errors.NO_ACCESS_BAD_REQUEST)),
    ("GET",    "/conversations/get_members"): (GROUP_BODY, members(errors.CONVERSATION_NOT_FOUND)),
    ("GET",    "/interface"): (GROUP_BODY, members(errors.NO_ACCESS)),
    ("POST",   "/interface"): (GROUP_BODY, members(errors.NO_ACCESS)),
    ("POST",   "/conversations/manage/admin"):
        (BYSTANDER_BODY, owner(errors.ONLY_OWNER_SETS_ADMINS)),
    ("DELETE", "/conversations/manage/admin"): (DEPUTY_BODY, owner(errors.ONLY_OWNER_SETS_ADMINS)),
    ("POST",   "/conversations/manage/ownership_transfer"):
        (BYSTANDER_BODY, owner(errors.ONLY_OWNER_TRANSFERS)),
    ("POST",   "/conversations/member/remove"): (GROUP_BODY, members(errors.NOT_IN_GROUP_TO_LEAVE)),
    ("DELETE", "/conversations/member/remove"): (BYSTANDER_BODY, admins(errors.MAY_NOT_REMOVE)),
    ("GET",    "/conversations/manage/notifications"):
        (GROUP_BODY, members(errors.CONVERSATION_NOT_FOUND)),
    ("POST",   "/conversations/manage/notifications"): (TEXT_BODY, admins(errors.MAY_NOT_ANNOUNCE)),
    ("DELETE", "/conversations/manage/notifications"):
        (ANNOUNCEMENT_BODY, admins(errors.MAY_NOT_DELETE_ANNOUNCEMENT)),
    ("POST",   "/conversations/manage/info"): (GROUP_BODY, admins(errors.MAY_NOT_UPDATE)),
    ("POST",   "/conversations/member/add"): (GUEST_BODY, members(errors.CONVERSATION_NOT_FOUND)),
    ("GET",    "/conversations/<conversation_id>/invitation"):
        (GROUP_BODY, members(errors.CONVERSATION_NOT_FOUND)),
    ("GET",    "/conversations/invitation"): (GROUP_BODY, members(errors.CONVERSATION_NOT_FOUND)),
    ("POST",   "/conversations/manage/handle_invitation"):
        (INVITATION_BODY, admins(errors.MAY_NOT_HANDLE)),
    ("DELETE", "/conversations/manage/handle_invitation"):
        (INVITATION_BODY, admins(errors.MAY_NOT_HANDLE)),
}
# fmt: on


def test_the_table_has_all_endpoints_that_need_a_token(app: Flask) -> None:
    protected = {
        (method, rule.rule)
        for rule in app.url_map.iter_rules()
        if not getattr(app.view_functions[rule.endpoint], "is_public", False)
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }
    assert TABLE.keys() == protected


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize(("method", "path"), TABLE)
@pytest.mark.usefixtures("_group_rows")
def test_each_role_has_the_permissions_of_the_table(
    app: Flask, method: str, path: str, role: str
) -> None:
    fields, permissions = TABLE[method, path]
    expected = INVALID_JWT if role == "deleted" else permissions._asdict()[role]

    reply = signed_in(app, ROLES[role]).call(
        method, path.replace("<conversation_id>", str(GROUP)), **_request(path, fields)
    )

    if expected is None:
        assert (reply.status_code, reply.json["code"]) == (200, 0)
    else:
        assert_error(reply, expected)


@pytest.mark.parametrize(
    ("method", "path"), [entry for entry, (_, each) in TABLE.items() if each.stranger is not None]
)
@pytest.mark.usefixtures("_private_rows")
def test_a_stranger_has_no_permission_in_a_private_conversation(
    app: Flask, method: str, path: str
) -> None:
    fields, permissions = TABLE[method, path]
    in_private = {GROUP: PRIVATE, MESSAGE: IN_PRIVATE}
    fields = {
        name: [IN_PRIVATE] if value == [MESSAGE] else in_private.get(value, value)
        for name, value in fields.items()
    }
    reply = signed_in(app, ROLES["stranger"]).call(
        method, path.replace("<conversation_id>", str(PRIVATE)), **_request(path, fields)
    )
    assert permissions.stranger is not None
    assert_error(reply, permissions.stranger)


@pytest.mark.usefixtures("_group_rows")
def test_a_former_member_cannot_delete_an_own_message(app: Flask) -> None:
    former = signed_in(app, ROLES["former"])
    reply = former.delete("/conversations/messages", json={"message_id": OF_FORMER})
    assert_error(reply, errors.MAY_NOT_DELETE)


def _request(path: str, fields: dict[str, Any]) -> dict[str, Any]:
    if path != "/conversations/image":
        return {"json": fields}
    return {"data": {**fields, "image": (BytesIO(make_image()), "cat.png")}}


@pytest.fixture
def _group_rows(app: Flask) -> None:
    """The rows of the table; all its users are friends of the guest."""
    now = datetime.now(UTC)
    with app.app_context(), transaction():
        db.session.execute(insert(Account), [_account(person) for person in PEOPLE])
        db.session.add(Conversation(id=GROUP, is_group=True, last_seq=2, version=2, created_at=now))
        db.session.flush()
        db.session.add_all(
            Membership(conversation_id=GROUP, user_id=user, role=role, joined_at=now)
            for user, role in IN_GROUP.items()
        )
        db.session.add_all(
            Conversation(is_group=False, low_id=person, high_id=GUEST, created_at=now)
            for person in ROLES.values()
        )
        db.session.add_all(
            Message(
                id=message_id,
                conversation_id=GROUP,
                seq=seq,
                version=seq,
                sender_id=sender_id,
                content="hello",
                created_at=now,
            )
            for seq, (message_id, sender_id) in enumerate(
                [(MESSAGE, ROLES["sender"]), (OF_FORMER, ROLES["former"])], start=1
            )
        )
        db.session.add(
            Announcement(
                id=ANNOUNCEMENT,
                conversation_id=GROUP,
                sender_id=ROLES["sender"],
                content="hello",
                created_at=now,
            )
        )
        db.session.add(
            Invitation(
                id=INVITATION,
                conversation_id=GROUP,
                sender_id=ROLES["sender"],
                receiver_id=INVITED,
                created_at=now,
            )
        )


@pytest.fixture
def _private_rows(app: Flask, _group_rows: None) -> None:
    """A private conversation of two other people, with a message."""
    now = datetime.now(UTC)
    pair = {"low_id": BYSTANDER, "high_id": DEPUTY}
    with app.app_context(), transaction():
        db.session.add(
            Conversation(id=PRIVATE, is_group=False, **pair, last_seq=1, version=1, created_at=now)
        )
        db.session.flush()
        db.session.add_all(
            Membership(conversation_id=PRIVATE, user_id=user, joined_at=now)
            for user in pair.values()
        )
        db.session.add(
            Message(
                id=IN_PRIVATE,
                conversation_id=PRIVATE,
                seq=1,
                version=1,
                sender_id=DEPUTY,
                content="hello",
                created_at=now,
            )
        )


def _account(account_id: int) -> dict[str, Any]:
    deleted = account_id == ROLES["deleted"]
    return state("account", id=account_id, deleted=deleted, generation=int(deleted))

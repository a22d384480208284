"""Every error line of the API document and of its reading, from top to bottom.

The line about a wrong or expired token, which every section has, is held by the tests of tokens
for all operations at once; that of the fields' shapes by the tests of bad input.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from tests.people import Visitor, refused
from tests.pictures import picture
from tests.scene import Scene

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("unchanged")]

Fields = Callable[[Scene], dict[str, Any]]


@dataclass(frozen=True)
class Line:
    """An error line: who meets it, by which request, and what it says."""

    operation: str
    name: str
    who: str
    fields: Fields
    status: int
    code: int
    info: str

    def __str__(self) -> str:
        return f"{self.operation}: {self.name}"


REG = "POST /account/reg"
LOGIN = "POST /account/login"
VERIFY = "POST /verify"
CHANGE = "PUT /account/info"
ASK = "POST /add_friend"
ACCEPT = "POST /friend_request_handle"
REFUSE = "DELETE /friend_request_handle"
GROUPS = "POST /groups"
GROUP = "GET /groups/manage_groups"
RENAME = "PUT /groups/manage_groups"
DROP = "DELETE /groups/manage_groups"
LIST = "GET /groups/members"
PUT_IN = "POST /groups/members"
TAKE_OUT = "DELETE /groups/members"
FRIEND = "GET /manage_friends"
UNFRIEND = "DELETE /manage_friends"
DETAIL = "GET /search_user_detail"
CREATE = "POST /conversations"
FETCH = "GET /conversations/messages"
SEND = "POST /conversations/messages"
DELETE = "DELETE /conversations/messages"
REPLIES = "GET /conversations/get_reply"
SETTINGS = "GET /interface"
SET = "POST /interface"
FILTER = "GET /conversations/manage_messages"
PROMOTE = "POST /conversations/manage/admin"
DISMISS = "DELETE /conversations/manage/admin"
NOTICES = "GET /conversations/manage/notifications"
NOTIFY = "POST /conversations/manage/notifications"
UNNOTIFY = "DELETE /conversations/manage/notifications"
TRANSFER = "POST /conversations/manage/ownership_transfer"
LEAVE = "POST /conversations/member/remove"
REMOVE = "DELETE /conversations/member/remove"
INVITE = "POST /conversations/member/add"
ADMIT = "POST /conversations/manage/handle_invitation"
TURN_AWAY = "DELETE /conversations/manage/handle_invitation"
UPDATE = "POST /conversations/manage/info"
MEMBERS = "GET /conversations/get_members"
READERS = "POST /conversations/readlist"
SIFT = "POST /conversations/sift"
HIDE = "DELETE /conversations/delete_messages"
INVITED = "GET /conversations/invitation"

NO_CONVERSATION = (404, -1, "Conversation not found")
NO_CHAT = (404, -1, "会话不存在")
NO_USER = (404, -1, "User not found")
NOT_IN_IT = (400, 1, "User not in conversation")
NO_RIGHT = (403, -3, "权限异常")
NOT_OWNER = (403, -3, "非群主不能设置管理员")
NO_TRANSFER = (403, -3, "非群主不能转让群主")
NO_REMOVAL = (403, -3, "非群主或管理员不能移除群成员")
NO_ADMIN_REMOVAL = (403, -3, "非群主不能移除管理员")
NO_ANNOUNCING = (403, -3, "非群主或管理员不能发布公告")
NO_UNANNOUNCING = (403, -3, "非群主或管理员不能删除公告")
NO_HANDLING = (403, -3, "非群主或管理员不能处理邀请")
NO_UPDATE = (403, -3, "非群主或管理员不能更新群信息")
NO_DELETION = (403, -3, "No permission to delete message")
NO_INVITATION = (403, -5, "Invitation not found")


def register(**fields: str) -> Fields:
    """The fields of a registration that would succeed without ``fields``."""
    usual = {"email": "nobody@example.com", "password": "Secret_1", "name": "Nobody"}
    return lambda _: usual | fields


def change(**fields: str) -> Fields:
    """The fields of a change by somebody who knows the password."""
    return lambda scene: {"origin_password": scene.alice.password, **fields}


def pair(sender: str, receiver: str = "alice") -> Fields:
    """The fields that name a friend request."""
    return lambda scene: {
        "sender_user_id": getattr(scene, sender).id,
        "receiver_user_id": getattr(scene, receiver).id,
    }


def person(field: str, who: str, **more: str) -> Fields:
    """A field that names somebody, and others that name things of the scene."""
    return lambda scene: {field: getattr(scene, who).id, **things(**more)(scene)}


def things(**named: str) -> Fields:
    """Fields that name things of the scene."""
    return lambda scene: {field: getattr(scene, what) for field, what in named.items()}


def group_and(who: str, where: str = "group") -> Fields:
    """A conversation and somebody."""
    return person("user", who, conversation_id=where)


def text(content: str, where: str = "group", **named: str) -> Fields:
    """A conversation and a text."""
    return lambda scene: {
        "conversationId": getattr(scene, where),
        "content": content,
        **things(**named)(scene),
    }


def update(where: str) -> Fields:
    """A new name for a conversation."""
    return lambda scene: {"conversation_id": getattr(scene, where), "name": "New name"}


def in_it(where: str, name: str = "conversation_id") -> Fields:
    """A conversation."""
    return things(**{name: where})


def nobody(**named: str) -> Fields:
    """A conversation, and an account that does not exist."""
    return lambda scene: {"user": scene.unknown, **things(**named)(scene)}


def create(*who: str, unknown: bool = False) -> Fields:
    """A new conversation with people."""
    return lambda scene: {
        "members": [*(getattr(scene, each).id for each in who), *[scene.unknown] * unknown],
        "name": "Name",
    }


def invited(who: str, where: str = "group") -> Fields:
    """An invitation of somebody."""
    return person("member_id", who, conversationId=where)


TOO_LONG = (400, -3, "Name too long")
EMPTY = (400, -3, "Content is empty")
LONG = (400, -3, "Content too long")
INVALID_EMAIL = (400, 1, "Invalid email")
ILLEGAL = (400, -4, "Password illegal")
INVALID_PASSWORD = (400, -4, "Invalid password")
WRONG_PASSWORD = (401, -3, "密码错误")
TAKEN = (400, -1, "User already exists")
NO_REPLY = (400, -4, "Reply message not found")
NO_GROUP = (404, -1, "Group not found")
NO_GROUP_HERE = (404, -3, "Group not found")  # The sign of the code is the document's.
NO_REQUEST = (403, -5, "Request not found")
USER_DELETED = (404, -1, "User deleted")
ALREADY_FRIENDS = (403, -4, "Already friends")
USER_NOT_FOUND_OR_DELETED = (404, -1, "User not found or deleted")
NO_MESSAGE = (404, -1, "Message not found")
CLOSED = NO_CHAT

ROWS: tuple[tuple[str, str, str, Fields, tuple[int, int, str]], ...] = (
    # 基本管理
    (REG, "a name of 21 characters", "visitor", register(name="n" * 21), TOO_LONG),
    (REG, "a name of 21 Chinese characters", "visitor", register(name="名" * 21), TOO_LONG),
    (REG, "an empty name", "visitor", register(name=""), TOO_LONG),
    (REG, "an empty password", "visitor", register(password=""), ILLEGAL),
    (REG, "a password of 21 characters", "visitor", register(password="p" * 21), ILLEGAL),
    (REG, "a blank in the password", "visitor", register(password="pass word"), ILLEGAL),
    (REG, "a hyphen in the password", "visitor", register(password="pass-word"), ILLEGAL),
    (REG, "a Chinese password", "visitor", register(password="密码"), ILLEGAL),
    (REG, "a newline after the password", "visitor", register(password="password\n"), ILLEGAL),
    (REG, "Arabic digits in the password", "visitor", register(password="٣٣٣"), ILLEGAL),
    (REG, "no ciphertext", "visitor", register(password="A" * 24), ILLEGAL),
    (REG, "a ciphertext cut short", "visitor", register(password="A" * 30), ILLEGAL),
    (REG, "no address", "visitor", register(email="nobody"), INVALID_EMAIL),
    (REG, "an empty address", "visitor", register(email=""), INVALID_EMAIL),
    (REG, "an address without a domain", "visitor", register(email="a@"), INVALID_EMAIL),
    (REG, "a newline in the address", "visitor", register(email="a@b.com\nx"), INVALID_EMAIL),
    (REG, "the address is looked at first", "visitor",
     register(email="nobody", name="", password=""), INVALID_EMAIL),
    (REG, "then the name", "visitor", register(name="", password=""), TOO_LONG),
    (REG, "then the password", "visitor",
     lambda s: {"email": s.alice.email, "name": "Nobody", "password": ""}, ILLEGAL),
    (REG, "an account exists", "visitor",
     lambda s: {"email": s.alice.email, "name": "Nobody", "password": "Secret_1"}, TAKEN),
    (REG, "an account exists, written in capitals", "visitor",
     lambda s: {"email": s.alice.email.upper(), "name": "N", "password": "Secret_1"}, TAKEN),
    (REG, "an account exists, with blanks around", "visitor",
     lambda s: {"email": f" {s.alice.email} ", "name": "N", "password": "Secret_1"}, TAKEN),
    (REG, "a deleted account with another password", "visitor",
     lambda s: {"email": s.gone.email, "name": "Nobody", "password": "Another_1"}, TAKEN),
    # 用户认证
    (LOGIN, "nobody", "visitor", register(), NO_USER),
    (LOGIN, "a deleted account", "visitor",
     lambda s: {"email": s.gone.email, "password": s.gone.password},
     (404, 1, "User deleted or not activated")),
    (LOGIN, "a deleted account with a wrong password", "visitor",
     lambda s: {"email": s.gone.email, "password": "Wrong_1"},
     (404, 1, "User deleted or not activated")),
    (LOGIN, "a wrong password", "visitor",
     lambda s: {"email": s.alice.email, "password": "Wrong_1"}, WRONG_PASSWORD),
    (LOGIN, "no ciphertext", "visitor",
     lambda s: {"email": s.alice.email, "password": "A" * 24}, WRONG_PASSWORD),
    (LOGIN, "no base64", "visitor",
     lambda s: {"email": s.alice.email, "password": "密" * 30}, WRONG_PASSWORD),
    (LOGIN, "no address", "visitor", register(email="nobody"), INVALID_EMAIL),
    (VERIFY, "no address", "visitor", lambda _: {"email": "nobody"}, INVALID_EMAIL),
    (CHANGE, "a wrong password", "alice", lambda _: {"origin_password": "Wrong_1", "name": "N"},
     WRONG_PASSWORD),
    (CHANGE, "the password is looked at first", "alice",
     lambda _: {"origin_password": "Wrong_1", "name": "", "email": "nobody"}, WRONG_PASSWORD),
    (CHANGE, "then the name", "alice", change(name="", email="nobody"), TOO_LONG),
    (CHANGE, "then the address", "alice", change(email="nobody", password=""), INVALID_EMAIL),
    (CHANGE, "a name of 21 characters", "alice", change(name="n" * 21), TOO_LONG),
    (CHANGE, "no address", "alice", change(email="nobody"), INVALID_EMAIL),
    (CHANGE, "a blank in the password", "alice", change(password="pass word"), INVALID_PASSWORD),
    (CHANGE, "a newline after it", "alice", change(password="password\n"), INVALID_PASSWORD),
    (CHANGE, "no ciphertext", "alice", change(password="A" * 24), INVALID_PASSWORD),
    (CHANGE, "somebody's address", "alice",
     lambda s: {"origin_password": s.alice.password, "email": s.bob.email.upper()}, TAKEN),
    # 好友关系
    (ASK, "an unknown person", "alice", things(target_id="unknown"), USER_NOT_FOUND_OR_DELETED),
    (ASK, "a deleted person", "alice", person("target_id", "gone"), USER_NOT_FOUND_OR_DELETED),
    (ASK, "a deleted stranger", "erin", person("target_id", "gone"), USER_NOT_FOUND_OR_DELETED),
    (ASK, "a friend", "alice", person("target_id", "bob"), ALREADY_FRIENDS),
    (ASK, "a waiting request", "alice", person("target_id", "frank"),
     (403, -5, "Friend request already sent")),
    (ASK, "oneself", "alice", person("target_id", "alice"),
     (403, -6, "Can not add yourself as friend")),
    (ACCEPT, "a deleted sender", "alice", pair("gone"), USER_DELETED),
    (ACCEPT, "no request", "alice", pair("heidi"), NO_REQUEST),
    (ACCEPT, "one's own request", "alice", pair("alice", "frank"), NO_REQUEST),
    (ACCEPT, "somebody else's request", "bob", pair("erin"), NO_REQUEST),
    (ACCEPT, "a friend", "alice", pair("bob"), ALREADY_FRIENDS),
    (REFUSE, "a deleted sender", "alice", pair("gone"), USER_DELETED),
    (REFUSE, "no request", "alice", pair("heidi"), NO_REQUEST),
    (REFUSE, "one's own request", "alice", pair("alice", "frank"), NO_REQUEST),
    (REFUSE, "somebody else's request", "bob", pair("erin"), NO_REQUEST),
    (REFUSE, "a friend", "alice", pair("bob"), ALREADY_FRIENDS),
    (GROUPS, "a name that one has", "alice", lambda _: {"name": "Family"},
     (409, -1, "Group already exists")),
    (GROUP, "an unknown group", "alice", things(group_id="unknown"), NO_GROUP),
    (GROUP, "another's group", "alice", things(group_id="erins_group"), NO_GROUP),
    (RENAME, "an unknown group", "alice",
     lambda s: {"group_id": s.unknown, "new_name": "N"}, NO_GROUP),
    (RENAME, "another's group", "alice",
     lambda s: {"group_id": s.erins_group, "new_name": "N"}, NO_GROUP),
    (RENAME, "a name that one has", "alice",
     lambda s: {"group_id": s.family, "new_name": "Work"}, (409, -1, "Name already exists")),
    (DROP, "an unknown group", "alice", things(group_id="unknown"), NO_GROUP),
    (DROP, "another's group", "alice", things(group_id="erins_group"), NO_GROUP),
    (LIST, "an unknown group", "alice", things(group_id="unknown"), NO_GROUP),
    (LIST, "another's group", "alice", things(group_id="erins_group"), NO_GROUP),
    (PUT_IN, "an unknown group", "alice", person("member_id", "bob", group_id="unknown"),
     NO_GROUP_HERE),
    (PUT_IN, "another's group", "alice", person("member_id", "bob", group_id="erins_group"),
     NO_GROUP_HERE),
    (PUT_IN, "no friend", "alice", person("member_id", "erin", group_id="family"),
     (404, -1, "Member is not friend")),
    (PUT_IN, "a former friend", "alice", person("member_id", "ivan", group_id="family"),
     (404, -1, "Member is not friend")),
    (PUT_IN, "nobody", "alice", things(member_id="unknown", group_id="family"),
     (404, -1, "Member is not friend")),
    (PUT_IN, "oneself", "alice", person("member_id", "alice", group_id="family"),
     (404, -1, "Member is not friend")),
    (PUT_IN, "somebody who is in it", "alice", person("member_id", "bob", group_id="family"),
     (400, -3, "Member already in group")),
    (TAKE_OUT, "an unknown group", "alice", person("member_id", "bob", group_id="unknown"),
     NO_GROUP_HERE),
    (TAKE_OUT, "another's group", "alice", person("member_id", "bob", group_id="erins_group"),
     NO_GROUP_HERE),
    (TAKE_OUT, "somebody who is not in it", "alice",
     person("member_id", "carol", group_id="family"), (400, -3, "Member not in group")),
    (TAKE_OUT, "nobody", "alice", things(member_id="unknown", group_id="family"),
     (400, -3, "Member not in group")),
    (FRIEND, "nobody", "alice", things(friend_id="unknown"), NO_USER),
    (FRIEND, "no friend", "alice", person("friend_id", "erin"), (404, -1, "Friend not found")),
    (FRIEND, "a former friend", "alice", person("friend_id", "ivan"),
     (404, -1, "Friend not found")),
    (UNFRIEND, "nobody", "alice", things(friend_id="unknown"), (404, -1, "Friend not found")),
    (UNFRIEND, "no friend", "alice", person("friend_id", "erin"),
     (404, -3, "Already not friend")),
    (UNFRIEND, "a former friend", "alice", person("friend_id", "ivan"),
     (404, -3, "Already not friend")),
    (DETAIL, "nobody", "alice", things(userId="unknown"), NO_USER),
    # 在线会话
    (CREATE, "no friend", "alice", create("bob", "erin"),
     (400, -3, "Not friend with current user.")),
    (CREATE, "a former friend", "alice", create("ivan"),
     (400, -3, "Not friend with current user.")),
    (CREATE, "an unknown member, before all else", "alice", create("erin", unknown=True),
     (404, -1, "成员不存在")),
    (CREATE, "a deleted member, before all else", "alice", create("erin", "gone"),
     (404, -1, "成员不存在")),
    (FETCH, "an unknown conversation", "alice", in_it("unknown", "conversationId"), NO_CHAT),
    (FETCH, "a closed one", "alice", in_it("closed", "conversationId"), CLOSED),
    (FETCH, "a stranger", "erin", in_it("group", "conversationId"),
     (400, 1, "用户不在会话中")),
    (FETCH, "a former member", "ivan", in_it("group", "conversationId"),
     (400, 1, "用户不在会话中")),
    (SEND, "a stranger", "erin", text("hello"), (400, 1, "Not in conversation")),
    (SEND, "a stranger with no content", "erin", text(""), (400, 1, "Not in conversation")),
    (SEND, "a former member", "ivan", text("hello"), (400, 1, "Not in conversation")),
    (SEND, "an unknown conversation", "alice", text("hello", "unknown"), NO_CONVERSATION),
    (SEND, "an unknown one, before all else", "alice", text("", "unknown"), NO_CONVERSATION),
    (SEND, "a closed one", "alice", text("hello", "closed"), NO_CONVERSATION),
    (SEND, "nothing", "alice", text(""), EMPTY),
    (SEND, "white space", "alice", text(" \t\n\u3000"), EMPTY),
    (SEND, "nothing in reply to nothing", "alice", text("", reply_to="unknown"), EMPTY),
    (SEND, "256 characters", "alice", text("m" * 256), LONG),
    (SEND, "256 Chinese characters", "alice", text("言" * 256), LONG),
    (SEND, "256 in reply to nothing", "alice", text("m" * 256, reply_to="unknown"), LONG),
    (SEND, "in reply to nothing", "alice", text("hello", reply_to="unknown"), NO_REPLY),
    (SEND, "in reply to another conversation", "alice", text("hello", reply_to="elsewhere"),
     NO_REPLY),
    (REPLIES, "an unknown message", "alice", things(message_id="unknown"), NO_MESSAGE),
    (REPLIES, "a stranger", "erin", things(message_id="message"), NO_MESSAGE),
    (REPLIES, "a former member", "ivan", things(message_id="message"), NO_MESSAGE),
    (SETTINGS, "an unknown conversation", "alice", in_it("unknown"), NO_CHAT),
    (SETTINGS, "a closed one", "alice", in_it("closed"), CLOSED),
    (SETTINGS, "a stranger", "erin", in_it("group"), NO_RIGHT),
    (SETTINGS, "a former member", "ivan", in_it("group"), NO_RIGHT),
    (SET, "an unknown conversation", "alice", in_it("unknown", "conversationId"), NO_CHAT),
    (SET, "a stranger", "erin", in_it("group", "conversationId"), NO_RIGHT),
    (FILTER, "an unknown conversation", "alice", in_it("unknown", "conversationId"), NO_CHAT),
    (FILTER, "a stranger", "erin", in_it("group", "conversationId"), NO_CHAT),
    (FILTER, "a former member", "ivan", in_it("group", "conversationId"), NO_CHAT),
    (FILTER, "a closed one", "alice", in_it("closed", "conversationId"), CLOSED),
    (DELETE, "an unknown message", "alice", things(message_id="unknown"),
     (404, -1, "消息不存在")),
    (DELETE, "a member's of another's message", "carol", things(message_id="message"),
     NO_DELETION),
    (DELETE, "a stranger", "erin", things(message_id="message"), NO_DELETION),
    (DELETE, "the friend in a private conversation", "bob", things(message_id="elsewhere"),
     NO_DELETION),
    # 群聊管理
    (PROMOTE, "an unknown conversation", "alice", group_and("carol", "unknown"),
     NO_CONVERSATION),
    (PROMOTE, "a user who does not exist", "alice", nobody(conversation_id="group"), NO_USER),
    (PROMOTE, "a user who is not in it", "alice", group_and("dave"), NOT_IN_IT),
    (PROMOTE, "a former member", "alice", group_and("ivan"), NOT_IN_IT),
    (PROMOTE, "by an admin", "bob", group_and("carol"), NOT_OWNER),
    (PROMOTE, "by a member", "carol", group_and("carol"), NOT_OWNER),
    (PROMOTE, "by a stranger", "erin", group_and("carol"), NOT_OWNER),
    (PROMOTE, "the right comes before the user", "bob", nobody(conversation_id="group"),
     NOT_OWNER),
    (PROMOTE, "in a private conversation", "alice", group_and("bob", "private"), NOT_OWNER),
    (PROMOTE, "an admin", "alice", group_and("bob"), (403, 3, "成员已经是管理员")),
    (DISMISS, "no admin", "alice", group_and("carol"), (403, 3, "管理员不是群组管理员")),
    (DISMISS, "an unknown conversation", "alice", group_and("bob", "unknown"), NO_CONVERSATION),
    (DISMISS, "a user who does not exist", "alice", nobody(conversation_id="group"), NO_USER),
    (DISMISS, "a user who is not in it", "alice", group_and("dave"), NOT_IN_IT),
    (DISMISS, "by an admin", "bob", group_and("bob"), NOT_OWNER),
    (DISMISS, "by a stranger", "erin", group_and("bob"), NOT_OWNER),
    (DISMISS, "in a private conversation", "alice", group_and("bob", "private"), NOT_OWNER),
    (NOTICES, "an unknown conversation", "alice", in_it("unknown"), NO_CONVERSATION),
    (NOTICES, "a stranger", "erin", in_it("group"), NO_CONVERSATION),
    (NOTICES, "a former member", "ivan", in_it("group"), NO_CONVERSATION),
    (NOTIFY, "by a member", "carol", text("News"), NO_ANNOUNCING),
    (NOTIFY, "by a stranger", "erin", text("News"), NO_ANNOUNCING),
    (NOTIFY, "in a private conversation", "alice", text("News", "private"), NO_ANNOUNCING),
    (NOTIFY, "an unknown conversation", "alice", text("News", "unknown"), NO_CONVERSATION),
    (NOTIFY, "nothing", "alice", text(""), EMPTY),
    (NOTIFY, "2001 characters", "alice", text("公" * 2001), LONG),
    (NOTIFY, "the right comes before the content", "carol", text(""), NO_ANNOUNCING),
    (UNNOTIFY, "an unknown announcement", "alice", things(notification_id="unknown"),
     (404, -1, "Notification not found")),
    (UNNOTIFY, "by a member", "carol", things(notification_id="announcement"),
     NO_UNANNOUNCING),
    (UNNOTIFY, "by a stranger", "erin", things(notification_id="announcement"),
     NO_UNANNOUNCING),
    (TRANSFER, "by an admin", "bob", group_and("carol"), NO_TRANSFER),
    (TRANSFER, "by a member to himself", "carol", group_and("carol"), NO_TRANSFER),
    (TRANSFER, "by a stranger", "erin", group_and("carol"), NO_TRANSFER),
    (TRANSFER, "of a private conversation", "alice", group_and("bob", "private"), NO_TRANSFER),
    (TRANSFER, "to oneself", "alice", group_and("alice"), (403, -3, "不能转让给自己")),
    (TRANSFER, "an unknown conversation", "alice", group_and("carol", "unknown"),
     NO_CONVERSATION),
    (TRANSFER, "to nobody", "alice", nobody(conversation_id="group"), NO_USER),
    (TRANSFER, "to somebody who is not in it", "alice", group_and("dave"), NOT_IN_IT),
    (LEAVE, "a stranger", "erin", in_it("group"), (400, 1, "你不在群组中，无法退出")),
    (LEAVE, "a former member", "ivan", in_it("group"), (400, 1, "你不在群组中，无法退出")),
    (LEAVE, "a private conversation", "alice", in_it("private"),
     (400, 1, "你不在群组中，无法退出")),
    (LEAVE, "an unknown conversation", "alice", in_it("unknown"), NO_CONVERSATION),
    (REMOVE, "by a member", "carol", group_and("heidi"), NO_REMOVAL),
    (REMOVE, "by a stranger", "erin", group_and("heidi"), NO_REMOVAL),
    (REMOVE, "in a private conversation", "alice", group_and("bob", "private"), NO_REMOVAL),
    (REMOVE, "the owner, by an admin", "bob", group_and("alice"), NO_ADMIN_REMOVAL),
    (REMOVE, "the owner, by himself", "alice", group_and("alice"),
     (403, -3, "群主不能移除自己")),
    (REMOVE, "somebody who is not in it", "alice", group_and("dave"), NOT_IN_IT),
    (REMOVE, "a former member", "bob", group_and("ivan"), NOT_IN_IT),
    (REMOVE, "an unknown conversation", "alice", group_and("carol", "unknown"),
     NO_CONVERSATION),
    (REMOVE, "nobody", "alice", nobody(conversation_id="group"), NO_USER),
    (INVITE, "a member", "alice", invited("bob"),
     (403, -3, "The member is already in the conversation")),
    (INVITE, "no friend", "alice", invited("erin"), (403, -4, "The user is not your friend")),
    (INVITE, "nobody", "alice", things(member_id="unknown", conversationId="group"),
     (403, -4, "The user is not your friend")),
    (INVITE, "one of several is no friend", "alice",
     lambda s: {"conversationId": s.group, "member_id": [s.dave.id, s.erin.id]},
     (403, -4, "The user is not your friend")),
    (INVITE, "one of several is a member", "alice",
     lambda s: {"conversationId": s.group, "member_id": [s.dave.id, s.bob.id]},
     (403, -3, "The member is already in the conversation")),
    (INVITE, "twice", "carol", invited("frank"),
     (403, -5, "正在等待管理员确认，请不要重复发送")),
    (INVITE, "into an unknown conversation", "alice", invited("dave", "unknown"),
     NO_CONVERSATION),
    (INVITE, "into a private one", "alice", invited("dave", "private"), NO_CONVERSATION),
    (INVITE, "into a foreign one", "dave", invited("alice"), NO_CONVERSATION),
    (ADMIT, "by a member", "carol", things(conversation_id="group", invite_id="waiting"),
     NO_HANDLING),
    (ADMIT, "by a stranger", "erin", things(conversation_id="group", invite_id="waiting"),
     NO_HANDLING),
    (ADMIT, "by the invited", "frank", things(invite_id="waiting"), NO_HANDLING),
    (ADMIT, "a handled one", "alice", things(conversation_id="group", invite_id="handled"),
     (403, -4, "邀请已处理")),
    (ADMIT, "a handled one, by a member", "carol", things(invite_id="handled"), NO_HANDLING),
    (ADMIT, "an unknown one", "alice", things(conversation_id="group", invite_id="unknown"),
     NO_INVITATION),
    (ADMIT, "one of another conversation", "alice",
     things(conversation_id="other_group", invite_id="waiting"), NO_INVITATION),
    (TURN_AWAY, "by a member", "carol", things(conversation_id="group", invite_id="waiting"),
     NO_HANDLING),
    (TURN_AWAY, "by a stranger", "erin", things(invite_id="waiting"), NO_HANDLING),
    (TURN_AWAY, "a handled one", "alice", things(invite_id="handled"),
     (403, -4, "邀请已处理")),
    (TURN_AWAY, "an unknown one", "alice", things(invite_id="unknown"), NO_INVITATION),
    (TURN_AWAY, "one of another conversation", "alice",
     things(conversation_id="other_group", invite_id="waiting"), NO_INVITATION),
    (UPDATE, "by a member", "carol", update("group"), NO_UPDATE),
    (UPDATE, "by a stranger", "erin", update("group"), NO_UPDATE),
    (UPDATE, "of a private conversation", "alice", update("private"), NO_UPDATE),
    (UPDATE, "an unknown conversation", "alice", update("unknown"), NO_CONVERSATION),
    # What the existing web client also calls
    (MEMBERS, "an unknown conversation", "alice", in_it("unknown"), NO_CONVERSATION),
    (MEMBERS, "a stranger", "erin", in_it("group"), NO_CONVERSATION),
    (READERS, "an unknown message", "alice", things(message_id="unknown"),
     (404, -1, "消息不存在")),
    (READERS, "a stranger", "erin", things(message_id="message"), (400, -3, "权限异常")),
    (SIFT, "an unknown conversation", "alice", in_it("unknown", "conversationId"), NO_CHAT),
    (SIFT, "a stranger", "erin", in_it("group", "conversationId"), (400, -3, "权限异常")),
    (HIDE, "an unknown message", "alice",
     lambda s: {"message_ids": [s.message, s.unknown]}, NO_MESSAGE),
    (HIDE, "a foreign message", "dave", lambda s: {"message_ids": [s.message]}, NO_MESSAGE),
    (INVITED, "an unknown conversation", "alice", in_it("unknown"), NO_CONVERSATION),
    (INVITED, "a stranger", "erin", in_it("group"), NO_CONVERSATION),
)  # fmt: skip
LINES = tuple(Line(*row[:4], *row[4]) for row in ROWS)


@pytest.mark.parametrize("line", LINES, ids=str)
def test_a_line_is_answered_word_for_word(scene: Scene, visitor: Visitor, line: Line) -> None:
    caller: Visitor = visitor if line.who == "visitor" else getattr(scene, line.who)
    method, path = line.operation.split()

    reply = caller.call(method, path, json=line.fields(scene))

    assert reply == refused(line.status, line.code, line.info)


@pytest.mark.parametrize("who", ["alice", "erin"])
@pytest.mark.parametrize("conversation", ["unknown", "group"])
def test_the_invitations_of_a_conversation_that_is_not_ones_own_are_not_found(
    scene: Scene, who: str, conversation: str
) -> None:
    caller = scene.erin if conversation == "group" else getattr(scene, who)

    reply = caller.get(f"/conversations/{getattr(scene, conversation)}/invitation")

    assert reply == refused(*NO_CONVERSATION)


@pytest.mark.parametrize(
    ("who", "conversation", "expected"),
    [
        ("alice", "unknown", NO_CONVERSATION),
        ("alice", "closed", NO_CONVERSATION),
        ("erin", "group", (400, 1, "Not in conversation")),
        ("ivan", "group", (400, 1, "Not in conversation")),
    ],
)
def test_an_image_goes_into_ones_own_conversations_only(
    scene: Scene, who: str, conversation: str, expected: tuple[int, int, str]
) -> None:
    caller = getattr(scene, who)
    where = {"conversationId": str(getattr(scene, conversation))}

    reply = caller.call("POST", "/conversations/image", data=where, files={"image": picture()})

    assert reply == refused(*expected)

"""A table of every operation of the API and its fields."""

from dataclasses import dataclass
from enum import Enum, auto


class Kind(Enum):
    """The kind of value of a field."""

    ID = auto()
    ID_LIST = auto()  # one id, at least
    VALUE = auto()  # anything else


@dataclass(frozen=True)
class Field:
    """A field of a request, by its name in the API document."""

    name: str
    kind: Kind
    required: bool = True


@dataclass(frozen=True)
class Operation:
    """A method of a path."""

    method: str
    path: str
    fields: tuple[Field, ...] = ()
    public: bool = False

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


def _may(name: str, kind: Kind) -> Field:
    return Field(name, kind, required=False)


_CONVERSATION_ID = Field("conversation_id", Kind.ID)
_CONVERSATION = Field("conversationId", Kind.ID)
_USER = Field("user", Kind.ID)
_GROUP = Field("group_id", Kind.ID)
_MEMBER = Field("member_id", Kind.ID)
_FRIEND = Field("friend_id", Kind.ID)
_MESSAGE = Field("message_id", Kind.ID)
_PAIR = (Field("sender_user_id", Kind.ID), Field("receiver_user_id", Kind.ID))
_INVITATION = (_may("conversation_id", Kind.ID), Field("invite_id", Kind.ID))
_FILTERS = (
    _CONVERSATION,
    _may("start_time", Kind.VALUE),
    _may("end_time", Kind.VALUE),
    _may("sender_id", Kind.ID),
    _may("sender_name", Kind.VALUE),
    _may("content", Kind.VALUE),
)

IMAGE = Operation("POST", "/conversations/image")
INVITATION_LIST = Operation("GET", "/conversations/1/invitation")

OPERATIONS = (
    # 基本管理, 用户认证
    Operation(
        "POST",
        "/account/reg",
        (Field("email", Kind.VALUE), Field("password", Kind.VALUE), Field("name", Kind.VALUE)),
        public=True,
    ),
    Operation("DELETE", "/account/delete"),
    Operation(
        "POST",
        "/account/login",
        (Field("email", Kind.VALUE), Field("password", Kind.VALUE)),
        public=True,
    ),
    Operation("POST", "/verify", (Field("email", Kind.VALUE),), public=True),
    Operation("GET", "/account/info"),
    Operation(
        "PUT",
        "/account/info",
        (
            Field("origin_password", Kind.VALUE),
            _may("name", Kind.VALUE),
            _may("password", Kind.VALUE),
            _may("email", Kind.VALUE),
            _may("user_info", Kind.VALUE),
            _may("avatar", Kind.VALUE),
        ),
    ),
    # 好友关系
    Operation("GET", "/search_user", (Field("query_name", Kind.VALUE),)),
    Operation("POST", "/add_friend", (Field("target_id", Kind.ID), _may("message", Kind.VALUE))),
    Operation("GET", "/friend_requests"),
    Operation("POST", "/friend_request_handle", _PAIR),
    Operation("DELETE", "/friend_request_handle", _PAIR),
    Operation("GET", "/groups"),
    Operation("POST", "/groups", (Field("name", Kind.VALUE),)),
    Operation("GET", "/groups/manage_groups", (_GROUP,)),
    Operation("PUT", "/groups/manage_groups", (_GROUP, Field("new_name", Kind.VALUE))),
    Operation("DELETE", "/groups/manage_groups", (_GROUP,)),
    Operation("GET", "/groups/members", (_GROUP,)),
    Operation("POST", "/groups/members", (_GROUP, _MEMBER)),
    Operation("DELETE", "/groups/members", (_GROUP, _MEMBER)),
    Operation("GET", "/friends"),
    Operation("GET", "/manage_friends", (_FRIEND,)),
    Operation("DELETE", "/manage_friends", (_FRIEND,)),
    Operation("GET", "/search_user_detail", (Field("userId", Kind.ID),)),
    # 在线会话
    Operation("GET", "/conversations"),
    Operation(
        "POST", "/conversations", (Field("members", Kind.ID_LIST), Field("name", Kind.VALUE))
    ),
    Operation(
        "GET",
        "/conversations/messages",
        (
            _CONVERSATION,
            _may("from", Kind.VALUE),
            _may("limit", Kind.VALUE),
            _may("before_id", Kind.ID),
            _may("after_id", Kind.ID),
            _may("after_version", Kind.ID),
        ),
    ),
    Operation(
        "POST",
        "/conversations/messages",
        (
            _CONVERSATION,
            Field("content", Kind.VALUE),
            _may("reply_to", Kind.ID),
            _may("client_id", Kind.VALUE),
        ),
    ),
    Operation("DELETE", "/conversations/messages", (_MESSAGE,)),
    IMAGE,
    Operation("GET", "/conversations/get_reply", (_MESSAGE,)),
    Operation("GET", "/interface", (_CONVERSATION_ID,)),
    Operation(
        "POST",
        "/interface",
        (
            _CONVERSATION,
            _may("ontop", Kind.VALUE),
            _may("notification", Kind.VALUE),
            _may("unreads", Kind.VALUE),
        ),
    ),
    Operation("GET", "/conversations/manage_messages", _FILTERS),
    # 群聊管理
    Operation("POST", "/conversations/manage/admin", (_CONVERSATION_ID, _USER)),
    Operation("DELETE", "/conversations/manage/admin", (_CONVERSATION_ID, _USER)),
    Operation("GET", "/conversations/manage/notifications", (_CONVERSATION_ID,)),
    Operation(
        "POST",
        "/conversations/manage/notifications",
        (_CONVERSATION_ID, Field("content", Kind.VALUE)),
    ),
    Operation(
        "DELETE", "/conversations/manage/notifications", (Field("notification_id", Kind.ID),)
    ),
    Operation("POST", "/conversations/manage/ownership_transfer", (_CONVERSATION_ID, _USER)),
    Operation("POST", "/conversations/member/remove", (_CONVERSATION_ID,)),
    Operation("DELETE", "/conversations/member/remove", (_CONVERSATION_ID, _USER)),
    Operation(
        "POST",
        "/conversations/member/add",
        (_CONVERSATION, Field("member_id", Kind.VALUE)),
    ),
    INVITATION_LIST,
    Operation("POST", "/conversations/manage/handle_invitation", _INVITATION),
    Operation("DELETE", "/conversations/manage/handle_invitation", _INVITATION),
    Operation(
        "POST",
        "/conversations/manage/info",
        (_CONVERSATION_ID, _may("name", Kind.VALUE), _may("avatar", Kind.VALUE)),
    ),
    # What the existing web client also calls
    Operation("GET", "/csrf", public=True),
    Operation("GET", "/conversations/get_members", (_CONVERSATION_ID,)),
    Operation("POST", "/conversations/readlist", (_MESSAGE,)),
    Operation("POST", "/conversations/sift", _FILTERS),
    Operation("DELETE", "/conversations/delete_messages", (Field("message_ids", Kind.ID_LIST),)),
    Operation("GET", "/conversations/invitation", (_CONVERSATION_ID,)),
    # Beyond the document; each service tries its own fields.
    Operation("POST", "/account/logout"),
    Operation("GET", "/account/export"),
    Operation("GET", "/account/sessions"),
    Operation("DELETE", "/account/sessions"),
    Operation("POST", "/account/password/forgot", public=True),
    Operation("POST", "/account/password/reset", public=True),
    Operation("GET", "/blocks"),
    Operation("POST", "/blocks"),
    Operation("DELETE", "/blocks"),
    Operation("POST", "/conversations/sync"),
    Operation("POST", "/conversations/read"),
    Operation("GET", "/conversations/search"),
)

PROTECTED = tuple(each for each in OPERATIONS if not each.public)
WITH_FIELDS = tuple(each for each in OPERATIONS if each.fields)

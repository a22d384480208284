"""Every endpoint documents the refusals of the API document, and the catalogue has no other."""

from typing import Any

import pytest
from flask import Flask

from chat_service import errors
from shared.web.errors import ErrorSpec

NOT_FOUND = (404, -1, "Conversation not found")
NOT_FOUND_ZH = (404, -1, "会话不存在")
NO_ACCESS = (403, -3, "权限异常")
NO_ACCESS_BAD_REQUEST = (400, -3, "权限异常")
NOT_IN_CONVERSATION = (400, 1, "Not in conversation")
CLIENT_ID_USED = (409, -409, "client_id already used")
MESSAGE_NOT_FOUND = (404, -1, "Message not found")
MESSAGE_NOT_FOUND_ZH = (404, -1, "消息不存在")
USER_NOT_FOUND = (404, -1, "User not found")
USER_NOT_IN_IT = (400, 1, "User not in conversation")
ONLY_OWNER_SETS_ADMINS = (403, -3, "非群主不能设置管理员")
HANDLING = {
    (403, -3, "非群主或管理员不能处理邀请"),
    (403, -4, "邀请已处理"),
    (403, -5, "Invitation not found"),
    (403, -6, "User already in conversation"),
}

# The refusals of the API document, without those of every endpoint.
REFUSALS: dict[str, set[tuple[int, int, str]]] = {
    "GET /conversations": set(),
    "POST /conversations": {
        (404, -1, "成员不存在"),
        (400, -3, "Not friend with current user."),
    },
    "GET /conversations/messages": {NOT_FOUND_ZH, (400, 1, "用户不在会话中")},
    "POST /conversations/messages": {
        NOT_FOUND,
        NOT_IN_CONVERSATION,
        (400, -3, "Content is empty"),
        (400, -3, "Content too long"),
        (400, -4, "Reply message not found"),
        CLIENT_ID_USED,
    },
    "DELETE /conversations/messages": {
        MESSAGE_NOT_FOUND_ZH,
        (403, -3, "No permission to delete message"),
    },
    "POST /conversations/image": {NOT_FOUND, NOT_IN_CONVERSATION, CLIENT_ID_USED},
    "GET /media/{name}": set(),
    "GET /conversations/get_reply": {MESSAGE_NOT_FOUND},
    "GET /interface": {NOT_FOUND_ZH, NO_ACCESS},
    "POST /interface": {NOT_FOUND_ZH, NO_ACCESS},
    "GET /conversations/manage_messages": {NOT_FOUND_ZH},
    "POST /conversations/sift": {NOT_FOUND_ZH, NO_ACCESS_BAD_REQUEST},
    "GET /conversations/search": {NOT_FOUND_ZH},
    "POST /conversations/sync": set(),
    "POST /conversations/read": {NOT_FOUND_ZH, MESSAGE_NOT_FOUND_ZH},
    "POST /conversations/readlist": {MESSAGE_NOT_FOUND_ZH, NO_ACCESS_BAD_REQUEST},
    "DELETE /conversations/delete_messages": {MESSAGE_NOT_FOUND},
    "GET /conversations/get_members": {NOT_FOUND},
    "GET /csrf": set(),
    "POST /conversations/manage/admin": {
        NOT_FOUND,
        ONLY_OWNER_SETS_ADMINS,
        USER_NOT_FOUND,
        USER_NOT_IN_IT,
        (403, 3, "成员已经是管理员"),
    },
    "DELETE /conversations/manage/admin": {
        NOT_FOUND,
        ONLY_OWNER_SETS_ADMINS,
        USER_NOT_FOUND,
        USER_NOT_IN_IT,
        (403, 3, "管理员不是群组管理员"),
    },
    "GET /conversations/manage/notifications": {NOT_FOUND},
    "POST /conversations/manage/notifications": {
        NOT_FOUND,
        (403, -3, "非群主或管理员不能发布公告"),
        (400, -3, "Content is empty"),
        (400, -3, "Content too long"),
    },
    "DELETE /conversations/manage/notifications": {
        (404, -1, "Notification not found"),
        (403, -3, "非群主或管理员不能删除公告"),
    },
    "POST /conversations/manage/ownership_transfer": {
        NOT_FOUND,
        (403, -3, "非群主不能转让群主"),
        (403, -3, "不能转让给自己"),
        USER_NOT_FOUND,
        USER_NOT_IN_IT,
    },
    "POST /conversations/member/remove": {NOT_FOUND, (400, 1, "你不在群组中，无法退出")},
    "DELETE /conversations/member/remove": {
        NOT_FOUND,
        (403, -3, "非群主或管理员不能移除群成员"),
        (403, -3, "非群主不能移除管理员"),
        (403, -3, "群主不能移除自己"),
        USER_NOT_FOUND,
        USER_NOT_IN_IT,
    },
    "POST /conversations/member/add": {
        NOT_FOUND,
        (403, -3, "The member is already in the conversation"),
        (403, -4, "The user is not your friend"),
        (403, -5, "正在等待管理员确认，请不要重复发送"),
    },
    "GET /conversations/{conversation_id}/invitation": {NOT_FOUND},
    "GET /conversations/invitation": {NOT_FOUND},
    "POST /conversations/manage/handle_invitation": HANDLING,
    "DELETE /conversations/manage/handle_invitation": HANDLING,
    "POST /conversations/manage/info": {NOT_FOUND, (403, -3, "非群主或管理员不能更新群信息")},
}
OF_EVERY_ENDPOINT = {(401, -2), (400, -7), (404, -404), (413, -413), (415, -415), (429, -429)}


@pytest.fixture
def document(app: Flask) -> Any:
    """The served OpenAPI document."""
    return app.test_client().get("/openapi.json").json


def list_documented_errors(operation: dict[str, Any]) -> set[tuple[int, int, str]]:
    return {
        (int(status), example["value"]["code"], example["value"]["info"])
        for status, response in operation["responses"].items()
        if status not in ("200", "default")
        for example in response["content"]["application/json"]["examples"].values()
    }


@pytest.mark.parametrize("endpoint", REFUSALS)
def test_an_endpoint_documents_the_refusals_of_the_api_document(
    document: dict[str, Any], endpoint: str
) -> None:
    method, path = endpoint.split()
    refusals = list_documented_errors(document["paths"][path][method.lower()])
    assert {row for row in refusals if row[:2] not in OF_EVERY_ENDPOINT} == REFUSALS[endpoint]


def test_every_documented_endpoint_is_in_the_table(document: dict[str, Any]) -> None:
    served = {
        f"{method.upper()} {path}"
        for path, item in document["paths"].items()
        for method in item.keys() - {"parameters"}
    }
    assert served == REFUSALS.keys()


def test_every_row_of_the_catalogue_is_a_refusal_of_some_endpoint() -> None:
    catalogue = {
        (spec.status, spec.code, spec.info)
        for spec in vars(errors).values()
        if isinstance(spec, ErrorSpec)
    }
    assert catalogue == set().union(*REFUSALS.values())


def test_undocumented_endpoints_are_probes_internal_ones_and_websockets(
    app: Flask, document: dict[str, Any]
) -> None:
    rules = (rule.rule for rule in app.url_map.iter_rules() if rule.endpoint != "static")
    served = {rule.replace("<", "{").replace(">", "}") for rule in rules}
    assert served - document["paths"].keys() == {
        "/livez",
        "/readyz",
        "/healthz",
        "/openapi.json",
        "/internal/events",
        "/internal/export",
        "/ws/",
    }

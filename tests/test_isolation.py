"""No user can read or change the data of others, or detect that it exists."""

import json
from typing import Any

import pytest

from tests.client import UNKNOWN, ApiClient
from tests.operations import INVITATION_LIST, WITH_FIELDS, Kind, Operation
from tests.scene import Scene

pytestmark = pytest.mark.usefixtures("unchanged")

# Operations that are open to all users, or create data of the caller.
OPEN = {
    "GET /search_user",
    "GET /search_user_detail",
    "POST /add_friend",
    "POST /groups",
}
# Operations with a documented response to users without permission.
REVEALING = {
    "PUT /account/info",
    "POST /friend_request_handle",
    "DELETE /friend_request_handle",
    "GET /manage_friends",
    "DELETE /manage_friends",
    "POST /conversations",
    "GET /conversations/messages",
    "POST /conversations/messages",
    "DELETE /conversations/messages",
    "GET /interface",
    "POST /interface",
    "POST /conversations/manage/admin",
    "DELETE /conversations/manage/admin",
    "POST /conversations/manage/notifications",
    "DELETE /conversations/manage/notifications",
    "POST /conversations/manage/ownership_transfer",
    "POST /conversations/member/remove",
    "DELETE /conversations/member/remove",
    "POST /conversations/manage/handle_invitation",
    "DELETE /conversations/manage/handle_invitation",
    "POST /conversations/manage/info",
    "POST /conversations/readlist",
    "POST /conversations/sift",
}
CLOSED = tuple(each for each in WITH_FIELDS if not each.public and str(each) not in OPEN)
SILENT = tuple(each for each in CLOSED if str(each) not in REVEALING)
OUTSIDERS = ("erin", "ivan", "frank")


def request_of(scene: Scene, operation: Operation) -> dict[str, Any]:
    """The fields of an operation, with ids of the data of Alice."""
    return {
        field.name: scene.examples()[field.name] for field in operation.fields if field.required
    }


def request_of_nothing(scene: Scene, operation: Operation) -> dict[str, Any]:
    """The same fields, with ids that do not exist."""
    return request_of(scene, operation) | {
        field.name: [UNKNOWN] if field.kind is Kind.ID_LIST else UNKNOWN
        for field in operation.fields
        if field.required and field.kind in {Kind.ID, Kind.ID_LIST}
    }


@pytest.mark.parametrize("who", OUTSIDERS)
def test_an_outsider_is_refused(scene: Scene, who: str) -> None:
    outsider: ApiClient = getattr(scene, who)

    statuses = {
        str(each): outsider.call(each.method, each.path, json=request_of(scene, each)).status
        for each in CLOSED
    }

    assert set(statuses.values()) <= {400, 401, 403, 404}, statuses


def test_a_stranger_gets_the_same_response_as_for_unknown_ids(scene: Scene) -> None:
    real = {
        str(each): scene.erin.call(each.method, each.path, json=request_of(scene, each))
        for each in SILENT
    }

    assert real == {
        str(each): scene.erin.call(each.method, each.path, json=request_of_nothing(scene, each))
        for each in SILENT
    }


def test_a_stranger_gets_the_same_response_as_for_invitations_of_an_unknown_group(
    scene: Scene,
) -> None:
    path = INVITATION_LIST.path

    real = scene.erin.get(path.replace("1", str(scene.group)))

    assert real == scene.erin.get(path.replace("1", str(UNKNOWN)))


@pytest.mark.parametrize(
    "path", ["/conversations", "/groups", "/friends", "/friend_requests", "/blocks"]
)
def test_lists_contain_only_data_of_the_caller(scene: Scene, path: str) -> None:
    answered = json.dumps(scene.erin.get(path).result(), ensure_ascii=False)

    assert all(name not in answered for name in ("Group", "Family", "Bob"))


def test_no_response_contains_a_password(scene: Scene) -> None:
    answers = json.dumps([reply.body for each in scene.picture()[:2] for reply in each])

    assert scene.alice.password not in answers
    assert "$argon2" not in answers

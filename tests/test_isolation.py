"""Nobody sees or changes what is not his, and a stranger does not even learn that it exists."""

import json
from typing import Any

import pytest

from tests.client import UNKNOWN, ApiClient
from tests.operations import INVITATION_LIST, WITH_FIELDS, Kind, Operation
from tests.scene import Scene

pytestmark = pytest.mark.usefixtures("unchanged")

# What is for everybody, or makes something of one's own.
OPEN = {
    "GET /search_user",
    "GET /search_user_detail",
    "POST /add_friend",
    "POST /groups",
}
# Where the document says what somebody is told who may not.
TELLING = {
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
SILENT = tuple(each for each in CLOSED if str(each) not in TELLING)
OUTSIDERS = ("erin", "ivan", "frank")


def request_of(scene: Scene, operation: Operation) -> dict[str, Any]:
    """The fields of an operation, all naming things of Alice's."""
    return {
        field.name: scene.examples()[field.name] for field in operation.fields if field.required
    }


def request_of_nothing(scene: Scene, operation: Operation) -> dict[str, Any]:
    """The same fields, naming things that do not exist."""
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


def test_a_stranger_is_answered_as_if_the_thing_did_not_exist(scene: Scene) -> None:
    real = {
        str(each): scene.erin.call(each.method, each.path, json=request_of(scene, each))
        for each in SILENT
    }

    assert real == {
        str(each): scene.erin.call(each.method, each.path, json=request_of_nothing(scene, each))
        for each in SILENT
    }


def test_a_stranger_learns_nothing_of_a_list_of_invitations(scene: Scene) -> None:
    path = INVITATION_LIST.path

    real = scene.erin.get(path.replace("1", str(scene.group)))

    assert real == scene.erin.get(path.replace("1", str(UNKNOWN)))


@pytest.mark.parametrize(
    "path", ["/conversations", "/groups", "/friends", "/friend_requests", "/blocks"]
)
def test_lists_hold_ones_own_alone(scene: Scene, path: str) -> None:
    answered = json.dumps(scene.erin.get(path).result(), ensure_ascii=False)

    assert all(name not in answered for name in ("Group", "Family", "Bob"))


def test_no_answer_holds_a_password(scene: Scene) -> None:
    answers = json.dumps([reply.body for each in scene.picture()[:2] for reply in each])

    assert scene.alice.password not in answers
    assert "$argon2" not in answers

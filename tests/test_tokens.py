"""A request without a valid token is rejected before its other parts are checked."""

from ims_client import Reply

from tests.attacks.forgeries import Mint
from tests.client import INVALID_JWT, ApiClient
from tests.factories import befriend, make_user
from tests.operations import PROTECTED
from tests.scene import Scene

ONE_OF_EACH_SERVICE = ("/account/info", "/friends", "/conversations")


def answers(visitor: ApiClient, token: str | None) -> dict[str, Reply]:
    """The responses of all operations that are not public to a token, with a malformed body."""
    headers = {} if token is None else {"Authorization": token}
    return {
        str(each): visitor.call(each.method, each.path, headers=headers, data=b"{")
        for each in PROTECTED
    }


def test_every_operation_that_is_not_public_checks_the_token_before_the_body(
    visitor: ApiClient, mint: Mint
) -> None:
    refusals = dict.fromkeys(map(str, PROTECTED), INVALID_JWT)

    assert answers(visitor, None) == refusals
    assert answers(visitor, mint.forge()) == refusals


def test_the_token_of_a_deleted_account_is_accepted_only_to_report_the_deletion(
    scene: Scene,
) -> None:
    replies = answers(scene.gone, scene.gone.token)

    assert {name for name, reply in replies.items() if reply != INVALID_JWT} == {
        "GET /account/info",
        "POST /add_friend",
        "POST /friend_request_handle",
        "DELETE /friend_request_handle",
    }


def test_an_ended_token_is_refused_before_the_method(scene: Scene, alice: ApiClient) -> None:
    ended = ApiClient(alice.base_url, token=alice.token)
    alice.post("/account/logout").result()

    accepted = [
        (method, path)
        for path in sorted({each.path for each in PROTECTED})
        for method in ("PATCH", "PUT")
        for client in (ended, scene.gone)
        if client.call(method, path) != INVALID_JWT
    ]

    assert accepted == []


def test_a_restored_account_accepts_only_tokens_issued_since(
    alice: ApiClient,
) -> None:
    before = ApiClient(alice.base_url, token=alice.token)
    alice.delete("/account/delete").result()
    deleted = [before.get(path) for path in ONE_OF_EACH_SERVICE[1:]]
    alice.sign_up()

    assert deleted == [INVALID_JWT] * 2
    assert [before.get(path) for path in ONE_OF_EACH_SERVICE] == [INVALID_JWT] * 3
    assert [alice.get(path).status for path in ONE_OF_EACH_SERVICE] == [200] * 3


def test_tokens_from_before_two_deletions_stay_invalid(alice: ApiClient) -> None:
    first = ApiClient(alice.base_url, token=alice.token)
    alice.delete("/account/delete").result()
    alice.sign_up()
    alice.delete("/account/delete").result()

    refusals = [
        first.get("/account/info"),
        first.post("/add_friend", target_id=alice.id),
        first.post("/friend_request_handle", sender_user_id=1, receiver_user_id=1),
    ]

    assert refusals == [INVALID_JWT] * 3


def test_only_the_token_identifies_the_caller(
    base_url: str, alice: ApiClient, bob: ApiClient
) -> None:
    befriend(bob, make_user(base_url, "Carol"))
    headers = {"X-User-Id": str(bob.id), "X-Forwarded-User": str(bob.id), "Cookie": f"id={bob.id}"}

    reply = alice.call("GET", "/friends", headers=headers, params={"user_id": bob.id})

    assert reply.result()["friends"] == []

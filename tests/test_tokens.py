"""Who has no valid token is told so before anything else about his request."""

from ims_client import Reply

from tests.attacks.forgeries import Mint
from tests.client import INVALID_JWT, ApiClient
from tests.factories import befriend, make_user
from tests.operations import PROTECTED
from tests.scene import Scene

ONE_OF_EACH_SERVICE = ("/account/info", "/friends", "/conversations")


def answers(visitor: ApiClient, token: str | None) -> dict[str, Reply]:
    """What each operation that is not public says to a token, and to a body that is broken."""
    headers = {} if token is None else {"Authorization": token}
    return {
        str(each): visitor.call(each.method, each.path, headers=headers, data=b"{")
        for each in PROTECTED
    }


def test_every_operation_that_is_not_public_wants_a_token_before_it_reads(
    visitor: ApiClient, mint: Mint
) -> None:
    refusals = dict.fromkeys(map(str, PROTECTED), INVALID_JWT)

    assert answers(visitor, None) == refusals
    assert answers(visitor, mint.forge()) == refusals


def test_the_token_of_an_account_deleted_since_opens_nothing_but_what_says_so(
    scene: Scene,
) -> None:
    told = answers(scene.gone, scene.gone.token)

    assert {name for name, reply in told.items() if reply != INVALID_JWT} == {
        "GET /account/info",
        "POST /add_friend",
        "POST /friend_request_handle",
        "DELETE /friend_request_handle",
    }


def test_a_token_ends_with_its_account_and_only_those_issued_since_open_a_restored_one(
    alice: ApiClient,
) -> None:
    before = ApiClient(alice.base_url, token=alice.token)
    alice.delete("/account/delete").result()
    deleted = [before.get(path) for path in ONE_OF_EACH_SERVICE[1:]]
    alice.sign_up()

    assert deleted == [INVALID_JWT] * 2
    assert [before.get(path) for path in ONE_OF_EACH_SERVICE] == [INVALID_JWT] * 3
    assert [alice.get(path).status for path in ONE_OF_EACH_SERVICE] == [200] * 3


def test_tokens_of_two_lives_ago_stay_refused(alice: ApiClient) -> None:
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


def test_a_token_tells_who_one_is_whatever_else_the_request_says(
    base_url: str, alice: ApiClient, bob: ApiClient
) -> None:
    befriend(bob, make_user(base_url, "Carol"))
    headers = {"X-User-Id": str(bob.id), "X-Forwarded-User": str(bob.id), "Cookie": f"id={bob.id}"}

    reply = alice.call("GET", "/friends", headers=headers, params={"user_id": bob.id})

    assert reply.result()["friends"] == []

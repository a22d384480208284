"""Who has no valid token is told so before anything else about his request."""

import pytest

from tests.attacks.forgeries import Mint
from tests.operations import PROTECTED, WITH_FIELDS, Operation
from tests.people import INVALID_JWT, Person, Reply, Visitor, befriend, done, newcomer
from tests.scene import Scene

ONE_OF_EACH_SERVICE = ("/account/info", "/friends", "/conversations")
PUBLIC = ("/csrf", "/docs", "/openapi.json", "/healthz", "/livez", "/readyz")


def with_token(visitor: Visitor, token: str, path: str, method: str = "GET") -> Reply:
    return visitor.call(method, path, headers={"Authorization": token})


@pytest.mark.parametrize("operation", PROTECTED, ids=str)
def test_every_operation_that_is_not_public_wants_a_token(
    visitor: Visitor, operation: Operation
) -> None:
    assert visitor.call(operation.method, operation.path) == INVALID_JWT


@pytest.mark.parametrize("operation", PROTECTED, ids=str)
def test_every_operation_that_is_not_public_refuses_a_forged_token(
    visitor: Visitor, mint: Mint, operation: Operation
) -> None:
    assert with_token(visitor, mint.forge(), operation.path, operation.method) == INVALID_JWT


@pytest.mark.parametrize("operation", PROTECTED, ids=str)
def test_every_operation_that_is_not_public_refuses_the_token_of_an_account_deleted_since(
    scene: Scene, operation: Operation
) -> None:
    open_to_the_deleted = {
        "GET /account/info",
        "POST /add_friend",
        "POST /friend_request_handle",
        "DELETE /friend_request_handle",
    }

    reply = scene.gone.call(operation.method, operation.path)

    assert (reply == INVALID_JWT) is (str(operation) not in open_to_the_deleted)


@pytest.mark.parametrize("path", ONE_OF_EACH_SERVICE)
@pytest.mark.parametrize("form", ["{}", "Bearer {}", "bearer {}", " {} ", "Bearer  {}"])
def test_a_token_is_taken_raw_and_as_bearer(
    visitor: Visitor, mint: Mint, path: str, form: str
) -> None:
    assert with_token(visitor, form.format(mint.token).strip(), path).status == 200


@pytest.mark.parametrize("operation", WITH_FIELDS, ids=str)
def test_the_token_is_looked_at_before_the_body(visitor: Visitor, operation: Operation) -> None:
    reply = visitor.call(operation.method, operation.path, data=b"{")

    assert (reply == INVALID_JWT) is not operation.public


@pytest.mark.parametrize("method", ["PATCH", "PUT", "DELETE"])
@pytest.mark.parametrize("path", ONE_OF_EACH_SERVICE[1:])
def test_the_token_is_looked_at_before_the_method(visitor: Visitor, path: str, method: str) -> None:
    assert visitor.call(method, path) == INVALID_JWT


@pytest.mark.parametrize(
    "path",
    ["/nothing", "/account/nothing", "/friends/nothing", "/conversations/x/y/z",
     "/internal/events", "/conversations/abc/invitation", "/favicon.ico", "/.env"],
)  # fmt: skip
def test_the_token_is_looked_at_before_the_path(visitor: Visitor, path: str) -> None:
    assert visitor.call("GET", path) == INVALID_JWT


@pytest.mark.parametrize("path", ONE_OF_EACH_SERVICE)
def test_the_token_is_looked_at_before_the_size(visitor: Visitor, path: str) -> None:
    assert visitor.call("POST", path, data=b" " * (17 * 2**20)) == INVALID_JWT


@pytest.mark.parametrize("path", PUBLIC)
def test_public_paths_need_no_token(visitor: Visitor, path: str) -> None:
    assert visitor.fetch("GET", path).status_code in {200, 301, 302, 308}


@pytest.mark.parametrize("path", PUBLIC)
def test_public_paths_do_not_mind_a_bad_token(visitor: Visitor, path: str) -> None:
    headers = {"Authorization": "garbage"}

    assert visitor.fetch("GET", path, headers=headers).status_code in {200, 301, 302, 308}


@pytest.mark.parametrize("path", sorted({each.path for each in PROTECTED}))
def test_a_browser_may_ask_first_without_a_token(visitor: Visitor, path: str) -> None:
    headers = {
        "Origin": "https://client.example",
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization,content-type",
    }

    response = visitor.fetch("OPTIONS", path, headers=headers)

    allowed = response.headers["Access-Control-Allow-Headers"].lower()
    assert response.status_code in {200, 204}
    assert response.headers["Access-Control-Allow-Origin"] == "https://client.example"
    assert {"authorization", "content-type"} <= set(allowed.replace(" ", "").split(","))


def test_answers_and_refusals_may_be_read_by_a_browser(scene: Scene, visitor: Visitor) -> None:
    headers = {"Origin": "https://client.example"}

    answers = [person.fetch("GET", "/friends", headers=headers) for person in (scene.bob, visitor)]

    allowed = [each.headers["Access-Control-Allow-Origin"] for each in answers]
    assert allowed == ["https://client.example"] * 2


# Tokens around the deletion of their account


@pytest.mark.parametrize("path", ONE_OF_EACH_SERVICE[1:])
def test_the_tokens_of_an_account_end_with_its_deletion(alice: Person, path: str) -> None:
    other = Visitor(alice.base_url, alice.token)
    alice.log_in()
    done(alice.delete("/account/delete"))

    assert (alice.get(path), other.get(path)) == (INVALID_JWT, INVALID_JWT)


@pytest.mark.parametrize("path", ONE_OF_EACH_SERVICE)
def test_a_restored_account_takes_only_the_tokens_issued_since(alice: Person, path: str) -> None:
    before = Visitor(alice.base_url, alice.token)
    done(alice.delete("/account/delete"))

    alice.register()

    assert (before.get(path), alice.get(path).status) == (INVALID_JWT, 200)


def test_tokens_of_two_lives_ago_stay_refused(alice: Person) -> None:
    first = Visitor(alice.base_url, alice.token)
    done(alice.delete("/account/delete"))
    alice.register()
    done(alice.delete("/account/delete"))

    refusals = [
        first.get("/account/info"),
        first.post("/add_friend", target_id=alice.id),
        first.post("/friend_request_handle", sender_user_id=1, receiver_user_id=1),
    ]

    assert refusals == [INVALID_JWT] * 3


def test_a_token_tells_who_one_is_whatever_else_the_request_says(
    base_url: str, alice: Person, bob: Person
) -> None:
    befriend(bob, newcomer(base_url, "Carol"))
    headers = {"X-User-Id": str(bob.id), "X-Forwarded-User": str(bob.id), "Cookie": f"id={bob.id}"}

    reply = alice.call("GET", "/friends", headers=headers, params={"user_id": bob.id})

    assert done(reply)["friends"] == []

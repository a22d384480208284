"""Who has no valid token is told so before anything else about his request."""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from tests.operations import PROTECTED, WITH_FIELDS, Operation
from tests.people import INVALID_JWT, Person, Reply, Visitor, befriend, done, newcomer
from tests.scene import Scene

ONE_OF_EACH_SERVICE = ("/account/info", "/friends", "/conversations")
PUBLIC = ("/csrf", "/docs", "/openapi.json", "/healthz", "/livez", "/readyz")

Forge = Callable[["Mint"], str]


class Mint:
    """What it takes to make tokens: a real one, and the real keys."""

    def __init__(self, token: str, keys: Path) -> None:
        self.token = token
        self.header = jwt.get_unverified_header(token)
        self.claims: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
        self.public_pem = (keys / "jwt-public.pem").read_bytes()
        key = load_pem_private_key((keys / "jwt-private.pem").read_bytes(), None)
        assert isinstance(key, Ed25519PrivateKey)
        self._key = key

    def issue(self, header: dict[str, Any] | None = None, **claims: Any) -> str:
        """A token signed with the real key; a claim that is None is left out."""
        payload = {k: v for k, v in (self.claims | claims).items() if v is not None}
        headers = self.header if header is None else header
        return jwt.encode(payload, self._key, "EdDSA", headers=headers)

    def forge(self) -> str:
        """The real token's content, signed with another key."""
        return jwt.encode(self.claims, Ed25519PrivateKey.generate(), "EdDSA", headers=self.header)

    def unsigned(self, algorithm: str) -> str:
        """The real token's content without a signature."""
        return f"{_part(self.header | {'alg': algorithm})}.{_part(self.claims)}."

    def signed_with_the_public_key(self) -> str:
        """The public key taken for the secret of an HMAC."""
        text = f"{_part(self.header | {'alg': 'HS256'})}.{_part(self.claims)}"
        signature = hmac.digest(self.public_pem, text.encode(), hashlib.sha256)
        return f"{text}.{_base64(signature)}"

    def altered(self) -> str:
        """The real token with another user in it."""
        header, _, signature = self.token.split(".")
        return f"{header}.{_part(self.claims | {'sub': '1'})}.{signature}"


def _part(content: dict[str, Any]) -> str:
    return _base64(json.dumps(content).encode())


def _base64(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).decode().rstrip("=")


BAD_TOKENS: dict[str, Forge] = {
    "an empty one": lambda _: "",
    "garbage": lambda _: "garbage",
    "three dots": lambda _: "...",
    "three parts of garbage": lambda _: "a.b.c",
    "base64 of no JSON": lambda _: "AAAA.AAAA.AAAA",
    "a very long one": lambda _: "a" * 6000,
    "only a scheme": lambda _: "Bearer",
    "another scheme": lambda mint: f"Basic {mint.token}",
    "the scheme twice": lambda mint: f"Bearer Bearer {mint.token}",
    "two tokens": lambda mint: f"{mint.token} {mint.token}",
    "one without its end": lambda mint: mint.token[:-5],
    "one with other content": Mint.altered,
    "one signed with another key": Mint.forge,
    "an unsigned one": lambda mint: mint.unsigned("none"),
    "an unsigned one, oddly spelled": lambda mint: mint.unsigned("nOnE"),
    "one without a signature": lambda mint: mint.unsigned("EdDSA"),
    "one signed with the public key": Mint.signed_with_the_public_key,
    "an expired one": lambda mint: mint.issue(exp=int(time.time()) - 1),
    "one that ends now": lambda mint: mint.issue(exp=int(time.time())),
    "one for later": lambda mint: mint.issue(nbf=int(time.time()) + 3600),
    "one without an end": lambda mint: mint.issue(exp=None),
    "one of an unknown key": lambda mint: mint.issue({"kid": "unknown"}),
    "one of no key": lambda mint: mint.issue({}),
    "one of nobody": lambda mint: mint.issue(sub=str(2**62)),
    "one of no number": lambda mint: mint.issue(sub="alice"),
    "one of a negative number": lambda mint: mint.issue(sub="-1"),
    "one of a huge number": lambda mint: mint.issue(sub=str(10**30)),
    "one without a user": lambda mint: mint.issue(sub=None),
    "one for another audience": lambda mint: mint.issue(aud="somebody-else"),
    "one of a later generation": lambda mint: mint.issue(generation=mint.claims["generation"] + 1),
}


@pytest.fixture(scope="module")
def mint(scene: Scene, data_dir: Path) -> Mint:
    """The keys, and Alice's token."""
    assert scene.alice.token is not None
    return Mint(scene.alice.token, data_dir / "keys")


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
@pytest.mark.parametrize("forge", BAD_TOKENS.values(), ids=BAD_TOKENS.keys())
def test_a_bad_token_is_refused(visitor: Visitor, mint: Mint, path: str, forge: Forge) -> None:
    assert with_token(visitor, forge(mint), path) == INVALID_JWT


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
    ["/", "/nothing", "/account/nothing", "/friends/nothing", "/conversations/x/y/z",
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

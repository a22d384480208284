"""Only tokens that are signed by the auth service and not expired are accepted."""

import base64
import json
import time
from collections.abc import Callable

import jwt
import pytest
from flask.testing import FlaskClient

from gateway.tests.conftest import ALICE
from shared.keys import generate_key_pair, load_public_keys
from shared.testing.tokens import PUBLIC_KEYS_PEM, issue


def _without_signature() -> str:
    _, payload, _ = issue(ALICE).split(".")
    unsigned = base64.urlsafe_b64encode(json.dumps({"alg": "none", "typ": "JWT"}).encode())
    return f"{unsigned.decode().rstrip('=')}.{payload}."


def _signed_with_the_public_key() -> str:
    kid = next(iter(load_public_keys(PUBLIC_KEYS_PEM)))
    claims = {"sub": str(ALICE), "generation": 0, "type": "access", "exp": time.time() + 60}
    secret = base64.b64encode(PUBLIC_KEYS_PEM.encode()).decode()
    return jwt.encode(claims | {"aud": "ims"}, secret, "HS256", headers={"kid": kid})


FORGERIES: dict[str, Callable[[], str]] = {
    "none at all": lambda: "",
    "no token": lambda: "abc",
    "not ASCII": lambda: "ä.ö.ü",
    "far too long": lambda: "a." * 3000,
    "expired": lambda: issue(ALICE, exp=int(time.time()) - 1),
    "without expiry": lambda: issue(ALICE, exp=None),
    "of another product": lambda: issue(ALICE, aud="other"),
    "to refresh": lambda: issue(ALICE, type="refresh"),
    "without a subject": lambda: issue(ALICE, sub=None),
    "of a name": lambda: issue(ALICE, sub="alice"),
    "of a foreign key": lambda: issue(ALICE, key_pem=generate_key_pair()[0]),
    "alg: none": _without_signature,
    "alg: HS256": _signed_with_the_public_key,
    "changed": lambda: issue(ALICE).replace(".", ".e", 1),
}


@pytest.mark.parametrize("forgery", FORGERIES.values(), ids=FORGERIES.keys())
def test_a_bad_token_is_refused(local_client: FlaskClient, forgery: Callable[[], str]) -> None:
    response = local_client.get("/friends", headers={"Authorization": forgery()})

    assert response.status_code == 401
    assert response.json == {"code": -2, "info": "Invalid or expired JWT"}


@pytest.mark.parametrize("form", ["{}", "Bearer {}", "bearer {}", " {} "])
def test_a_valid_token_is_accepted_raw_and_as_bearer(
    local_client: FlaskClient, token: str, form: str
) -> None:
    assert (
        local_client.get("/friends", headers={"Authorization": form.format(token)}).status_code
        == 200
    )


def test_a_token_in_the_query_is_accepted_for_websockets_only(
    local_client: FlaskClient, token: str
) -> None:
    assert local_client.get(f"/friends?token={token}").status_code == 401

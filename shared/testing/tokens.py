"""Tokens like those of the auth service, signed with a key of the tests."""

import time
import uuid
from typing import Any

import jwt

from shared.keys import generate_key_pair, key_id, load_private_key
from shared.web.authentication import ALGORITHM, AUDIENCE

PRIVATE_KEY_PEM, PUBLIC_KEYS_PEM = generate_key_pair()


def issue(user_id: int, generation: int = 0, *, key_pem: str = "", **claims: Any) -> str:
    """Issue a token of ``user_id``; ``claims`` replace the usual ones (None omits one)."""
    key = load_private_key(key_pem or PRIVATE_KEY_PEM)
    now = int(time.time())
    usual = {
        "sub": str(user_id),
        "generation": generation,
        "type": "access",
        "fresh": False,
        "aud": AUDIENCE,
        "jti": uuid.uuid4().hex,
        "iat": now,
        "nbf": now,
        "exp": now + 3600,
    }
    payload = {name: value for name, value in (usual | claims).items() if value is not None}
    return jwt.encode(payload, key, ALGORITHM, headers={"kid": key_id(key.public_key())})

"""Invalid inputs of endpoints: ids, texts, bodies and tokens."""

import time
from typing import Any

import jwt

from shared.keys import generate_key_pair, key_id, load_private_key
from shared.testing.tokens import PRIVATE_KEY_PEM, PUBLIC_KEYS_PEM, issue
from shared.web.authentication import AUDIENCE

NOT_IDS: tuple[Any, ...] = (True, -1, 2**63, 10**30, 1.5, "", "x", "-1", "1.5", " 1", "٣", [1], {})
NOT_TEXTS: tuple[Any, ...] = (5, True, [], {}, "nul\x00", "\ud800", "\udfff lone")
NOT_OBJECTS = (b"[]", b'"text"', b"1", b"null", b"{", b"{'a': 1}", b'{"a": NaN}', b"\xff\xfe{}")
TOO_DEEP = b"[" * 30_000


def forged_token(user_id: int) -> str:
    """Create one of `invalid_tokens`: signed with a foreign key."""
    return issue(user_id, key_pem=generate_key_pair()[0])


def invalid_tokens(user_id: int) -> dict[str, str]:
    """Create tokens that must be rejected, by their defect; ``user_id`` has an account."""
    now = int(time.time())
    claims = jwt.decode(issue(user_id), options={"verify_signature": False})
    ours = {"kid": key_id(load_private_key(PRIVATE_KEY_PEM).public_key())}
    foreign_pem, _ = generate_key_pair()
    good = issue(user_id)
    header, payload, signature = good.split(".")
    return {
        "none at all": "",
        "no token": "abc",
        "cut off": good[:-4],
        "without signature": f"{header}.{payload}.",
        "payload of another": f"{header}.{issue(user_id + 1).split('.')[1]}.{signature}",
        "alg none": jwt.encode(claims, "", "none", headers=ours),
        "public key as a secret": _signed_by_hand(claims, ours),
        "foreign key": issue(user_id, key_pem=foreign_pem),
        "foreign key under our id": jwt.encode(
            claims, load_private_key(foreign_pem), "EdDSA", headers=ours
        ),
        "expired": issue(user_id, iat=now - 10, nbf=now - 10, exp=now - 1),
        "not yet": issue(user_id, nbf=now + 86_400),
        "without expiry": issue(user_id, exp=None),
        "for another audience": issue(user_id, aud=f"not-{AUDIENCE}"),
        "of another type": issue(user_id, type="refresh"),
        "of a later generation": issue(user_id, 1),
        "of an earlier generation": issue(user_id, -1),
        "of an unknown user": issue(2**62),
        "subject is no id": issue(user_id, sub="x"),
    }


def _signed_by_hand(claims: dict[str, Any], headers: dict[str, str]) -> str:
    """Create a token that PyJWT refuses to create."""
    algorithm = jwt.get_algorithm_by_name("HS256")
    unsigned = jwt.encode(claims, "x" * 32, "HS256", headers=headers).rpartition(".")[0]
    signature = algorithm.sign(unsigned.encode(), PUBLIC_KEYS_PEM.encode())
    return f"{unsigned}.{jwt.utils.base64url_encode(signature).decode()}"

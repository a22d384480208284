"""Forged tokens."""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

Forge = Callable[["Mint"], str]


class Mint:
    """Forges tokens from a real one and the real keys."""

    def __init__(self, token: str, keys: Path) -> None:
        self.token = token
        self.header = jwt.get_unverified_header(token)
        self.claims: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
        self.public_pem = (keys / "jwt-public.pem").read_bytes()
        key = load_pem_private_key((keys / "jwt-private.pem").read_bytes(), None)
        assert isinstance(key, Ed25519PrivateKey)
        self._key = key

    def issue(self, header: dict[str, Any] | None = None, **claims: Any) -> str:
        """Create a token signed with the real key, without claims that are None."""
        payload = {k: v for k, v in (self.claims | claims).items() if v is not None}
        headers = self.header if header is None else header
        return jwt.encode(payload, self._key, "EdDSA", headers=headers)

    def signed_by_another(self, **header: Any) -> str:
        """Sign the real content with another key, referenced by the header."""
        key = Ed25519PrivateKey.generate()
        return jwt.encode(self.claims, key, "EdDSA", headers=self.header | header)

    def signed_on_another_curve(self) -> str:
        """Create a signature of another type with the real key's id."""
        key = ec.generate_private_key(ec.SECP256R1())
        return jwt.encode(self.claims, key, "ES256", headers={"kid": self.header["kid"]})

    def forge(self) -> str:
        """Sign the real content with another key."""
        return jwt.encode(self.claims, Ed25519PrivateKey.generate(), "EdDSA", headers=self.header)

    def unsigned(self, algorithm: str, **header: Any) -> str:
        """Create the real content without a signature."""
        return f"{_part(self.header | {'alg': algorithm} | header)}.{_part(self.claims)}."

    def signed_with_the_public_key(self) -> str:
        """Use the public key as the secret of an HMAC."""
        text = f"{_part(self.header | {'alg': 'HS256'})}.{_part(self.claims)}"
        signature = hmac.digest(self.public_pem, text.encode(), hashlib.sha256)
        return f"{text}.{_base64(signature)}"

    def altered(self) -> str:
        """Replace the user in the real token."""
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
    "one of a key in a file": lambda mint: mint.signed_by_another(kid="../../../../dev/null"),
    "one of a key in a query": lambda mint: mint.signed_by_another(kid="' OR 1=1 --"),
    "one of a key that is no text": lambda mint: mint.unsigned("EdDSA", kid=["a"]),
    "one that says where its key is": lambda mint: mint.signed_by_another(
        jku="http://127.0.0.1:1/keys", x5u="http://127.0.0.1:1/certificate"
    ),
    "one that brings its key": lambda mint: mint.signed_by_another(jwk={"kty": "OKP", "x": "AA"}),
    "one with a signature of another kind": Mint.signed_on_another_curve,
    "one with extensions": lambda mint: mint.signed_by_another(crit=["exp"]),
    "one that is encrypted": lambda mint: f"{mint.token}.AAAA.AAAA",
    "one nested deeply": lambda mint: f"{mint.token.split('.')[0]}.{_base64(b'[' * 1500)}.AAAA",
    "one of an unknown user": lambda mint: mint.issue(sub=str(2**62)),
    "one of no number": lambda mint: mint.issue(sub="alice"),
    "one of a negative number": lambda mint: mint.issue(sub="-1"),
    "one of a huge number": lambda mint: mint.issue(sub=str(10**30)),
    "one without a user": lambda mint: mint.issue(sub=None),
    "one for another audience": lambda mint: mint.issue(aud="somebody-else"),
    "one of a later generation": lambda mint: mint.issue(generation=mint.claims["generation"] + 1),
}

"""The client of the tests: `ims_client.Client`, which also checks every response."""

import base64
from typing import Any, Self

import requests
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC
from cryptography.hazmat.primitives.padding import PKCS7
from ims_client import Client, Reply

from shared.testing.secret_leaks import register_secrets
from tests.product import PASSWORD_TRANSPORT_KEY

PASSWORD = "Secret_1"
UNKNOWN = 2**62  # A well-formed id that exists nowhere.


class ApiClient(Client):
    """A client that fails for a server error, and for JSON of another form than the API's.

    Args:
        base_url: of the gateway.
        name: of the account, if it has one.
        email: of the account.
        password: of the account.
        token: of the account, unless `sign_up` or `sign_in` gets one.
    """

    timeouts = (30, 30)

    def __init__(
        self,
        base_url: str,
        name: str = "",
        email: str = "",
        password: str = PASSWORD,
        *,
        token: str = "",
    ) -> None:
        super().__init__(base_url, token=token)
        self.name = name
        self.email = email
        self.password = password

    def sign_up(self) -> Self:
        """Register or restore the account, and continue with its token."""
        self._sign_in("/account/reg", email=self.email, password=self.password, name=self.name)
        return self

    def sign_in(self) -> Self:
        """Continue with a new token."""
        self._sign_in("/account/login", email=self.email, password=self.password)
        return self

    def reconnect(self) -> None:
        """Use a new connection, without a proxy."""
        super().reconnect()
        self._session.trust_env = False

    def call(self, method: str, path: str, **request: Any) -> Reply:
        """Send any request; the response is JSON, and an error contains nothing but its reason."""
        response = self.fetch(method, path, **request)
        assert response.headers["Content-Type"] == "application/json", response.text
        body = response.json()
        assert isinstance(body["code"], int)
        assert isinstance(body["info"], str)
        assert (body["code"] == 0) == (response.status_code == 200), body
        assert response.status_code == 200 or body.keys() == {"code", "info"}
        return Reply(response.status_code, body)

    def fetch(self, method: str, path: str, **request: Any) -> requests.Response:
        """Send any request; the response can be anything but a server error."""
        register_secrets(request.get("json"))
        response = super().fetch(method, path, **{"allow_redirects": False} | request)
        assert response.status_code < 500, (method, path, response.status_code, response.text)
        return response


def refused(status: int, code: int, info: str) -> Reply:
    """The error response with exactly ``code`` and ``info``."""
    return Reply(status, {"code": code, "info": info})


def bad(field: str) -> Reply:
    """The error response to a missing or ill-typed field."""
    return refused(400, -7, f"Missing or error type of [{field}]")


INVALID_JWT = refused(401, -2, "Invalid or expired JWT")


def encrypted(password: str) -> str:
    """A password as clients send it."""
    padder = PKCS7(128).padder()
    padded = padder.update(password.encode()) + padder.finalize()
    encryptor = _transport_cipher().encryptor()
    return base64.b64encode(encryptor.update(padded) + encryptor.finalize()).decode()


def decrypted(value: str) -> str:
    """The plaintext of an encrypted value."""
    decryptor = _transport_cipher().decryptor()
    padded = decryptor.update(base64.b64decode(value)) + decryptor.finalize()
    unpadder = PKCS7(128).unpadder()
    return (unpadder.update(padded) + unpadder.finalize()).decode()


def _transport_cipher() -> Cipher[CBC]:
    return Cipher(AES(PASSWORD_TRANSPORT_KEY.encode()), CBC(bytes(16)))

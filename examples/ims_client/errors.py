"""Errors of the client.

RefusedError            the server refused; nothing happened
└── TokenRefusedError   the token is not valid, or no longer: log in again
UnreachableError        no answer, or only "later": whether the call had an effect is not known
"""


class RefusedError(Exception):
    """An error response of the server.

    Args:
        status: of the HTTP answer.
        code: the API's own number of this error.
        info: the API's text of this error.
    """

    def __init__(self, status: int, code: int, info: str) -> None:
        super().__init__(info)
        self.status = status
        self.code = code
        self.info = info


class TokenRefusedError(RefusedError):
    """The token is invalid or expired."""


class UnreachableError(Exception):
    """There was no response or a server error. The request may have had an effect."""

"""Errors of the client.

RefusedError            an error response; the request had no effect
└── TokenRefusedError   the token is invalid or expired: log in again
UnreachableError        no response, 429 or a server error: the effect is unknown
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

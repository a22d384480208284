"""Why a call did not succeed.

Refused          the server said no; nothing happened
└── TokenRefused     the token is not good, or no longer: log in again
Unreachable      no answer came but "later", if any; nobody knows whether the call was heard
"""


class Refused(Exception):
    """The server said no.

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


class TokenRefused(Refused):
    """The token is not good, or no longer."""


class Unreachable(Exception):
    """No answer came, or a failure, or "later". What was to be changed may have been, or not."""

"""E-mail addresses: shown as they were given, compared without regard to case."""

from marshmallow import ValidationError
from marshmallow.validate import Email

from auth_service import errors
from shared.errors import ApiError

_LONGEST = 254  # What fits into an SMTP path.
_check = Email()


def checked(sent: str) -> str:
    """The address in what a client sent.

    Raises:
        ApiError: ``INVALID_EMAIL``.
    """
    email = sent.strip()
    if max(len(email), len(key_of(email))) > _LONGEST or not email.isprintable():
        raise ApiError(errors.INVALID_EMAIL)
    try:
        return _check(email)
    except ValidationError:
        raise ApiError(errors.INVALID_EMAIL) from None


def key_of(email: str) -> str:
    """What is the same for two spellings of one address."""
    return email.lower()

"""E-mail addresses: shown as they were given, compared by the mailbox that they name."""

import idna
from marshmallow import ValidationError
from marshmallow.validate import Email

from auth_service import errors
from shared.web.errors import ApiError

_MAX_LENGTH = 254  # What fits into an SMTP path.
_check = Email()


def checked(sent: str) -> str:
    """The address in what a client sent.

    Raises:
        ApiError: ``INVALID_EMAIL``.
    """
    email = sent.strip()
    if max(len(email), len(normalize_email(email))) > _MAX_LENGTH or not email.isprintable():
        raise ApiError(errors.INVALID_EMAIL)
    try:
        return _check(email)
    except ValidationError:
        raise ApiError(errors.INVALID_EMAIL) from None


def normalize_email(email: str) -> str:
    """What is the same for two spellings of one address: lower case, the domain in punycode."""
    local_part, _, domain = email.rpartition("@")
    return f"{''.join(map(_lower, local_part))}@{_ascii(domain).lower()}"


def domain_of(email: str) -> str:
    """The domain of an address, the same for every spelling."""
    return _ascii(email.rpartition("@")[2]).lower()


def deliverable(email: str) -> str:
    """The address for mail servers, which know domains in punycode only."""
    local_part, _, domain = email.rpartition("@")
    return f"{local_part}@{_ascii(domain)}"


def _ascii(domain: str) -> str:
    """A domain in punycode, as the name service knows it, if it can be written so."""
    try:
        return domain if domain.isascii() else idna.encode(domain, uts46=True).decode()
    except idna.IDNAError:
        return domain


def _lower(character: str) -> str:
    """The lower case, unless that of a foreign letter is an ASCII one, as of the KELVIN SIGN."""
    lower = character.lower()
    return character if lower.isascii() and not character.isascii() else lower

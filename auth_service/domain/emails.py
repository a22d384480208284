"""E-mail addresses: stored as entered, compared by mailbox."""

import idna
from marshmallow import ValidationError
from marshmallow.validate import Email

from auth_service import errors
from shared.web.errors import ApiError

_MAX_LENGTH = 254  # The limit of an SMTP path.
_check = Email()


def validate_email(sent: str) -> str:
    """Validate the address sent by a client.

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
    """Normalize an address for comparison: lower case, the domain in punycode."""
    local_part, _, domain = email.rpartition("@")
    return f"{''.join(map(_lower, local_part))}@{_ascii(domain).lower()}"


def domain_of(email: str) -> str:
    """Get the normalized domain of an address."""
    return _ascii(email.rpartition("@")[2]).lower()


def deliverable(email: str) -> str:
    """Convert the domain of an address to punycode, for mail servers."""
    local_part, _, domain = email.rpartition("@")
    return f"{local_part}@{_ascii(domain)}"


def _ascii(domain: str) -> str:
    """Convert a domain to punycode, if possible."""
    try:
        return domain if domain.isascii() else idna.encode(domain, uts46=True).decode()
    except idna.IDNAError:
        return domain


def _lower(character: str) -> str:
    """Lower-case a text, except letters whose lower case is ASCII, such as the KELVIN SIGN."""
    lower = character.lower()
    return character if lower.isascii() and not character.isascii() else lower

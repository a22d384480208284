"""Restriction of registration: open, some domains, or closed."""

from auth_service.domain import emails

_DOMAINS = "domains:"


class Registration:
    """The parsed setting ``REGISTRATION``."""

    def configure(self, mode: str) -> None:
        """Set a mode: ``open``, ``closed``, or ``domains:`` with a list of domains."""
        names = mode.removeprefix(_DOMAINS).split(",") if mode.startswith(_DOMAINS) else ()
        self._domains = frozenset(emails.domain_of(f"@{name.strip()}") for name in names)
        self._is_open = mode == "open"

    def allows(self, email: str) -> bool:
        """Whether an address is allowed to register."""
        return self._is_open or emails.domain_of(email) in self._domains

    def allows_change(self, before: str, after: str) -> bool:
        """Whether an account is allowed to change its address."""
        domain = emails.domain_of(after)
        return domain == emails.domain_of(before) or not self._domains or domain in self._domains


registration = Registration()

"""Who may register: everybody, those of some domains, or nobody."""

from auth_service.domain import emails

_DOMAINS = "domains:"


class Registration:
    """What the setting says."""

    def configure(self, mode: str) -> None:
        """Use a mode: ``open``, ``closed``, or ``domains:`` and their names."""
        names = mode.removeprefix(_DOMAINS).split(",") if mode.startswith(_DOMAINS) else ()
        self._domains = frozenset(emails.domain_of(f"@{name.strip()}") for name in names)
        self._is_open = mode == "open"

    def allows(self, email: str) -> bool:
        """Whether an address may be registered."""
        return self._is_open or emails.domain_of(email) in self._domains

    def allows_change(self, before: str, after: str) -> bool:
        """Whether an account may change its address."""
        domain = emails.domain_of(after)
        return domain == emails.domain_of(before) or not self._domains or domain in self._domains


registration = Registration()

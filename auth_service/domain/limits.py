"""How often somebody may try a password, register, and have a code sent."""

from collections.abc import Iterator
from contextlib import contextmanager

from auth_service.config import AuthSettings
from auth_service.db import db
from auth_service.models import LimitCounter
from shared.data.rate_limits import DatabaseStorage, redis_counters
from shared.web.errors import SERVICE_UNAVAILABLE, TOO_MANY_REQUESTS, ApiError
from shared.web.rate_limits import Limiter

counters = DatabaseStorage(db, LimitCounter)


class Limits:
    """The limits of this service. A network is where a client comes from, as it is counted."""

    def configure(self, settings: AuthSettings) -> None:
        """Set every limit; count in Redis, if there is one."""
        limiter = Limiter(
            on=settings.rate_limits,
            shared=redis_counters(settings.redis_url),
            lasting=counters,
        )
        self._logins = limiter.limit("logins", settings.rate_limit_logins)
        self._failed = limiter.limit("failed-logins", settings.rate_limit_failed_logins)
        self._failed_email = limiter.limit(
            "failed-logins-email", settings.rate_limit_failed_logins_email
        )
        self._failed_network = limiter.limit(
            "failed-logins-address", settings.rate_limit_failed_logins_address
        )
        self.email_checks = limiter.limit("email-checks", settings.rate_limit_email_checks)
        self.registrations = limiter.limit("registrations", settings.rate_limit_registrations)
        self.exports = limiter.limit("exports", settings.rate_limit_exports)
        self._codes = limiter.limit("codes", settings.rate_limit_verification_codes)
        self._codes_network = limiter.limit(
            "codes-address", settings.rate_limit_verification_codes_address
        )

    def hit_code(self, email_key: str, network: str) -> None:
        """Take one of the codes that are left.

        Raises:
            ApiError: ``TOO_MANY_REQUESTS``.
        """
        self._codes_network.hit(network)
        self._codes.hit(email_key)

    @contextmanager
    def password_attempt(self, email_key: str, network: str, *, is_known: bool) -> Iterator[None]:
        """Let the block try a password; a refusal in it counts.

        The limit for both together is the lowest, so that who guesses from one address locks
        nobody out who comes from another. Guesses from anywhere lock nobody out who comes from
        where the account has been used before.

        Args:
            email_key: whose password it is.
            network: where the guess comes from.
            is_known: whether the account has had a session from there.

        Raises:
            ApiError: ``TOO_MANY_REQUESTS``, before the block, or instead of what came of it.
        """
        counted = (
            (self._failed, (network, email_key)),
            (self._failed_email, (email_key, "known" if is_known else "unknown")),
            (self._failed_network, (network,)),
        )
        for limit, key in counted:
            limit.check(*key)
        self._logins.hit(network, email_key)
        try:
            yield
        except ApiError as refusal:
            if refusal.spec in (TOO_MANY_REQUESTS, SERVICE_UNAVAILABLE):  # No password was tried.
                raise
            for limit, key in counted:
                limit.hit(*key)
            raise
        # Guesses at the same time may have used up what was left. Who sends many at once
        # shall not learn which was the right one.
        for limit, key in counted:
            limit.check(*key)


limits = Limits()

"""Rate limits of passwords, registrations and verification codes."""

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
    """The rate limits of this service. A network is the address prefix that is counted."""

    def configure(self, settings: AuthSettings) -> None:
        """Configure every limit; count in Redis if it is configured."""
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
        """Count a verification code.

        Raises:
            ApiError: ``TOO_MANY_REQUESTS``.
        """
        self._codes_network.hit(network)
        self._codes.hit(email_key)

    @contextmanager
    def password_attempt(self, email_key: str, network: str, *, is_known: bool) -> Iterator[None]:
        """Run a block that verifies a password, and count its failure.

        The limit per e-mail and network is the lowest, so an attack from one network does not
        lock out users of another. Attacks from any network do not lock out networks that the
        account has used before.

        Args:
            email_key: the normalized e-mail of the account.
            network: the network of the client.
            is_known: whether the account has had a session from that network.

        Raises:
            ApiError: ``TOO_MANY_REQUESTS``, before the block or instead of its result.
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
            if refusal.spec in (TOO_MANY_REQUESTS, SERVICE_UNAVAILABLE):  # Not verified.
                raise
            for limit, key in counted:
                limit.hit(*key)
            raise
        # Concurrent attempts may have reached the limit. Their results are withheld, so that
        # many simultaneous attempts do not reveal the right password.
        for limit, key in counted:
            limit.check(*key)


limits = Limits()

"""Rate limits of lookups and repeated friend requests."""

from shared.data.rate_limits import DatabaseStorage
from shared.web.rate_limits import Limit, Limiter
from social_service.config import SocialSettings
from social_service.db import db
from social_service.models import LimitCounter

counters = DatabaseStorage(db, LimitCounter)


class Limits:
    """The rate limits of this service.

    ``lookups`` are counted by account, ``repeated_requests`` by sender and receiver.
    """

    lookups: Limit
    repeated_requests: Limit

    def configure(self, settings: SocialSettings) -> None:
        """Configure every limit. Limits per minute are counted in each process."""
        limiter = Limiter(on=settings.rate_limits, lasting=counters)
        self.lookups = limiter.limit("lookups", settings.rate_limit_lookups)
        self.repeated_requests = limiter.limit(
            "repeated-requests", settings.rate_limit_repeated_requests
        )


limits = Limits()

"""How often a user may do what concerns strangers."""

from shared.limits import Limit, Limiter
from social_service.config import SocialSettings


class Limits:
    """The limits of this service, each counted by account."""

    lookups: Limit

    def configure(self, settings: SocialSettings) -> None:
        """Set every limit. By the minute, each process counts for itself."""
        limiter = Limiter(None, on=settings.rate_limits)
        self.lookups = limiter.limit("lookups", settings.rate_limit_lookups)


limits = Limits()

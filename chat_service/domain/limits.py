"""The rate limit of creating groups."""

from chat_service.config import ChatSettings
from chat_service.db import db
from chat_service.models import LimitCounter
from shared.data.rate_limits import DatabaseStorage, redis_counters
from shared.web.rate_limits import Limit, Limiter

counters = DatabaseStorage(db, LimitCounter)


class Limits:
    """The limits of this service, counted by account."""

    new_groups: Limit

    def configure(self, settings: ChatSettings) -> None:
        """Set the limits. They are counted in Redis if it is configured."""
        limiter = Limiter(
            on=settings.rate_limits,
            shared=redis_counters(settings.redis_url),
            lasting=counters,
        )
        self.new_groups = limiter.limit("new-groups", settings.rate_limit_new_groups)


limits = Limits()

"""How often a user may create a group."""

from chat_service.config import ChatSettings
from chat_service.db import db
from chat_service.models import LimitCounter
from shared.limits import Limit, Limiter
from shared.limits_in_database import InDatabase

counters = InDatabase(db, LimitCounter)


class Limits:
    """The limits of this service, counted by account."""

    new_groups: Limit

    def configure(self, settings: ChatSettings) -> None:
        """Set every limit; count in Redis, if there is one."""
        limiter = Limiter(settings.redis_url, on=settings.rate_limits, lasting=counters)
        self.new_groups = limiter.limit("new-groups", settings.rate_limit_new_groups)


limits = Limits()

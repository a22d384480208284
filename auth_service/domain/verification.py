"""Codes sent by e-mail, with which a client checks that an address is its user's.

Every client can read the code in the answer, so it proves nothing to the server.
"""

import logging
import math
import secrets
import time

from limits import RateLimitItemPerHour, RateLimitItemPerMinute
from limits.errors import StorageError
from limits.storage import storage_from_string
from limits.strategies import MovingWindowRateLimiter

from auth_service import errors
from auth_service.clients.mail import NotSent, mail
from auth_service.domain import emails
from auth_service.domain.passwords import transport
from shared.errors import TOO_MANY, ApiError

log = logging.getLogger(__name__)

# Together: three at once, and then one a minute; the two to spare come back with the hour.
_STEADY = RateLimitItemPerMinute(1, namespace="verify-steady")
_TO_SPARE = RateLimitItemPerHour(2, namespace="verify-to-spare")

_SUBJECT = "验证码 Verification code"
_TEXT = """\
您的验证码是：

    {code}

如果您没有请求验证码，请忽略这封邮件。

Your verification code is the number above.
If you did not ask for one, please ignore this message.
"""


class Rate:
    """How often a code is sent to one address."""

    def configure(self, redis_url: str | None, *, limited: bool) -> None:
        """Count in Redis, or in this process if there is none; or do not count."""
        storage = storage_from_string(redis_url or "memory://", wrap_exceptions=True)
        self._limiter = MovingWindowRateLimiter(storage) if limited else None

    def spend(self, key: str) -> None:
        """Take one of what is left.

        Raises:
            ApiError: ``TOO_MANY``, and after how many seconds there is one again.
        """
        if self._limiter is None:
            return
        try:
            if any(self._limiter.hit(limit, key) for limit in (_STEADY, _TO_SPARE)):
                return
            resets = [
                self._limiter.get_window_stats(limit, key).reset_time
                for limit in (_STEADY, _TO_SPARE)
            ]
        except StorageError as failure:
            log.warning("rate_not_counted", exc_info=failure)
            return
        wait = max(1, math.ceil(min(resets) - time.time()))
        raise ApiError(TOO_MANY, {"Retry-After": str(wait)})


rate = Rate()


def send_code(email: str) -> str:
    """Send six random digits to an address.

    Returns:
        the code, encrypted like a password.
    """
    address = emails.checked(email)
    rate.spend(emails.key_of(address))
    code = f"{secrets.randbelow(1_000_000):06}"
    try:
        mail.send(address, _SUBJECT, _TEXT.format(code=code))
    except NotSent:
        raise ApiError(errors.MAIL_NOT_SENT) from None
    return transport.sealed(code)

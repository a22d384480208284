"""Verification codes by e-mail, with which a client checks the address of its user.

The response contains the code, so it proves nothing to the server.
"""

import secrets

from auth_service import errors, metrics
from auth_service.clients.mail import MailError, mail
from auth_service.domain import emails
from auth_service.domain.limits import limits
from auth_service.domain.passwords import transport
from shared.web.errors import ApiError

_SUBJECT = "验证码 Verification code"
_TEXT = """\
您的验证码是：

    {code}

如果您没有请求验证码，请忽略这封邮件。

Your verification code is the number above.
If you did not ask for one, please ignore this message.
"""


def send_code(email: str, network: str) -> str:
    """Send six random digits to an address.

    Returns:
        the code, encrypted like a password.
    """
    address = emails.validate_email(email)
    limits.hit_code(emails.normalize_email(address), network)
    code = f"{secrets.randbelow(1_000_000):06}"
    try:
        mail.send(emails.deliverable(address), _SUBJECT, _TEXT.format(code=code))
    except MailError:
        raise ApiError(errors.MAIL_NOT_SENT) from None
    metrics.codes.inc()
    return transport.encrypt(code)

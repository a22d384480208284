"""Codes by e-mail over HTTP."""

from auth_service import errors
from auth_service.domain import verification
from auth_service.schemas import CodeOut, VerificationIn
from shared.api import Blueprint, answers, refuses, takes
from shared.identity import public
from shared.limits import client_network

blueprint = Blueprint("verification", __name__)


@blueprint.post("/verify")
@public
@takes(VerificationIn)
@answers("Succeed", CodeOut, message="发送成功")
@refuses(errors.INVALID_EMAIL, errors.MAIL_NOT_SENT)
def send_code(email: str) -> dict[str, str]:
    """Send a verification code by e-mail (获取验证码/verify)."""
    return {"verify_code": verification.send_code(email, client_network())}

"""Routes of codes by e-mail."""

from auth_service import errors
from auth_service.domain import password_reset, verification
from auth_service.routes.clients import current_client
from auth_service.schemas import CodeOut, ForgotPasswordIn, ResetIn, VerificationIn
from shared.web.api import Blueprint
from shared.web.authentication import public
from shared.web.rate_limits import client_network

blueprint = Blueprint("verification", __name__)


@blueprint.post("/verify")
@public
@blueprint.arguments(VerificationIn)
@blueprint.success("Succeed", CodeOut, message="发送成功")
@blueprint.errors(errors.INVALID_EMAIL, errors.MAIL_NOT_SENT)
def send_code(email: str) -> dict[str, str]:
    """Send a verification code by e-mail (获取验证码/verify)."""
    return {"verify_code": verification.send_code(email, client_network())}


@blueprint.post("/account/password/forgot")
@public
@blueprint.arguments(ForgotPasswordIn)
@blueprint.success("Succeed", message="如果该邮箱已注册，验证码已发送")
@blueprint.errors(errors.INVALID_EMAIL)
def forgot_password(email: str) -> None:
    """Send a password reset code by mail if the address has an account."""
    password_reset.request_code(email, current_client())


@blueprint.post("/account/password/reset")
@public
@blueprint.arguments(ResetIn)
@blueprint.success("Succeed", message="修改成功")
@blueprint.errors(errors.INVALID_EMAIL, errors.INVALID_PASSWORD, errors.INVALID_CODE)
def reset_password(email: str, code: str, password: str) -> None:
    """Set a new password with a code from a mail and end all sessions."""
    password_reset.reset_password(email, code, password, current_client())
